/// The fields of a message in protocol buffers' wire format.
enum ProtocolBuffer {
    enum Value {
        case number(UInt64)
        case fixed32(UInt32)
        case fixed64(UInt64)
        case bytes([UInt8])
    }

    struct Field {
        let number: Int
        let value: Value
    }

    /// - Returns: nil for bytes that end within a field, or hold a kind that nobody writes any more.
    static func fields(_ bytes: [UInt8]) -> [Field]? {
        var (place, fields) = (0, [Field]())
        while place < bytes.count {
            guard let key = number(bytes, &place), key >> 3 > 0, key >> 3 < 1 << 29 else { return nil }
            let value: Value
            switch key & 7 {
            case 0:
                guard let found = number(bytes, &place) else { return nil }
                value = .number(found)
            case 1:
                guard let found = fixed(8, bytes, &place) else { return nil }
                value = .fixed64(found)
            case 2:
                guard let length = number(bytes, &place), length <= UInt64(bytes.count - place) else { return nil }
                value = .bytes(Array(bytes[place..<place + Int(length)]))
                place += Int(length)
            case 5:
                guard let found = fixed(4, bytes, &place) else { return nil }
                value = .fixed32(UInt32(found))
            default: return nil
            }
            fields.append(Field(number: Int(key >> 3), value: value))
        }
        return fields
    }

    private static func number(_ bytes: [UInt8], _ place: inout Int) -> UInt64? {
        var (value, shift) = (UInt64(0), UInt64(0))
        while place < bytes.count, shift < 64 {
            let byte = bytes[place]
            place += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }

    private static func fixed(_ width: Int, _ bytes: [UInt8], _ place: inout Int) -> UInt64? {
        guard bytes.count - place >= width else { return nil }
        defer { place += width }
        var value: UInt64 = 0
        for byte in bytes[place..<place + width].reversed() { value = value << 8 | UInt64(byte) }
        return value
    }
}
