import SweepModel
import Yams

/// YAML text to nodes, within a budget. Yams gives the tree and the places; what scalars mean is decided here, because
/// Yams speaks YAML 1.1 (`010` would be 8, `on` true, `1:30` 90).
struct YAMLReader {
    static let largestText = 1 << 20
    static let deepest = 64
    static let mostNodes = 100_000
    static let mostAliases = 1_000

    private let file: String
    private var visited = 0
    private var faults: [SweepFault] = []

    private init(file: String) { self.file = file }

    /// - Throws: `SweepFileError` for text that is no YAML, goes beyond the budget, merges maps (`<<`), repeats a key or
    ///   has a key that is no text.
    static func read(_ text: String, file: String) throws(SweepFileError) -> YAMLNode {
        guard text.utf8.count <= largestText else {
            throw syntax(
                file, SourceMark(line: 1, column: 1),
                "\(text.utf8.count) bytes; a sweep file has at most \(largestText)")
        }
        try refuseAliasTricks(text, file: file)
        let root: Node?
        do {
            // Without rules every plain scalar stays text until our schema looks at it.
            root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch {
            throw syntax(error, file: file)
        }
        guard let root else { throw syntax(file, SourceMark(line: 1, column: 1), "the file is empty") }
        var reader = YAMLReader(file: file)
        let node = reader.node(root, depth: 0)
        guard let node, reader.faults.isEmpty else { throw SweepFileError(code: .syntax, faults: reader.faults) }
        return node
    }

    private mutating func node(_ node: Node, depth: Int) -> YAMLNode? {
        let mark = Self.mark(node.mark)
        visited += 1
        guard visited <= Self.mostNodes, depth <= Self.deepest else {
            let limit = depth > Self.deepest ? "\(Self.deepest) levels" : "\(Self.mostNodes) nodes, aliases followed"
            refuseOnce(mark, "more than \(limit)")
            return nil
        }
        switch node {
        case .scalar(let scalar): return self.scalar(scalar, mark)
        case .sequence(let sequence):
            let items = sequence.compactMap { self.node($0, depth: depth + 1) }
            return YAMLNode(content: .sequence(items), mark: mark)
        case .mapping(let mapping):
            return YAMLNode(content: .mapping(entries(mapping, depth: depth)), mark: mark)
        case .alias:
            refuseOnce(mark, "an alias without its anchor")
            return nil
        }
    }

    private mutating func entries(_ mapping: Node.Mapping, depth: Int) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        for (key, value) in mapping {
            guard visited <= Self.mostNodes else { break }
            let mark = Self.mark(key.mark)
            guard case .scalar(let scalar) = key else {
                refuseOnce(mark, "a key that is no text")
                continue
            }
            if scalar.string == "<<", scalar.style == .plain {
                refuseOnce(
                    mark, "'<<' (merging maps) is no YAML 1.2; write the keys out, or use 'defaults' and 'baseline'")
                continue
            }
            guard let node = node(value, depth: depth + 1) else { continue }
            entries.append(YAMLEntry(key: scalar.string, keyMark: mark, value: node))
        }
        return entries
    }

    private mutating func scalar(_ scalar: Node.Scalar, _ mark: SourceMark) -> YAMLNode? {
        let text = scalar.string
        let value: YAMLScalar
        switch scalar.tag.rawValue {
        case "" where scalar.style == .plain: value = YAMLScalar(plain: text)
        case "", "!", "tag:yaml.org,2002:str": value = .text(text)
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null":
            value = YAMLScalar(plain: text)
        default:
            refuseOnce(mark, "the tag \(scalar.tag.rawValue) means nothing here")
            return nil
        }
        return YAMLNode(content: .scalar(value, source: text), mark: mark)
    }

    private mutating func refuseOnce(_ mark: SourceMark, _ message: String) {
        let fault = SweepFault(file: file, mark: mark, message: message)
        if !faults.contains(where: { $0.message == message && $0.mark == mark }), faults.count < 100 {
            faults.append(fault)
        }
    }

    private static func mark(_ mark: Mark?) -> SourceMark {
        SourceMark(line: mark?.line ?? 1, column: mark?.column ?? 1)
    }
}

extension YAMLReader {
    /// Yams compares whole keys while it builds the tree, aliases expanded: keys made of aliases could keep it busy for
    /// ever. So texts with aliases may have plain keys only, and not too many aliases.
    private static func refuseAliasTricks(_ text: String, file: String) throws(SweepFileError) {
        var aliases = 0
        var complexKey: SourceMark?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let bytes = Array(line.utf8)
            for (column, byte) in bytes.enumerated() {
                let before = column == 0 ? UInt8(ascii: " ") : bytes[column - 1]
                let after = column + 1 < bytes.count ? bytes[column + 1] : UInt8(ascii: " ")
                let opens = " \t[{,:-?".utf8.contains(before)
                if byte == UInt8(ascii: "*"), opens, after != UInt8(ascii: " ") {
                    aliases += 1
                    // "*name :" is a key.
                    let rest = bytes[(column + 1)...].drop { !" \t,]}:".utf8.contains($0) }.drop {
                        $0 == UInt8(ascii: " ")
                    }
                    if rest.first == UInt8(ascii: ":") {
                        complexKey = complexKey ?? SourceMark(line: index + 1, column: column + 1)
                    }
                }
                let closes = byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}")
                let isKeyMark =
                    byte == UInt8(ascii: "?") && opens && (after == UInt8(ascii: " ") || after == UInt8(ascii: "\t"))
                let isCollectionKey =
                    closes && bytes[(column + 1)...].first(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: ":")
                if isKeyMark || isCollectionKey {
                    complexKey = complexKey ?? SourceMark(line: index + 1, column: column + 1)
                }
            }
        }
        guard aliases > 0 else { return }
        guard aliases <= mostAliases else {
            throw syntax(file, SourceMark(line: 1, column: 1), "more than \(mostAliases) aliases")
        }
        if let complexKey { throw syntax(file, complexKey, "a file with aliases may have plain keys only") }
    }

    private static func syntax(_ file: String, _ mark: SourceMark, _ message: String) -> SweepFileError {
        SweepFileError(code: .syntax, faults: [SweepFault(file: file, mark: mark, message: message)])
    }

    private static func syntax(_ error: any Error, file: String) -> SweepFileError {
        let start = SourceMark(line: 1, column: 1)
        guard let error = error as? YamlError else { return syntax(file, start, "\(error)") }
        switch error {
        case .scanner(let context, let problem, let place, _), .parser(let context, let problem, let place, _):
            let detail = context.map { " (\($0.text) from line \($0.mark.line))" } ?? ""
            return syntax(file, mark(place), "not valid YAML: \(problem)\(detail)")
        case .composer(_, let problem, let place, _):
            return syntax(file, mark(place), "not valid YAML: \(problem)")
        case .reader(let problem, _, _, _):
            return syntax(file, start, "not valid YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let keys = duplicates.map { "'\($0)'" }.joined(separator: ", ")
            return syntax(file, mark(context.mark), "the key \(keys) is there twice in one map; remove one")
        default:
            return syntax(file, start, "not valid YAML: \(error)")
        }
    }
}
