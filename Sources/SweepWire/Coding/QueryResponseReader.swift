package import Foundation
import SweepModel

/// Reads what `QueryResponseText` writes, a hundred times faster than a general decoder: answers have
/// hundreds of thousands of values.
struct QueryResponseReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    /// What a reader does not know is left to the general decoder.
    private struct Unknown: Error {}

    /// - Returns: nil for anything that is not written exactly so; it may be right all the same.
    static func read(_ body: Data) -> QueryResponse? {
        body.withUnsafeBytes { raw in
            var reader = QueryResponseReader(bytes: raw.bindMemory(to: UInt8.self))
            // The reader of all JSON finds the words for what is wrong.
            return try? reader.response()
        }
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private mutating func response() throws(Unknown) -> QueryResponse {
        try expect(#"{"columns":["#)
        var columns: [String] = []
        if !accept(UInt8(ascii: "]")) {
            repeat { columns.append(try text()) } while accept(UInt8(ascii: ","))
            try expect("]")
        }
        try expect(#","rows":["#)
        var rows: [[QueryValue]] = []
        if !accept(UInt8(ascii: "]")) {
            var before = [Range<Int>](repeating: 0..<0, count: columns.count)
            repeat { rows.append(try row(columns.count, rows.last, &before)) } while accept(UInt8(ascii: ","))
            try expect("]")
        }
        try expect(#","isTruncated":"#)
        let isTruncated = position < bytes.count && bytes[position] == UInt8(ascii: "t")
        try expect(isTruncated ? "true}" : "false}")
        guard position == bytes.count else { throw Unknown() }
        return QueryResponse(columns: columns, rows: rows, isTruncated: isTruncated)
    }

    /// - Parameters:
    ///   - last: the row before: texts that repeat are shared with it.
    ///   - before: where its texts stood.
    private mutating func row(
        _ count: Int, _ last: [QueryValue]?, _ before: inout [Range<Int>]
    ) throws(Unknown) -> [QueryValue] {
        try expect("[")
        var row: [QueryValue] = []
        row.reserveCapacity(count)
        for column in 0..<count {
            if column > 0 { try expect(",") }
            guard position < bytes.count else { throw Unknown() }
            guard bytes[position] == UInt8(ascii: "\"") else {
                row.append(try plain())
                before[column] = 0..<0
                continue
            }
            let start = position
            let known = before[column]
            if !known.isEmpty, let last, isSame(known) {
                position = start + known.count
                row.append(last[column])
            } else {
                let text = try text()
                row.append(Self.special[text].map { .real($0) } ?? .text(text))
            }
            before[column] = start..<position
        }
        try expect("]")
        return row
    }

    private func isSame(_ known: Range<Int>) -> Bool {
        guard position + known.count <= bytes.count, let base = bytes.baseAddress else { return false }
        return memcmp(base + known.lowerBound, base + position, known.count) == 0
    }

    /// What is written for numbers that JSON does not have.
    private static let special = ["NaN": Double.nan, "Infinity": Double.infinity, "-Infinity": -Double.infinity]

    /// null or a number.
    private mutating func plain() throws(Unknown) -> QueryValue {
        if bytes[position] == UInt8(ascii: "n") {
            try expect("null")
            return .null
        }
        let start = position
        var isWhole = true
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"): isWhole = false
            default: return try number(start, isWhole)
            }
            position += 1
        }
        throw Unknown()
    }

    private func number(_ start: Int, _ isWhole: Bool) throws(Unknown) -> QueryValue {
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text) else { throw Unknown() }
        // As the general decoder does.
        return Int64(exactly: value).map { .integer($0) } ?? .real(value)
    }

    /// Without escapes; others are rare.
    private mutating func text() throws(Unknown) -> String {
        try expect("\"")
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            if bytes[position] == UInt8(ascii: "\\") { return try escaped(from: start) }
            position += 1
        }
        guard position < bytes.count else { throw Unknown() }
        defer { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Only the escapes of quotes and backslashes: JSON in a column has many.
    private mutating func escaped(from start: Int) throws(Unknown) -> String {
        var content = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard position < bytes.count, [UInt8(ascii: "\""), UInt8(ascii: "\\")].contains(bytes[position]) else {
                    throw Unknown()
                }
                content.append(bytes[position])
                position += 1
            default: content.append(byte)
            }
        }
        throw Unknown()
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ text: StaticString) throws(Unknown) {
        guard position + text.utf8CodeUnitCount <= bytes.count, let base = bytes.baseAddress,
            memcmp(base + position, text.utf8Start, text.utf8CodeUnitCount) == 0
        else { throw Unknown() }
        position += text.utf8CodeUnitCount
    }
}

extension QueryResponse {
    /// - Throws: `WireError` for what is no answer.
    package init(body: Data) throws {
        if let fast = QueryResponseReader.read(body) {
            self = fast
        } else {
            self = try WireJSON.decode(Self.self, from: body)
        }
    }
}
