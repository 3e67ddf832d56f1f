import GRDB
package import SweepModel

extension Ledger {
    /// Log text of a job's attempt (the newest by default) from an offset, at most 1 MiB.
    ///
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func log(job: String, attempt: Int?, offset: Int64) async throws -> LogText {
        try await read { db in
            let row = try JobLookup.row(job, db)
            let found = try db.first(
                """
                SELECT a.id, a.number, a.log_end, a.ended FROM attempt a
                WHERE a.job = ?1 AND (?2 IS NULL OR a.number = ?2) ORDER BY a.number DESC LIMIT 1
                """, [row, attempt])
            guard let found else {
                if attempt != nil { throw LedgerError(.notFound, "job \(job) has no attempt \(attempt ?? 0)") }
                let here = UInt64(clamping: offset)
                return LogText(attempt: 0, offset: here, text: "", next: here, isComplete: false)
            }
            let id: Int64 = found["id"]
            let parts = try db.all(
                "SELECT start, text FROM log_text WHERE attempt = ? AND start + bytes > ? ORDER BY start", [id, offset])
            var text = ""
            var start = offset
            for (index, part) in parts.enumerated() {
                let from: Int64 = part["start"]
                let bytes = Array((part["text"] as String).utf8)
                if index == 0 { start = max(offset, from) }
                text += String(decoding: bytes[Int(max(0, start - from))...], as: UTF8.self)
            }
            let line = try db.first("SELECT text FROM log_line WHERE attempt = ?", [id])
            return LogText(
                attempt: found["number"], offset: UInt64(clamping: start), text: text,
                next: UInt64(clamping: found["log_end"] as Int64), isComplete: (found["ended"] as Int64?) != nil,
                line: line?["text"])
        }
    }
}
