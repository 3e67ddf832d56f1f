package import Ports
package import SweepWire

/// Reads the trainer's log in pieces whose length in bytes is kept, so that offsets mean the same on both sides.
package struct LogTail: Sendable {
    static let pieceBytes = 16 << 10

    let path: String
    private let mask: SecretMask
    private(set) var position: Int64

    /// - Parameter mask: takes secrets out of what leaves this machine.
    package init(path: String, position: Int64 = 0, mask: SecretMask = SecretMask()) {
        self.path = path
        self.mask = mask
        self.position = position
    }

    /// The next piece; nil when there is nothing new.
    package mutating func read(files: any FileStore) throws -> LogReport? {
        guard let size = try files.information(path)?.size, size > position else { return nil }
        var bytes = try OpenFile(reading: path).read(Int(min(size - position, Int64(Self.pieceBytes))), at: position)
        if position + Int64(bytes.count) < size || bytes.count == Self.pieceBytes {
            // Whole lines where there are any: a cut could fall inside a letter.
            if let end = bytes.lastIndex(of: UInt8(ascii: "\n")) { bytes.removeSubrange((end + 1)...) }
        }
        let report = LogReport(offset: UInt64(position), text: Self.text(mask.masked(bytes)))
        position += Int64(bytes.count)
        return report
    }

    /// UTF-8 as it is; anything else byte by byte, so that the length stays.
    private static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return String(decoding: bytes.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
