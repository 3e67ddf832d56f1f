import ConfigText
import SweepModel

/// YAML text to nodes, within a budget. The tree is made here from libyaml's events: what scalars mean is
/// decided by our schema (YAML 1.2, where `010` is ten and `on` is text), keys are told apart by their bytes,
/// and what aliases add up to is counted before anything is copied.
struct YAMLReader {
    static let largestText = 1 << 20
    static let deepest = 64
    static let mostNodes = 100_000
    static let mostAliases = 1_000

    /// A node that was given a name, and what it weighs where it is used again.
    private struct Anchored {
        let node: YAMLNode
        let nodes: Int
        let levels: Int
    }

    private let file: String
    private let events: YAMLEvents
    private var visited = 0
    private var aliases = 0
    private var deepestLevel = 0
    private var anchors: [[UInt8]: Anchored] = [:]
    private var faults: [SweepFault] = []

    private init(_ text: String, file: String) {
        self.file = file
        events = YAMLEvents(text)
    }

    /// - Throws: `SweepFileError` for text that is no YAML, goes beyond the budget, merges maps (`<<`),
    ///   repeats a key, has a key that is no text, or holds more than one document.
    static func read(_ text: String, file: String) throws(SweepFileError) -> YAMLNode {
        // A byte-order mark says nothing in UTF-8, and is no part of the first key.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        guard text.utf8.count <= largestText else {
            throw syntax(
                file, SourceMark(line: 1, column: 1),
                "\(text.utf8.count) bytes; a sweep file has at most \(largestText)")
        }
        var reader = YAMLReader(text, file: file)
        let node: YAMLNode?
        do throws(YAMLEvents.Fault) {
            node = try reader.document()
        } catch {
            throw syntax(file, error.mark, error.message)
        }
        guard reader.faults.isEmpty else { throw SweepFileError(code: .syntax, faults: reader.faults) }
        guard let node else { throw syntax(file, SourceMark(line: 1, column: 1), "the file is empty") }
        return node
    }

    /// The only document of the stream; nil if there is none.
    private mutating func document() throws(YAMLEvents.Fault) -> YAMLNode? {
        var root: YAMLNode?
        while true {
            let (event, mark) = try events.next()
            switch event {
            case .streamEnd: return root
            case .streamStart, .documentEnd: continue
            case .documentStart where root != nil:
                throw YAMLEvents.Fault(
                    mark: mark,
                    message: "not valid YAML for a sweep: a second document begins here; give each a file of its own")
            case .documentStart:
                let (first, place) = try events.next()
                root = try node(first, place, depth: 0)
            default: continue
            }
        }
    }

    private mutating func node(_ event: YAMLEvent, _ mark: SourceMark, depth: Int) throws(YAMLEvents.Fault) -> YAMLNode
    {
        let before = visited
        let outer = deepestLevel
        deepestLevel = depth
        try count(1, at: depth, mark)
        let content: YAMLNode.Content
        let anchor: [UInt8]?
        switch event {
        case .scalar(let text, let isPlain, let tag, let name):
            anchor = name
            content = scalar(String(decoding: text, as: UTF8.self), isPlain: isPlain, tag: tag, mark)
        case .sequenceStart(let name):
            anchor = name
            content = .sequence(try items(depth: depth))
        case .mappingStart(let name):
            anchor = name
            content = .mapping(try entries(depth: depth))
        case .alias(let name):
            deepestLevel = max(outer, deepestLevel)
            return try aliased(name, mark, depth: depth)
        default:
            throw YAMLEvents.Fault(mark: mark, message: "not valid YAML: a value is missing here")
        }
        let node = YAMLNode(content: content, mark: mark)
        if let anchor {
            anchors[anchor] = Anchored(node: node, nodes: visited - before, levels: deepestLevel - depth)
        }
        deepestLevel = max(outer, deepestLevel)
        return node
    }

    /// Every node counts as often as it is used, before it is used.
    private mutating func count(_ nodes: Int, at depth: Int, _ mark: SourceMark) throws(YAMLEvents.Fault) {
        visited += nodes
        deepestLevel = max(deepestLevel, depth)
        guard depth <= Self.deepest else {
            throw YAMLEvents.Fault(mark: mark, message: "more than \(Self.deepest) levels")
        }
        guard visited <= Self.mostNodes else {
            throw YAMLEvents.Fault(mark: mark, message: "more than \(Self.mostNodes) nodes, aliases followed")
        }
    }

    private mutating func aliased(_ name: [UInt8], _ mark: SourceMark, depth: Int) throws(YAMLEvents.Fault) -> YAMLNode
    {
        let text = String(decoding: name, as: UTF8.self)
        guard let anchored = anchors[name] else {
            throw YAMLEvents.Fault(
                mark: mark,
                message:
                    "not valid YAML: '*\(text)' is an alias, and no '&\(text)' stands before it; quote it if a star is meant"
            )
        }
        aliases += 1
        guard aliases <= Self.mostAliases else {
            throw YAMLEvents.Fault(mark: mark, message: "more than \(Self.mostAliases) aliases")
        }
        try count(anchored.nodes - 1, at: depth + anchored.levels, mark)
        return anchored.node
    }

    private mutating func items(depth: Int) throws(YAMLEvents.Fault) -> [YAMLNode] {
        var items: [YAMLNode] = []
        while true {
            let (event, mark) = try events.next()
            if case .end = event { return items }
            items.append(try node(event, mark, depth: depth + 1))
        }
    }

    private mutating func entries(depth: Int) throws(YAMLEvents.Fault) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        // By bytes: Swift's strings take a composed and a decomposed letter for the same.
        var places: [[UInt8]: SourceMark] = [:]
        while true {
            let (event, mark) = try events.next()
            if case .end = event { return entries }
            guard case .scalar(let bytes, let isPlain, _, _) = event else {
                refuse(mark, "a key that is no text")
                _ = try node(event, mark, depth: depth + 1)
                let (value, place) = try events.next()
                _ = try node(value, place, depth: depth + 1)
                continue
            }
            _ = try node(event, mark, depth: depth + 1)
            let (value, place) = try events.next()
            let node = try node(value, place, depth: depth + 1)
            let key = String(decoding: bytes, as: UTF8.self)
            if key == "<<", isPlain {
                refuse(mark, "'<<' (merging maps) is no YAML 1.2; write the keys out, or use 'defaults' and 'baseline'")
            } else if let first = places[bytes] {
                refuse(first, "the key '\(key)' is there twice in one map, again in line \(mark.line); remove one")
            } else {
                places[bytes] = mark
                entries.append(YAMLEntry(key: key, keyMark: mark, value: node))
            }
        }
    }

    private mutating func scalar(_ text: String, isPlain: Bool, tag: String?, _ mark: SourceMark) -> YAMLNode.Content {
        switch tag {
        case nil where isPlain: return .scalar(YAMLScalar(plain: text), source: text)
        case nil, "!", "tag:yaml.org,2002:str": return .scalar(.text(text), source: text)
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null":
            return .scalar(YAMLScalar(plain: text), source: text)
        default:
            refuse(mark, "the tag \(tag ?? "") means nothing here")
            return .scalar(.null, source: text)
        }
    }

    private mutating func refuse(_ mark: SourceMark, _ message: String) {
        let fault = SweepFault(file: file, mark: mark, message: message)
        if !faults.contains(fault), faults.count < 100 { faults.append(fault) }
    }

    private static func syntax(_ file: String, _ mark: SourceMark, _ message: String) -> SweepFileError {
        SweepFileError(code: .syntax, faults: [SweepFault(file: file, mark: mark, message: message)])
    }
}
