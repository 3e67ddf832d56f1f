import RunSpec

/// YAML with the places of its values. Plain scalars mean what YAML 1.2 and 1.1 agree on; what they do not
/// is text here, and stays as it stands.
struct YAMLTree {
    private let scalars: [Unicode.Scalar]
    private let events: YAMLEventStream
    private var nodes = 0

    static func read(_ scalars: [Unicode.Scalar]) throws(ConfigFault) -> ConfigNode {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        var tree = YAMLTree(scalars: scalars, events: YAMLEventStream(String(view)))
        do throws(YAMLEventStream.Fault) {
            return try tree.document()
        } catch {
            throw ConfigFault(error.message, line: error.place.line)
        }
    }

    private init(scalars: [Unicode.Scalar], events: YAMLEventStream) {
        self.scalars = scalars
        self.events = events
    }

    private mutating func document() throws(YAMLEventStream.Fault) -> ConfigNode {
        var root: ConfigNode?
        while true {
            let step = try events.next()
            switch step.event {
            case .streamEnd: return root ?? ConfigNode(.value(.null), 0..<0)
            case .documentStart where root != nil:
                throw YAMLEventStream.Fault(place: step.start, message: "a second document begins here")
            case .documentStart: root = try node(try events.next(), depth: 0)
            default: continue
            }
        }
    }

    private mutating func node(_ step: YAMLEventStream.Step, depth: Int) throws(YAMLEventStream.Fault) -> ConfigNode {
        nodes += 1
        guard depth < 64, nodes < 100_000 else {
            throw YAMLEventStream.Fault(place: step.start, message: "more than 64 levels or 100,000 values")
        }
        let range = step.start.offset..<step.end.offset
        switch step.event {
        case .scalar(let text, let isPlain, let tag, let anchor):
            let source = String(decoding: text, as: UTF8.self)
            var node = ConfigNode(.value(.text(source)), trimmed(range))
            if isPlain, tag == nil {
                node.content = .value(Self.plain(source))
                if case .value(.number) = node.content { node.isFloat = source.contains { ".eE".contains($0) } }
            }
            node.refusal = Self.refusal(anchor)
            return node
        case .sequenceStart(let anchor): return try list(step, anchor, depth)
        case .mappingStart(let anchor): return try table(step, anchor, depth)
        case .alias(let name):
            var node = ConfigNode(.value(.null), range)
            node.refusal = "*\(String(decoding: name, as: UTF8.self)) repeats what stands elsewhere; write it out"
            return node
        default: throw YAMLEventStream.Fault(place: step.start, message: "a value is missing here")
        }
    }

    private mutating func list(
        _ step: YAMLEventStream.Step, _ anchor: [UInt8]?, _ depth: Int
    ) throws(YAMLEventStream.Fault) -> ConfigNode {
        var items: [ConfigNode] = []
        var end = step.end.offset
        var dashes: [Int] = []
        while true {
            let next = try events.next()
            if case .end = next.event {
                if step.isFlow { end = next.end.offset }
                break
            }
            let item = try node(next, depth: depth + 1)
            end = max(end, item.range.upperBound)
            dashes.append(next.start.offset)
            items.append(item)
        }
        var node = ConfigNode(.list(items), step.start.offset..<end)
        node.refusal = Self.refusal(anchor)
        if step.isFlow {
            node.insertion =
                items.last.map { Insertion(place: $0.range.upperBound, before: ", ") }
                ?? Insertion(place: step.start.offset + 1)
        } else {
            let column = step.start.column - 1
            node.insertion = Insertion(
                place: step.start.offset, before: "- ", after: "\n" + String(repeating: " ", count: column))
        }
        return node
    }

    private mutating func table(
        _ step: YAMLEventStream.Step, _ anchor: [UInt8]?, _ depth: Int
    ) throws(YAMLEventStream.Fault) -> ConfigNode {
        var entries: [ConfigEntry] = []
        var end = step.end.offset
        var first: TextPlace?
        while true {
            let next = try events.next()
            if case .end = next.event {
                if step.isFlow { end = next.end.offset }
                break
            }
            if first == nil { first = next.start }
            let name = try node(next, depth: depth + 1)
            let value = try node(try events.next(), depth: depth + 1)
            end = max(end, value.range.upperBound)
            guard case .scalar(let text, _, _, _) = next.event else {
                throw YAMLEventStream.Fault(place: next.start, message: "a key that is no text")
            }
            _ = name
            entries.append(ConfigEntry(key: String(decoding: text, as: UTF8.self), node: value))
        }
        var node = ConfigNode(.table(entries), step.start.offset..<end)
        node.refusal = Self.refusal(anchor)
        if step.isFlow {
            node.insertion = Insertion(place: step.start.offset + 1, after: entries.isEmpty ? "" : ", ")
        } else if let first {
            // Before the first key: what stands behind the last may be comments that belong elsewhere.
            node.insertion = Insertion(
                place: first.offset, after: "\n" + String(repeating: " ", count: first.column - 1))
        }
        return node
    }

    /// Without the line ends that a block of text brings along.
    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var end = min(range.upperBound, scalars.count)
        while end > range.lowerBound, scalars[end - 1].properties.isWhitespace { end -= 1 }
        return range.lowerBound..<end
    }

    private static func refusal(_ anchor: [UInt8]?) -> String? {
        anchor.map { "&\(String(decoding: $0, as: UTF8.self)) is repeated elsewhere; write it out" }
    }

    private static func plain(_ text: String) -> ParameterValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .flag(true)
        case "false", "False", "FALSE": return .flag(false)
        default: break
        }
        guard let first = text.first, "+-.0123456789".contains(first), !text.hasPrefix("0x"), !text.hasPrefix("0o"),
            let number = Double(text.hasPrefix(".") ? "0" + text : text), number.isFinite
        else { return .text(text) }
        return .number(number)
    }
}
