/// A `TensorProto`: 1 `dtype`, 2 `tensor_shape`, 4 `tensor_content` (raw, little-endian), 5 `float_val`, 6
/// `double_val`, 7 `int_val`, 8 `string_val`, 10 `int64_val`, 11 `bool_val`, 13 `half_val`, 16 `uint32_val`,
/// 17 `uint64_val`.
struct EventTensor {
    /// Numbers of `DataType` in tensorflow/core/framework/types.proto.
    private enum Kind: UInt64 {
        case float = 1
        case double = 2
        case int32 = 3
        case uint8 = 4
        case int16 = 5
        case int8 = 6
        case int64 = 9
        case bool = 10
        case bfloat16 = 14
        case uint16 = 17
        case half = 19
        case uint32 = 22
        case uint64 = 23
    }

    private var type: UInt64 = 0
    /// Elements by its shape.
    private var size: UInt64 = 1
    private var content: Range<Int>?
    /// The first value of a typed list.
    private var first: ProtobufFields.Value?
    private(set) var texts: [Range<Int>] = []

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        var fields = ProtobufFields(bytes, range)
        while let (number, value) = fields.next() {
            switch (number, value) {
            case (1, .varint(let word)): type = word
            case (2, .bytes(let shape)): size = Self.size(bytes, shape)
            case (4, .bytes(let raw)): content = raw
            case (8, .bytes(let text)): texts.append(text)
            case (5, _), (6, _), (7, _), (10, _), (11, _), (13, _), (16, _), (17, _): first = first ?? value
            default: break
            }
        }
    }

    /// Its only element as a number; nil for a tensor of several, or of text.
    func scalar(_ bytes: [UInt8]) -> Double? {
        guard size == 1, let kind = Kind(rawValue: type) else { return nil }
        if let content, !content.isEmpty { return raw(kind, bytes, content) }
        switch first {
        case .fixed32(let bits): return EventRecord.double(Float(bitPattern: bits))
        case .fixed64(let bits): return Double(bitPattern: bits)
        case .varint(let word): return integer(kind, word)
        case .bytes(let packed) where kind == .float && packed.count == 4,
            .bytes(let packed) where kind == .double && packed.count == 8:
            return raw(kind, bytes, packed)
        case .bytes(let packed):
            var inner = ProtobufVarint(bytes, packed)
            return inner.next().flatMap { integer(kind, $0) }
        // A list that is left out holds zeros.
        case nil: return 0
        }
    }

    /// An element of a typed list, where 16-bit floats stand as their bits.
    private func integer(_ kind: Kind, _ word: UInt64) -> Double? {
        switch kind {
        case .half: Double(Float16(bitPattern: UInt16(truncatingIfNeeded: word)))
        case .bfloat16: Self.bfloat16(UInt16(truncatingIfNeeded: word))
        case .uint32, .uint64: Double(word)
        case .float, .double: nil
        default: Double(Int64(bitPattern: word))
        }
    }

    private func raw(_ kind: Kind, _ bytes: [UInt8], _ range: Range<Int>) -> Double? {
        func word<Word: FixedWidthInteger>(_ type: Word.Type) -> Word? {
            range.count == MemoryLayout<Word>.size ? bytes.little(type, at: range.lowerBound) : nil
        }
        switch kind {
        case .float: return word(UInt32.self).map { EventRecord.double(Float(bitPattern: $0)) }
        case .double: return word(UInt64.self).map { Double(bitPattern: $0) }
        case .int32: return word(Int32.self).map { Double($0) }
        case .uint32: return word(UInt32.self).map { Double($0) }
        case .int64: return word(Int64.self).map { Double($0) }
        case .uint64: return word(UInt64.self).map { Double($0) }
        case .int16: return word(Int16.self).map { Double($0) }
        case .uint16: return word(UInt16.self).map { Double($0) }
        case .int8: return word(Int8.self).map { Double($0) }
        case .uint8, .bool: return word(UInt8.self).map { Double($0) }
        case .half: return word(UInt16.self).map { Double(Float16(bitPattern: $0)) }
        case .bfloat16: return word(UInt16.self).map(Self.bfloat16)
        }
    }

    private static func bfloat16(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }

    /// `TensorShapeProto`: 2 `dim`, of `Dim`: 1 `size`.
    private static func size(_ bytes: [UInt8], _ shape: Range<Int>) -> UInt64 {
        var size: UInt64 = 1
        var fields = ProtobufFields(bytes, shape)
        while let (number, value) = fields.next() {
            guard case (2, .bytes(let dimension)) = (number, value) else { continue }
            var length: UInt64 = 0
            var inner = ProtobufFields(bytes, dimension)
            while let (number, value) = inner.next() {
                if case (1, .varint(let word)) = (number, value) { length = word }
            }
            size = size.multipliedReportingOverflow(by: length).partialValue
        }
        return size
    }
}

/// Numbers of a packed list.
private struct ProtobufVarint {
    private let bytes: [UInt8]
    private var range: Range<Int>

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    mutating func next() -> UInt64? {
        var value: UInt64 = 0
        for (index, place) in range.enumerated() {
            guard index < 10 else { return nil }
            value |= UInt64(bytes[place] & 0x7F) << UInt64(7 * index)
            if bytes[place] < 0x80 {
                range = (place + 1)..<range.upperBound
                return value
            }
        }
        return nil
    }
}
