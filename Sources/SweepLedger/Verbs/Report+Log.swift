import GRDB
import Ports
import RunSpec
import SweepModel

extension Report {
    /// Most log text kept for an attempt, in bytes.
    private static let logBytes = 1 << 20
    /// Longest unfinished line that is kept, in bytes.
    private static let lineBytes = 4096

    func store(_ db: Database, _ piece: LogReport) throws -> ReportOutcome {
        guard piece.offset <= 1 << 48 else { return .refused("log: no log begins at byte \(piece.offset)") }
        guard let open = try openAttempt(db) else { return .superseded }
        try AttemptNotices.store(piece.notices ?? [], of: open.attempt, db)
        if let line = piece.line { try keepLine(line, open.attempt, db) }
        let row = try db.first("SELECT log_end FROM attempt WHERE id = ?", [open.attempt])
        let known: Int64 = row?[0] ?? 0
        let start = Int64(clamping: piece.offset)
        let bytes = Array(piece.text.utf8)
        let end = start + Int64(bytes.count)
        guard end > known else { return .accepted }
        let from = max(start, known)
        let part = String(decoding: bytes[Int(from - start)...], as: UTF8.self)
        try db.change(
            "INSERT INTO log_text (attempt, start, bytes, text) VALUES (?, ?, ?, ?)",
            [open.attempt, from, end - from, part])
        try db.change("UPDATE attempt SET log_end = ? WHERE id = ?", [end, open.attempt])
        try db.change(
            "DELETE FROM log_text WHERE attempt = ? AND start + bytes < ?", [open.attempt, end - Int64(Self.logBytes)])
        return .accepted
    }

    private func keepLine(_ line: String, _ attempt: Int64, _ db: Database) throws {
        if line.isEmpty { return try db.change("DELETE FROM log_line WHERE attempt = ?", [attempt]) }
        let text = String(decoding: line.utf8.prefix(Self.lineBytes), as: UTF8.self)
        try db.change(
            "INSERT INTO log_line (attempt, text) VALUES (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text",
            [attempt, text])
    }
}
