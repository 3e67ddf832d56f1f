/// What people look at: pictures and videos that browsers show, told by a file's first bytes.
package enum MediaFormat: String, Sendable {
    case png = "image/png"
    case jpeg = "image/jpeg"
    case webp = "image/webp"
    case gif = "image/gif"
    case mp4 = "video/mp4"
    case webm = "video/webm"

    /// How much of a file ``init(_:)`` and ``moves(_:)`` look at, in bytes.
    package static let headBytes = 64

    /// - Parameter head: the first bytes of a file, ``headBytes`` where it has so many.
    /// - Returns: nil for anything else: no guess is made.
    package init?(_ head: some Sequence<UInt8>) {
        let head = Array(head.prefix(Self.headBytes))
        func has(_ text: String, at place: Int) -> Bool { head.dropFirst(place).starts(with: Array(text.utf8)) }
        if head.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
            self = .png
        } else if head.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if has("RIFF", at: 0), has("WEBP", at: 8) {
            self = .webp
        } else if has("GIF87a", at: 0) || has("GIF89a", at: 0) {
            self = .gif
        } else if has("ftyp", at: 4), Self.brands.contains(where: { has($0, at: 8) }) {
            self = .mp4
        } else if head.starts(with: [0x1A, 0x45, 0xDF, 0xA3]), Self.isWebM(head) {
            self = .webm
        } else {
            return nil
        }
    }

    /// By the ending of a name; nil for one that none of them has.
    package init?(name: String) {
        switch name.split(separator: ".", omittingEmptySubsequences: false).last?.lowercased() {
        case "png": self = .png
        case "jpg", "jpeg": self = .jpeg
        case "webp": self = .webp
        case "gif": self = .gif
        case "mp4", "m4v": self = .mp4
        case "webm": self = .webm
        default: return nil
        }
    }

    /// What needs a player.
    package var isVideo: Bool { self == .mp4 || self == .webm }

    /// Whether a file of this name is more than one picture: a video, or a GIF, which trainers write for
    /// nothing else. A WebP may be; its content says it.
    package static func moves(name: String) -> Bool {
        MediaFormat(name: name).map { $0.isVideo || $0 == .gif } ?? false
    }

    /// Whether a file with this head is more than one picture.
    package static func moves(_ head: some Sequence<UInt8>) -> Bool {
        let head = Array(head.prefix(headBytes))
        guard let type = MediaFormat(head) else { return false }
        // Extended WebP: the second bit of the flags says "animation" (Google's WebP container, RIFF).
        let isExtended = head.dropFirst(12).starts(with: Array("VP8X".utf8)) && head.count > 20
        return type.isVideo || type == .gif || type == .webp && isExtended && head[20] & 0x02 != 0
    }

    /// Major brands of MP4 files as encoders write them (ISO/IEC 14496-12, mp4ra.org); pictures of the same
    /// container, AVIF and HEIC, have others.
    private static let brands = ["iso", "mp4", "avc1", "M4V ", "dash", "MSNV"]

    /// Matroska says by its DocType (element 0x4282) that it is WebM.
    private static func isWebM(_ head: [UInt8]) -> Bool {
        let wanted: [UInt8] = [0x42, 0x82, 0x84] + Array("webm".utf8)
        return head.indices.dropLast(wanted.count - 1).contains { head[$0...].starts(with: wanted) }
    }
}
