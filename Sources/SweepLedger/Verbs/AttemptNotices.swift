import GRDB
import RunSpec

/// What of an attempt could not be taken, counted (table `attempt_notice`). Never more than a few rows an
/// attempt.
enum AttemptNotices {
    /// The worker's count of the whole attempt: a repeat changes nothing.
    static func store(_ notices: [AttemptNotice], of attempt: Int64, _ db: Database) throws {
        for notice in notices {
            try write(notice, attempt, "count = max(count, excluded.count)", db)
        }
    }

    /// So many more.
    static func add(_ notice: AttemptNotice, to attempt: Int64, _ db: Database) throws {
        try write(notice, attempt, "count = count + excluded.count", db)
    }

    private static func write(_ notice: AttemptNotice, _ attempt: Int64, _ change: String, _ db: Database) throws {
        guard SafeName.isName(notice.kind), notice.count > 0 else { return }
        let detail = String(decoding: notice.detail.utf8.prefix(AttemptNotice.detailBytes), as: UTF8.self)
        // The first example stays; a stranger's worker cannot fill the table with kinds.
        try db.change(
            """
            INSERT INTO attempt_notice (attempt, kind, count, detail) SELECT ?1, ?2, ?3, ?4
            WHERE (SELECT count(*) FROM attempt_notice WHERE attempt = ?1 AND kind <> ?2) < \(AttemptNotice.kinds)
            ON CONFLICT (attempt, kind) DO UPDATE SET \(change)
            """, [attempt, notice.kind, notice.count, detail])
    }
}
