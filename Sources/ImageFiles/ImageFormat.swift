/// What a file is by its first bytes.
enum ImageFormat: Equatable {
    case png, jpeg, webp
    /// An image format that is known by name only.
    case other(String)
    case unknown

    init(_ bytes: [UInt8]) {
        func begins(_ text: String, at offset: Int = 0) -> Bool {
            bytes.dropFirst(offset).starts(with: Array(text.utf8))
        }
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
            self = .png
        } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if begins("RIFF") && begins("WEBP", at: 8) {
            self = .webp
        } else if let known = Self.others.first(where: { bytes.starts(with: $0.magic) }) {
            self = .other(known.name)
        } else if begins("ftyp", at: 4), let brand = Self.brand(bytes) {
            self = .other(brand)
        } else {
            self = .unknown
        }
    }

    private static let others: [(magic: [UInt8], name: String)] = [
        (Array("GIF8".utf8), "GIF"), (Array("BM".utf8), "BMP"), (Array("II*\0".utf8), "TIFF"),
        (Array("MM\0*".utf8), "TIFF"), (Array("II+\0".utf8), "TIFF"), (Array("MM\0+".utf8), "TIFF"),
        (Array("8BPS".utf8), "Photoshop"), ([0, 0, 1, 0], "ICO"), ([0xFF, 0x0A], "JPEG XL"),
        ([0, 0, 0, 12] + Array("JXL ".utf8), "JPEG XL"), ([0, 0, 0, 12] + Array("jP  ".utf8), "JPEG 2000"),
        ([0xFF, 0x4F, 0xFF, 0x51], "JPEG 2000"), (Array("<svg".utf8), "SVG"), (Array("qoif".utf8), "QOI"),
    ]

    /// The kind of an ISO base media file, by its major brand and the compatible ones.
    private static func brand(_ bytes: [UInt8]) -> String? {
        let head = bytes.dropFirst(8).prefix(56)
        let brands = stride(from: head.startIndex, to: head.endIndex - 3, by: 4).map {
            String(decoding: head[$0..<$0 + 4], as: UTF8.self)
        }
        if brands.contains(where: ["avif", "avis"].contains) { return "AVIF" }
        return brands.contains(where: ["heic", "heix", "hevc", "hevx", "mif1", "msf1"].contains) ? "HEIC" : nil
    }
}
