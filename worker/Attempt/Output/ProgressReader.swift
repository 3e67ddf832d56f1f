import Foundation
import Glibc
package import RunSpec

/// Finds how far a trainer is, for people: what it says of itself in its folder (`ProgressRecord`), or the
/// bar that nearly every Python trainer draws with tqdm: `steps:  30%|███  | 120/400 [00:41<01:35,
/// 2.94it/s]`.
package struct ProgressReader: Sendable {
    private let path: String
    private var stamp: Stamp?
    private var last: ProgressRecord?

    private struct Stamp: Equatable, Sendable {
        let inode: UInt64
        let size: Int64
    }

    package init(path: String) { self.path = path }

    /// - Parameter log: the line of the log that is not ended.
    /// - Returns: nil for nothing new.
    package mutating func newest(log: String) -> ProgressRecord? {
        let record = own() ?? Self.bar(log).map { ProgressRecord(phase: "training", extent: $0) }
        guard let record, record.extent.isMeaningful, record != last else { return nil }
        last = record
        return record
    }

    /// Made by rename, so another inode is another record.
    private mutating func own() -> ProgressRecord? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_size < 4096 else { return nil }
        let now = Stamp(inode: UInt64(status.st_ino), size: Int64(status.st_size))
        guard now != stamp, let bytes = FileManager.default.contents(atPath: path) else { return nil }
        stamp = now
        // What a trainer of its own wrote there is no progress.
        return try? JSONDecoder().decode(ProgressRecord.self, from: bytes)
    }

    /// `120/400 [` in a line; the last one where there are several bars.
    package static func bar(_ line: String) -> ProgressExtent? {
        guard line.utf8.count < 4096, line.contains("/"), line.contains("[") else { return nil }
        guard let match = line.matches(of: /(\d{1,12})\/(\d{1,12}) \[/).last, let done = Int(match.output.1),
            let total = Int(match.output.2)
        else { return nil }
        return ProgressExtent(done: done, total: total, unit: "")
    }
}
