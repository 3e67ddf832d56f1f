/// Cuts JSON into pieces without reading them.
enum JSONText {
    struct Member {
        /// With its quotes.
        let name: ArraySlice<UInt8>
        let value: ArraySlice<UInt8>

        func isNamed(_ text: StaticString) -> Bool {
            name.count == text.utf8CodeUnitCount + 2
                && name.dropFirst().dropLast().elementsEqual(
                    UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
    }

    /// - Returns: the members of an object in their order; nil for anything else.
    static func members(of text: ArraySlice<UInt8>) -> [Member]? {
        var cutter = Cutter(rest: text)
        guard cutter.accept("{") else { return nil }
        var members: [Member] = []
        if cutter.accept("}") { return members }
        while true {
            guard let name = cutter.value(), name.first == UInt8(ascii: "\""), cutter.accept(":"),
                let value = cutter.value()
            else { return nil }
            members.append(Member(name: name, value: value))
            if cutter.accept(",") { continue }
            return cutter.accept("}") && cutter.isAtEnd ? members : nil
        }
    }

    /// - Returns: the elements of an array in their order; nil for anything else.
    static func elements(of text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
        var cutter = Cutter(rest: text)
        guard cutter.accept("[") else { return nil }
        var elements: [ArraySlice<UInt8>] = []
        if cutter.accept("]") { return elements }
        while true {
            guard let value = cutter.value() else { return nil }
            elements.append(value)
            if cutter.accept(",") { continue }
            return cutter.accept("]") && cutter.isAtEnd ? elements : nil
        }
    }

    private struct Cutter {
        var rest: ArraySlice<UInt8>

        private mutating func passSpace() {
            while let byte = rest.first, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
                rest.removeFirst()
            }
        }

        var isAtEnd: Bool {
            mutating get {
                passSpace()
                return rest.isEmpty
            }
        }

        mutating func accept(_ character: Unicode.Scalar) -> Bool {
            passSpace()
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        /// The next value, whatever it is; whether it is a right one its reader finds out.
        mutating func value() -> ArraySlice<UInt8>? {
            passSpace()
            var depth = 0
            var place = rest.startIndex
            loop: while place < rest.endIndex {
                switch rest[place] {
                case UInt8(ascii: "\""):
                    place += 1
                    while place < rest.endIndex, rest[place] != UInt8(ascii: "\"") {
                        place += rest[place] == UInt8(ascii: "\\") ? 2 : 1
                    }
                    guard place < rest.endIndex else { return nil }
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { break loop }
                    depth -= 1
                case UInt8(ascii: ","), UInt8(ascii: ":"): if depth == 0 { break loop }
                case 0x20, 0x0A, 0x0D, 0x09: if depth == 0 { break loop }
                default: break
                }
                place += 1
            }
            guard depth == 0, place > rest.startIndex else { return nil }
            defer { rest = rest[place...] }
            return rest[..<place]
        }
    }
}
