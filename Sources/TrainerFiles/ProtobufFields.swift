/// The fields of one protobuf message, one after the other, as they stand in a byte array.
///
/// Wire format: https://protobuf.dev/programming-guides/encoding. Groups, which no file read here has, and what
/// ends before its length count as damage.
struct ProtobufFields {
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        /// Text, bytes, packed numbers or a message inside: their place in the array.
        case bytes(Range<Int>)
    }

    private let bytes: [UInt8]
    private var place: Int
    private let end: Int
    /// The message is none, from here on.
    private(set) var isDamaged = false

    /// - Parameter range: the place of the message in `bytes`.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        place = range.lowerBound
        end = range.upperBound
    }

    /// The next field; nil at the end and where it is damaged.
    mutating func next() -> (number: Int, value: Value)? {
        guard place < end, !isDamaged else { return nil }
        guard let tag = varint(), tag >> 3 > 0, tag >> 3 < 1 << 29 else { return damaged() }
        let number = Int(tag >> 3)
        switch tag & 7 {
        case 0: return varint().map { (number, .varint($0)) } ?? damaged()
        case 1: return word(UInt64.self).map { (number, .fixed64($0)) } ?? damaged()
        case 5: return word(UInt32.self).map { (number, .fixed32($0)) } ?? damaged()
        case 2:
            guard let length = varint(), length <= UInt64(end - place) else { return damaged() }
            defer { place += Int(length) }
            return (number, .bytes(place..<(place + Int(length))))
        default: return damaged()
        }
    }

    private mutating func damaged() -> (number: Int, value: Value)? {
        isDamaged = true
        return nil
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard place < end else { return nil }
            let byte = bytes[place]
            place += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private mutating func word<Word: FixedWidthInteger>(_ type: Word.Type) -> Word? {
        let size = MemoryLayout<Word>.size
        guard end - place >= size else { return nil }
        defer { place += size }
        return bytes.little(type, at: place)
    }
}

extension [UInt8] {
    /// The little-endian number at `offset`.
    ///
    /// - Precondition: all of its bytes are there.
    func little<Word: FixedWidthInteger>(_ type: Word.Type, at offset: Int) -> Word {
        precondition(offset >= 0 && offset + MemoryLayout<Word>.size <= count)
        return withUnsafeBytes { Word(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Word.self)) }
    }

    func text(_ range: Range<Int>) -> String { String(decoding: self[range], as: UTF8.self) }
}
