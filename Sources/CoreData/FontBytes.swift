/// Big-endian reads from a font file with bounds checked, so that a damaged font is an error and not a crash.
struct FontBytes {
    let bytes: [UInt8]
    let file: String

    func u8(_ at: Int) throws -> Int {
        guard at >= 0, at < bytes.count else { throw damaged("ends at byte \(bytes.count), wanted byte \(at)") }
        return Int(bytes[at])
    }

    func u16(_ at: Int) throws -> Int { try u8(at) << 8 | u8(at + 1) }

    func u32(_ at: Int) throws -> Int { try u16(at) << 16 | u16(at + 2) }

    /// How many records of a size follow a 32-bit count; a file cannot hold more than its bytes.
    func count(at place: Int, of size: Int) throws -> Int {
        let count = try u32(place)
        guard count <= bytes.count / size else { throw damaged("\(count) records in \(bytes.count) bytes") }
        return count
    }

    func slice(_ at: Int, count: Int) throws -> [UInt8] {
        guard at >= 0, count >= 0, at + count <= bytes.count else {
            throw damaged("ends at byte \(bytes.count), wanted \(count) bytes from \(at)")
        }
        return Array(bytes[at..<at + count])
    }

    func damaged(_ reason: String) -> DataError {
        DataError(code: .malformed, message: "\(file): damaged font (\(reason)); install it again")
    }
}
