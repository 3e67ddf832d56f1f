import CImageFiles
import Foundation

/// Writing PNG, with text chunks that say how the picture was made.
package enum PNGFile {
    /// - Parameter text: (keyword, value) pairs; keywords have 1…79 Latin-1 bytes. Values go into `tEXt`
    ///   chunks, those with characters outside Latin-1 into `iTXt` chunks, which hold UTF-8.
    package static func encode(_ image: RGBImage, text: [(keyword: String, value: String)] = []) throws -> [UInt8] {
        var memory: UnsafeMutablePointer<UInt8>?
        var count = 0
        var message = [CChar](repeating: 0, count: Int(RADIATA_IMAGE_MESSAGE_SIZE))
        let failed = radiata_png_encode(
            image.pixels, UInt32(image.width), UInt32(image.height), &memory, &count, &message)
        guard failed == 0, let memory else {
            let reason = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw ImageFileError(code: .unwritable, message: "PNG encoding failed: \(reason)")
        }
        defer { radiata_image_free(memory) }
        var bytes = [UInt8](UnsafeBufferPointer(start: memory, count: count))
        let chunks = text.flatMap { chunk(keyword: $0.keyword, value: $0.value) }
        bytes.insert(contentsOf: chunks, at: headerSize)
        return bytes
    }

    /// Writes the file whole or not at all (a temporary name, then a rename).
    package static func write(
        _ image: RGBImage, to path: String, text: [(keyword: String, value: String)] = []
    ) throws {
        let bytes = try encode(image, text: text)
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw ImageFileError(
                code: .unwritable,
                message: "\(path): cannot be written (\(error.localizedDescription)); check folder and free space")
        }
    }

    /// The `tEXt` and plain `iTXt` chunks of a PNG file in memory; empty for anything else.
    package static func text(of bytes: [UInt8]) -> [(keyword: String, value: String)] {
        guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { return [] }
        var found: [(keyword: String, value: String)] = []
        var at = 8
        while at + 12 <= bytes.count {
            let size = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
            guard at + 12 + size <= bytes.count else { break }
            let body = bytes[at + 8..<at + 8 + size]
            if bytes[at + 4..<at + 8].elementsEqual("tEXt".utf8), let zero = body.firstIndex(of: 0) {
                found.append((latin1(body[..<zero]), latin1(body[(zero + 1)...])))
            } else if bytes[at + 4..<at + 8].elementsEqual("iTXt".utf8), let text = international(body) {
                found.append(text)
            }
            at += 12 + size
        }
        return found
    }

    /// Signature (8), then the header chunk: length, type, 13 bytes, checksum.
    private static let headerSize = 8 + 4 + 4 + 13 + 4

    private static func latin1(_ bytes: ArraySlice<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    /// Keyword, 0, not compressed, method 0, no language, no translated keyword, text.
    private static func international(_ body: ArraySlice<UInt8>) -> (keyword: String, value: String)? {
        guard let zero = body.firstIndex(of: 0), body[zero...].starts(with: [0, 0, 0]) else { return nil }
        let rest = body.dropFirst(zero + 3 - body.startIndex)
        let parts = rest.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        return (latin1(body[..<zero]), String(decoding: parts[2], as: UTF8.self))
    }

    private static func chunk(keyword: String, value: String) -> [UInt8] {
        precondition((1...79).contains(keyword.unicodeScalars.count), "tEXt keyword \"\(keyword)\"")
        if value.unicodeScalars.contains(where: { $0.value > 255 }) {
            let text = value.replacing("\0", with: "?")
            let body = Array("iTXt".utf8) + Array(keyword.utf8) + [0, 0, 0, 0, 0] + Array(text.utf8)
            return bigEndian(UInt32(body.count - 4)) + body + bigEndian(checksum(body))
        }
        let encode = { (text: String) in
            text.unicodeScalars.map { $0.value > 0 && $0.value < 256 ? UInt8($0.value) : UInt8(ascii: "?") }
        }
        let body = Array("tEXt".utf8) + encode(keyword) + [0] + encode(value)
        return bigEndian(UInt32(body.count - 4)) + body + bigEndian(checksum(body))
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { [UInt8]($0) }
    }

    /// CRC-32 as PNG defines it (ISO 3309), bit by bit: the chunks are short.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var register: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            register ^= UInt32(byte)
            for _ in 0..<8 { register = register >> 1 ^ (register & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return ~register
    }
}
