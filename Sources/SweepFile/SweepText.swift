import SweepModel

/// The bytes of a sweep file or profile as text: UTF-8 or UTF-16, with a byte-order mark or without.
package enum SweepText {
    /// Bytes worth reading: a text of the largest size in UTF-16.
    package static let largestFile = 2 * YAMLReader.largestText + 4

    /// - Throws: `SweepFileError` naming the place of the first byte that is no text.
    package static func decode(_ bytes: [UInt8], file: String) throws(SweepFileError) -> String {
        // By the first bytes, as YAML 1.2.2 has it (section 5.2): the first character of a file is ASCII.
        let start = (bytes + [1, 1, 1, 1]).prefix(4)
        switch (start[0], start[1], start[2], start[3]) {
        case (0, 0, 0xFE, 0xFF), (0, 0, 0, _), (0xFF, 0xFE, 0, 0), (_, 0, 0, 0):
            throw refusal(file, line: 1, "the file is in UTF-32; save it as UTF-8")
        case (0xFE, 0xFF, _, _): return try utf16(bytes.dropFirst(2), bigEndian: true, file: file)
        case (0xFF, 0xFE, _, _): return try utf16(bytes.dropFirst(2), bigEndian: false, file: file)
        case (0, _, _, _): return try utf16(bytes[...], bigEndian: true, file: file)
        case (_, 0, _, _): return try utf16(bytes[...], bigEndian: false, file: file)
        case (0xEF, 0xBB, 0xBF, _): return try utf8(bytes.dropFirst(3), file: file)
        default: return try utf8(bytes[...], file: file)
        }
    }

    private static func utf8(_ bytes: ArraySlice<UInt8>, file: String) throws(SweepFileError) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        let (line, byte) = firstFault(bytes)
        let digits = String(byte, radix: 16, uppercase: true)
        throw refusal(file, line: line, "the byte 0x\(digits) is no UTF-8 (is the file in Latin-1?); save it as UTF-8")
    }

    private static func utf16(_ bytes: ArraySlice<UInt8>, bigEndian: Bool, file: String) throws(SweepFileError)
        -> String
    {
        let all = Array(bytes)
        let units = stride(from: 0, to: all.count - 1, by: 2).map { index -> UInt16 in
            let pair = (UInt16(all[index]), UInt16(all[index + 1]))
            return bigEndian ? pair.0 << 8 | pair.1 : pair.1 << 8 | pair.0
        }
        guard all.count.isMultiple(of: 2), let text = String(validating: units, as: UTF16.self) else {
            throw refusal(file, line: 1, "the file begins as UTF-16 and is none; save it as UTF-8")
        }
        return text
    }

    private static func firstFault(_ bytes: ArraySlice<UInt8>) -> (line: Int, byte: UInt8) {
        var line = 1
        for row in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard String(validating: row, as: UTF8.self) == nil else {
                line += 1
                continue
            }
            // The longest beginning that is text ends before the fault; a sequence has at most four bytes.
            var end = row.startIndex
            while end < row.endIndex {
                let length = (1...4).first { count in
                    end + count <= row.endIndex && String(validating: row[end..<end + count], as: UTF8.self) != nil
                }
                guard let length else { return (line, row[end]) }
                end += length
            }
        }
        return (line, bytes.last ?? 0)
    }

    private static func refusal(_ file: String, line: Int, _ message: String) -> SweepFileError {
        SweepFileError(
            code: .syntax,
            faults: [SweepFault(file: file, mark: SourceMark(line: line, column: 1), message: message)])
    }
}
