import Foundation
import Glibc

/// Vectors of pictures that several evaluations look at, by encoder and picture: a file each, in a folder
/// that jobs share. Bounded: the files that were not used for the longest time go first.
///
/// A cache only: what cannot be read or written is made again.
package struct FeatureCache: Sendable {
    package static let usualLimit = 256 << 20

    private let folder: String

    /// - Parameters:
    ///   - folder: is made.
    ///   - limit: bytes of all files together, looked at once.
    package init(folder: String, limit: Int = usualLimit) {
        self.folder = folder
        let manager = FileManager.default
        // Without a folder nothing is kept.
        guard (try? manager.createDirectory(atPath: folder, withIntermediateDirectories: true)) != nil else { return }
        prune(to: limit)
    }

    /// nil for a vector that is not there, or not whole.
    package func read(_ key: ContentKey) -> [Float]? {
        let path = path(key)
        guard let bytes = FileManager.default.contents(atPath: path), bytes.count >= 8, bytes.count % 4 == 0 else {
            return nil
        }
        let words = bytes.withUnsafeBytes { raw in
            stride(from: 0, to: bytes.count, by: 4).map { raw.loadUnaligned(fromByteOffset: $0, as: UInt32.self) }
        }
        let (sum, body) = (words[0], words.dropFirst())
        guard Self.sum(body) == sum else { return nil }
        // Used now: it stays.
        utimes(path, nil)
        return body.map { Float(bitPattern: $0) }
    }

    package func keep(_ vector: [Float], _ key: ContentKey) {
        let words = vector.map(\.bitPattern)
        let all = [Self.sum(words[...])] + words
        let temporary = "\(folder)/.\(key.text).\(getpid()).tmp"
        let data = all.withUnsafeBytes { Data($0) }
        guard FileManager.default.createFile(atPath: temporary, contents: data) else { return }
        if rename(temporary, path(key)) != 0 { unlink(temporary) }
    }

    private func path(_ key: ContentKey) -> String { "\(folder)/\(key.text).f32" }

    private static func sum(_ words: ArraySlice<UInt32>) -> UInt32 {
        words.reduce(UInt32(0x811C_9DC5)) { ($0 ^ $1) &* 0x0100_0193 }
    }

    /// Down to four fifths of the limit, where it is passed.
    private func prune(to limit: Int) {
        // What cannot be listed cannot be too large for long.
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
        var files: [(path: String, bytes: Int, used: Int)] = []
        for name in names {
            var status = stat()
            let path = "\(folder)/\(name)"
            guard stat(path, &status) == 0 else { continue }
            files.append((path, Int(status.st_size), Int(status.st_mtim.tv_sec)))
        }
        var total = files.reduce(0) { $0 + $1.bytes }
        guard total > limit else { return }
        for file in files.sorted(by: { ($0.used, $0.path) < ($1.used, $1.path) }) where total > limit / 5 * 4 {
            unlink(file.path)
            total -= file.bytes
        }
    }
}
