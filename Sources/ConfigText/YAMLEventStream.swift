import CYaml

/// A place in a text: line and column from 1, and how many Unicode scalars stand before it.
package struct TextPlace: Equatable, Sendable {
    package let line: Int
    package let column: Int
    package let offset: Int

    package init(line: Int, column: Int, offset: Int) {
        self.line = line
        self.column = column
        self.offset = offset
    }
}

/// What the parser meets, with its place. Only what a tree is made of; the rest is dealt with here.
package enum YAMLEvent {
    case scalar(text: [UInt8], isPlain: Bool, tag: String?, anchor: [UInt8]?)
    case sequenceStart(anchor: [UInt8]?)
    case mappingStart(anchor: [UInt8]?)
    /// Of a sequence or a mapping.
    case end
    case alias([UInt8])
    case documentStart
    case documentEnd
    case streamStart
    case streamEnd
}

/// libyaml's events, which know a comment from an alias and a quoted star from a plain one.
package final class YAMLEventStream {
    package struct Fault: Error {
        package let place: TextPlace
        package let message: String
    }

    package struct Step {
        package let event: YAMLEvent
        package let start: TextPlace
        package let end: TextPlace
        /// Of a sequence or a mapping: written in brackets.
        package let isFlow: Bool
    }

    private var parser = yaml_parser_t()
    private let bytes: UnsafeMutableBufferPointer<UInt8>

    /// - Parameter text: without a byte-order mark.
    package init(_ text: String) {
        var text = text
        bytes = text.withUTF8 { source in
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(source.count, 1))
            _ = copy.initialize(from: source)
            return UnsafeMutableBufferPointer(rebasing: copy[0..<source.count])
        }
        // The only failure is memory, which `yaml_parser_parse` then reports.
        _ = yaml_parser_initialize(&parser)
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(&parser)
        bytes.deallocate()
    }

    /// The next event. After `streamEnd` none may be asked for.
    package func next() throws(Fault) -> Step {
        var event = yaml_event_t()
        guard yaml_parser_parse(&parser, &event) == 1 else { throw fault() }
        defer { yaml_event_delete(&event) }
        return Step(
            event: Self.event(event), start: Self.place(event.start_mark), end: Self.place(event.end_mark),
            isFlow: Self.isFlow(event))
    }

    private static func event(_ event: yaml_event_t) -> YAMLEvent {
        switch event.type {
        case YAML_STREAM_START_EVENT: return .streamStart
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_ALIAS_EVENT: return .alias(name(event.data.alias.anchor) ?? [])
        case YAML_SEQUENCE_START_EVENT: return .sequenceStart(anchor: name(event.data.sequence_start.anchor))
        case YAML_MAPPING_START_EVENT: return .mappingStart(anchor: name(event.data.mapping_start.anchor))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return .scalar(
                text: Array(text), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE,
                tag: name(scalar.tag).map { String(decoding: $0, as: UTF8.self) }, anchor: name(scalar.anchor))
        default: return .streamEnd
        }
    }

    private static func isFlow(_ event: yaml_event_t) -> Bool {
        switch event.type {
        case YAML_SEQUENCE_START_EVENT: event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
        case YAML_MAPPING_START_EVENT: event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
        default: false
        }
    }

    private static func name(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> [UInt8]? {
        guard let pointer else { return nil }
        var length = 0
        while pointer[length] != 0 { length += 1 }
        return Array(UnsafeBufferPointer(start: pointer, count: length))
    }

    private static func place(_ mark: yaml_mark_t) -> TextPlace {
        TextPlace(line: Int(mark.line) + 1, column: Int(mark.column) + 1, offset: Int(mark.index))
    }

    // MARK: What libyaml refuses

    private func fault() -> Fault {
        let problem = parser.problem.map { String(cString: $0) } ?? "no memory"
        if parser.error == YAML_READER_ERROR {
            return Fault(
                place: place(ofByte: Int(parser.problem_offset)), message: "not valid YAML: \(unreadable(problem))")
        }
        let place = Self.place(parser.problem_mark)
        if byte(at: place) == UInt8(ascii: "\t") {
            return Fault(
                place: place, message: "not valid YAML: a tab stands where spaces are wanted; indent with spaces")
        }
        if let context = parser.context, String(cString: context).contains("alias") {
            return Fault(
                place: place,
                message: "not valid YAML: '*' begins an alias, and no name follows; quote the text if a star is meant")
        }
        let context = parser.context.map {
            " (\(String(cString: $0)) from line \(Int(parser.context_mark.line) + 1))"
        }
        return Fault(place: place, message: "not valid YAML: \(problem)\(context ?? "")")
    }

    private func unreadable(_ problem: String) -> String {
        guard parser.problem_value > 0, parser.problem_value < 0x20 else { return problem }
        return
            "a control character (0x\(String(parser.problem_value, radix: 16))); remove it, or write it \"\\x..\" in quotes"
    }

    private func place(ofByte offset: Int) -> TextPlace {
        let before = bytes[..<max(0, min(offset, bytes.count))]
        let line = before.count { $0 == UInt8(ascii: "\n") }
        let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count
        return TextPlace(line: line + 1, column: column + 1, offset: before.count)
    }

    private func byte(at place: TextPlace) -> UInt8? {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.indices.contains(place.line - 1) else { return nil }
        return lines[place.line - 1].dropFirst(place.column - 1).first
    }
}
