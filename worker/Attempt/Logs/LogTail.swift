package import Ports
package import RunSpec
package import SweepModel
import SweepWire

/// Reads the trainer's log and hands it on in pieces of clean lines.
///
/// Offsets are those of the cleaned text from the log's beginning, so that they mean the same on both sides
/// and after a restart, which reads the file anew. Of what waits only the newest part is kept, as much as the
/// coordinator keeps.
package struct LogTail: Sendable {
    static let pieceBytes = 16 << 10
    /// Most bytes of the file that one round reads.
    private static let roundBytes = 8 << 20
    private static let readBytes = 1 << 20

    let path: String
    private let mask: SecretMask
    private var cleaner = LogCleaner()
    /// Bytes of the file read so far.
    private(set) var scanned: Int64 = 0
    /// Offset of `waiting`'s first byte: everything before it was handed on, or left out.
    private(set) var position: Int64 = 0
    /// Cleaned and not yet handed on: whole lines.
    private var waiting: [UInt8] = []
    private var isFinished = false
    private var toldLine = ""
    private var toldAt: MonotonicTime?
    /// A bar that moves all the time is not told all the time.
    private static let linePace: Duration = .seconds(2)

    /// - Parameter mask: takes secrets out of what leaves this machine.
    package init(path: String, mask: SecretMask = SecretMask()) {
        self.path = path
        self.mask = mask
    }

    /// What was printed last, without its line end, and how much was read so far.
    package var unfinished: (text: String, bytes: Int64) { (mask.masked(cleaner.unfinished), scanned) }

    /// Grows as long as there is anything to do.
    package var progress: Int64 { position &+ scanned }

    /// Reads on. Also while nothing can be handed on, so that it does not fall behind.
    ///
    /// - Parameter isComplete: the trainer has ended, so a last line without its end counts too.
    package mutating func scan(isComplete: Bool, files: any FileStore) throws {
        guard let information = try files.information(path), information.isRegular else { return }
        let size = information.size
        if size < scanned {
            // Begun anew by the trainer itself: what it prints now follows what it printed before.
            scanned = 0
        }
        var round = 0
        let file = size > scanned ? try OpenFile(reading: path) : nil
        while let file, scanned < size, round < Self.roundBytes {
            let bytes = try file.read(Int(min(size - scanned, Int64(Self.readBytes))), at: scanned)
            if bytes.isEmpty { break }
            scanned += Int64(bytes.count)
            isFinished = false
            round += bytes.count
            cleaner.add(bytes, to: &waiting)
            leaveOut()
        }
        if isComplete, scanned >= size, !isFinished {
            isFinished = true
            cleaner.finish(&waiting)
        }
    }

    /// The next piece; nil when there is nothing new.
    ///
    /// - Parameter notices: what else is to be told with it; a piece without text is made for them where
    ///   there is none.
    package mutating func next(_ notices: [AttemptNotice] = [], now: MonotonicTime) -> LogReport? {
        var count = min(waiting.count, Self.pieceBytes)
        if count < waiting.count, let end = waiting[..<count].lastIndex(of: UInt8(ascii: "\n")) { count = end + 1 }
        let line = mask.masked(cleaner.unfinished)
        let isDue = count > 0 || isFinished || toldAt.map { now - $0 >= Self.linePace } ?? true
        let isNewLine = line != toldLine && isDue
        guard count > 0 || isNewLine || !notices.isEmpty else { return nil }
        // Stars for letters: the length stays.
        let text = String(decoding: mask.masked(Array(waiting[..<count])), as: UTF8.self)
        let report = LogReport(
            offset: UInt64(position), text: text, line: isNewLine ? line : nil, notices: notices.isEmpty ? nil : notices
        )
        position += Int64(count)
        waiting.removeFirst(count)
        if isNewLine {
            toldLine = line
            toldAt = now
        }
        return report
    }

    /// Of more than the coordinator keeps, the older part.
    private mutating func leaveOut() {
        guard waiting.count > 2 * WireLimit.logBytes else { return }
        var count = waiting.count - WireLimit.logBytes
        if let end = waiting[..<count].lastIndex(of: UInt8(ascii: "\n")) { count = end + 1 }
        waiting.removeFirst(count)
        position += Int64(count)
    }
}
