package import SweepModel

/// What the process of a query says, piece by piece (`Sources/radiata-query/answer.h`).
package enum QueryPiece: Equatable, Sendable {
    /// First, once.
    case columns([String])
    case row([QueryValue])
    /// Last, once.
    case end(isTruncated: Bool)
}

/// What the process reads: first of which file, then the query.
struct QueryRequestBytes {
    private(set) var bytes: [UInt8] = []

    init(path: String) {
        add(UInt32(0x3251_5152))
        add(path)
    }

    init(_ query: ReadOnlyQuery, _ sql: String) {
        for limit in [
            query.memory, Int64(query.mostRows), Int64(query.mostBytes), Int64(query.mostRowBytes), query.milliseconds,
        ] { add(limit) }
        add(UInt32(query.tables.count))
        for text in query.tables + [sql] { add(text) }
    }

    private mutating func add(_ text: String) {
        add(UInt32(text.utf8.count))
        bytes += text.utf8
    }

    private mutating func add(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value) { bytes += $0 }
    }
}

/// Cuts what came into frames and reads them. The other side is this program's own, but what it holds may be
/// damaged: lengths are compared with what is there.
struct QueryFrames {
    private var bytes: [UInt8] = []
    private var start = 0

    mutating func append(_ more: ArraySlice<UInt8>) {
        if start > 0, start >= bytes.count / 2 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes += more
    }

    /// - Returns: nil until a whole frame is there.
    /// - Throws: `LedgerError` `query` with what the process says, or for a frame that cannot be read.
    mutating func next() throws -> QueryPiece? {
        guard bytes.count - start >= 5 else { return nil }
        let length = Int(bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start + 1, as: UInt32.self) })
        guard bytes.count - start >= 5 + length else { return nil }
        let kind = bytes[start]
        var frame = Frame(bytes: bytes, place: start + 5, end: start + 5 + length)
        start += 5 + length
        switch kind {
        case UInt8(ascii: "C"):
            return .columns(
                try (0..<Int(frame.number(UInt32.self))).map { _ in
                    String(decoding: try frame.content(), as: UTF8.self)
                })
        case UInt8(ascii: "R"):
            var values: [QueryValue] = []
            while !frame.isOver { values.append(try frame.value()) }
            return .row(values)
        case UInt8(ascii: "D"): return .end(isTruncated: try frame.number(UInt8.self) != 0)
        case UInt8(ascii: "E"): throw LedgerError(.query, String(decoding: frame.rest, as: UTF8.self))
        default: throw Frame.damaged
        }
    }
}

private struct Frame {
    static let damaged = LedgerError(.inputOutput, "the answer of the query's process cannot be read")

    let bytes: [UInt8]
    var place: Int
    let end: Int

    var isOver: Bool { place >= end }
    var rest: ArraySlice<UInt8> { bytes[place..<end] }

    mutating func number<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
        let size = MemoryLayout<Value>.size
        guard end - place >= size else { throw Self.damaged }
        defer { place += size }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: type) }
    }

    mutating func content() throws -> ArraySlice<UInt8> {
        let count = Int(try number(UInt32.self))
        guard end - place >= count else { throw Self.damaged }
        defer { place += count }
        return bytes[place..<place + count]
    }

    mutating func value() throws -> QueryValue {
        switch try number(UInt8.self) {
        case 0: .null
        case 1: .integer(try number(Int64.self))
        case 2: .real(Double(bitPattern: try number(UInt64.self)))
        case 3: .text(String(decoding: try content(), as: UTF8.self))
        case 4: .blob(Array(try content()))
        default: throw Self.damaged
        }
    }
}
