package import SweepModel

/// A `QueryResponse` written row by row; what has been taken is not kept.
package struct QueryResponseText {
    package private(set) var bytes: [UInt8] = []
    private var hasRows = false
    private var hasBegun = false

    package init() {}

    /// Names of the columns; once, first.
    package mutating func begin(_ columns: [String]) {
        hasBegun = true
        bytes += #"{"columns":["#.utf8
        for (index, name) in columns.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            add(text: name)
        }
        bytes += #"],"rows":["#.utf8
    }

    /// One row, after the columns.
    package mutating func add(_ row: [QueryValue]) {
        if hasRows { bytes.append(UInt8(ascii: ",")) }
        hasRows = true
        bytes.append(UInt8(ascii: "["))
        for (index, value) in row.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            add(value)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Ends the answer.
    ///
    /// - Parameters:
    ///   - isTruncated: a limit cut the rows.
    ///   - error: what ended the query after its first rows were sent.
    package mutating func end(isTruncated: Bool, error: WireError? = nil) {
        if !hasBegun { begin([]) }
        bytes += #"],"isTruncated":"#.utf8
        bytes += (isTruncated ? "true" : "false").utf8
        if let error {
            bytes += #","error":{"code":"#.utf8
            add(text: error.code.rawValue)
            bytes += #","message":"#.utf8
            add(text: error.message)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// What is there, which is forgotten here.
    package mutating func take() -> [UInt8] {
        defer { bytes.removeAll() }
        return bytes
    }

    private mutating func add(_ value: QueryValue) {
        switch value {
        case .null: bytes += "null".utf8
        case .integer(let value): bytes += String(value).utf8
        case .real(let value) where value.isNaN: bytes += #""NaN""#.utf8
        case .real(let value) where value.isInfinite: bytes += (value < 0 ? #""-Infinity""# : #""Infinity""#).utf8
        case .real(let value):
            let text = "\(value)"
            bytes += (text.hasSuffix(".0") ? String(text.dropLast(2)) : text).utf8
        case .text(let value): add(text: value)
        case .blob(let content):
            bytes += #"{"hex":""#.utf8
            for byte in content {
                bytes.append(Self.digits[Int(byte >> 4)])
                bytes.append(Self.digits[Int(byte & 15)])
            }
            bytes += #""}"#.utf8
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private mutating func add(text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case ..<0x20:
                bytes += #"\u00"#.utf8
                bytes.append(Self.digits[Int(byte >> 4)])
                bytes.append(Self.digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
