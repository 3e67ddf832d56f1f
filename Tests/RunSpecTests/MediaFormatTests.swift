import RunSpec
import Testing

/// Heads as encoders write them: Pillow 13 (PNG, WebP, GIF), ffmpeg (MP4, WebM, by their standards).
@Suite("Formats of pictures and videos")
struct MediaFormatTests {
    private static func riff(_ chunk: String, flags: UInt8) -> [UInt8] {
        Array("RIFF".utf8) + [0xC8, 0, 0, 0] + Array("WEBP\(chunk)".utf8) + [10, 0, 0, 0, flags, 0, 0, 0, 3, 0, 0, 3]
    }

    private static func container(_ brand: String) -> [UInt8] {
        [0, 0, 0, 32] + Array("ftyp\(brand)".utf8) + [0, 0, 2, 0] + Array("isomiso2avc1mp41".utf8)
    }

    /// EBMLVersion, EBMLReadVersion, EBMLMaxIDLength, EBMLMaxSizeLength, DocType (RFC 8794, 11.2).
    private static func matroska(_ size: [UInt8], _ type: String) -> [UInt8] {
        [0x1A, 0x45, 0xDF, 0xA3] + size + [0x42, 0x86, 0x81, 1, 0x42, 0xF7, 0x81, 1, 0x42, 0xF2, 0x81, 4]
            + [0x42, 0xF3, 0x81, 8, 0x42, 0x82, 0x80 | UInt8(type.utf8.count)] + Array(type.utf8)
    }

    static let heads: [(head: [UInt8], type: String?, moves: Bool)] = [
        ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "image/png", false),
        ([0xFF, 0xD8, 0xFF, 0xE0], "image/jpeg", false),
        (riff("VP8L", flags: 0x2F), "image/webp", false),
        // The flags of EXIF, and of alpha with animation.
        (riff("VP8X", flags: 0x08), "image/webp", false),
        (riff("VP8X", flags: 0x12), "image/webp", true),
        (Array("GIF89a".utf8), "image/gif", true),
        (container("isom"), "video/mp4", true),
        (container("mp42"), "video/mp4", true),
        (matroska([0x9F], "webm"), "video/webm", true),
        (matroska([0x01, 0, 0, 0, 0, 0, 0, 0x1F], "webm"), "video/webm", true),
        // Players of browsers take no other Matroska; AVIF and HEIC are pictures in MP4's container.
        (matroska([0xA3], "matroska"), nil, false),
        (container("avif"), nil, false),
        (container("heic"), nil, false),
        (Array("<html>".utf8), nil, false),
        ([], nil, false),
    ]

    @Test("by the first bytes", arguments: heads)
    func head(head: [UInt8], type: String?, moves: Bool) {
        #expect(MediaFormat(head)?.rawValue == type)
        #expect(MediaFormat.moves(head) == moves)
        #expect(MediaFormat(head + [UInt8](repeating: 0, count: 1000))?.rawValue == type)
    }

    @Test("by the name")
    func names() {
        #expect(MediaFormat(name: "a.b.MP4") == .mp4 && MediaFormat(name: "x.jpeg") == .jpeg)
        #expect(MediaFormat(name: "x.safetensors") == nil && MediaFormat(name: "") == nil)
        #expect(MediaFormat.moves(name: "e.webm") && MediaFormat.moves(name: "e.gif"))
        #expect(!MediaFormat.moves(name: "e.webp") && !MediaFormat.moves(name: "e.png"))
    }
}
