import GRDB
import Ports
import RunSpec
import SweepModel

/// Jobs that wait, but that nobody gets: every active sweep they belong to was stopped by itself.
enum SweepHold {
    /// As a condition on a row of `job`.
    ///
    /// - Parameter job: SQL of the job's row number.
    static func sql(_ job: String) -> String {
        """
        (EXISTS (SELECT 1 FROM sweep_stop) AND EXISTS (
            SELECT 1 FROM member hm JOIN sweep_stop hp ON hp.sweep = hm.sweep WHERE hm.job = \(job))
        AND NOT EXISTS (
            SELECT 1 FROM member hm JOIN sweep hs ON hs.id = hm.sweep WHERE hm.job = \(job) AND hs.state = 'active'
                AND NOT EXISTS (SELECT 1 FROM sweep_stop hp WHERE hp.sweep = hm.sweep)))
        """
    }

    static func holds(_ job: Int64, _ db: Database) throws -> Bool {
        guard try isAnyStopped(db) else { return false }
        return try db.first("SELECT 1 WHERE \(sql("?1"))", [job]) != nil
    }

    static func isAnyStopped(_ db: Database) throws -> Bool { try db.first("SELECT 1 FROM sweep_stop LIMIT 1") != nil }

    /// Why the sweep was stopped; nil if it was not.
    static func reason(_ sweep: Int64, _ db: Database) throws -> String? {
        try db.first("SELECT reason FROM sweep_stop WHERE sweep = ?", [sweep])?[0]
    }

    /// - Returns: the jobs that are held from now on, for those who keep jobs in memory.
    static func stop(_ sweep: Int64, reason: String, _ db: Database, now: WallTime) throws -> [JobChange] {
        try db.change(
            "INSERT INTO sweep_stop (sweep, at, reason) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [sweep, now.milliseconds, reason])
        try db.note("sweep-stopped", at: now, sweep: sweep, detail: reason)
        return try waiting(sweep, db).filter(\.isHeld)
    }

    /// Makes the sweep active again: its jobs that wait have a fresh budget and no backoff.
    ///
    /// - Returns: the jobs that may be had again.
    static func lift(_ sweep: Int64, _ db: Database, now: WallTime) throws -> [JobChange] {
        try db.change("DELETE FROM sweep_stop WHERE sweep = ?", [sweep])
        if db.changesCount == 0 { return [] }
        try forgive(sweep, db)
        let rows = try db.all(
            """
            UPDATE job SET budget_from = attempt, failure = NULL, message = NULL, ready_at = NULL, avoid = NULL, updated = ?
            WHERE state = 'waiting' AND id IN (SELECT job FROM member WHERE sweep = ?) RETURNING id, attempt
            """, [now.milliseconds, sweep])
        for row in rows {
            try db.note("resume", at: now, job: row["id"], attempt: row["attempt"], detail: "its sweep goes on")
        }
        return try waiting(sweep, db)
    }

    /// Failures of before count no more against the sweep.
    static func forgive(_ sweep: Int64, _ db: Database) throws {
        try db.change("DELETE FROM job_failure WHERE job IN (SELECT job FROM member WHERE sweep = ?)", [sweep])
    }

    private static func waiting(_ sweep: Int64, _ db: Database) throws -> [JobChange] {
        try db.all(
            """
            SELECT j.id, j.identity, j.priority, j.requirements, \(JobHold.sql("j.id")) AS is_held
            FROM member m JOIN job j ON j.id = m.job WHERE m.sweep = ? AND j.state = 'waiting' ORDER BY j.id
            """, [sweep]
        ).map { row in
            JobChange(
                row: row["id"], job: try JobID.stored(row["identity"]), state: .waiting, priority: row["priority"],
                needs: try RequirementSpec.stored(row["requirements"]), isHeld: row["is_held"])
        }
    }
}
