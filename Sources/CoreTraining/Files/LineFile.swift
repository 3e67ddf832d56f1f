import Foundation
import Glibc

/// An append-only file of JSON lines. Lines are gathered in memory and written by whole lines only, so a
/// reader that follows the file meets at most one unfinished line, after a crash.
package final class LineFile {
    package let path: String
    private let file: Int32
    private var pending: [UInt8] = []

    /// Opens or creates the file. A torn last line, left by a crash, is ended first so that it spoils no new
    /// line.
    ///
    /// - Throws: `TrainingError` with `file` if the disk refuses.
    package init(path: String) throws {
        self.path = path
        file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw DurableFolder.failure("open", path) }
        let size = lseek(file, 0, SEEK_END)
        var last: UInt8 = 0
        if size > 0, pread(file, &last, 1, size - 1) == 1, last != UInt8(ascii: "\n") {
            pending.append(UInt8(ascii: "\n"))
        }
    }

    deinit { close(file) }

    /// Adds one record; it reaches the file with the next `flush`.
    ///
    /// - Throws: `EncodingError` for a number that is not finite.
    package func append(_ record: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        pending += try encoder.encode(record)
        pending.append(UInt8(ascii: "\n"))
    }

    /// Adds a line that is JSON already.
    package func append(line: String) {
        pending += Array(line.utf8)
        pending.append(UInt8(ascii: "\n"))
    }

    /// Hands the gathered lines to the system; with `sync` also to the disk.
    ///
    /// - Throws: `TrainingError` with `file` if the disk refuses.
    package func flush(sync: Bool = false) throws {
        var start = 0
        while start < pending.count {
            let written = pending.withUnsafeBytes { write(file, $0.baseAddress! + start, $0.count - start) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                pending.removeFirst(start)
                throw DurableFolder.failure("write", path)
            }
            start += written
        }
        pending.removeAll(keepingCapacity: true)
        if sync, fsync(file) != 0 { throw DurableFolder.failure("flush", path) }
    }
}
