import GRDB
import Ports
import RunSpec
import SweepModel

/// Jobs that wait and that nobody gets: their sweep is stopped, or what must be made before is not there.
enum JobHold {
    /// As a condition on a row of `job`.
    ///
    /// - Parameter job: SQL of the job's row number.
    static func sql(_ job: String) -> String { "(\(SweepHold.sql(job)) OR \(unprepared(job)))" }

    static func holds(_ job: Int64, _ db: Database) throws -> Bool {
        if try SweepHold.holds(job, db) { return true }
        return try isUnprepared(job, db)
    }

    /// Whether a preparation of the job is not done.
    static func isUnprepared(_ job: Int64, _ db: Database) throws -> Bool {
        try db.first("SELECT 1 WHERE \(unprepared("?1"))", [job]) != nil
    }

    private static func unprepared(_ job: String) -> String {
        """
        EXISTS (SELECT 1 FROM prepare_need hn JOIN job hj ON hj.id = hn.prepare
            WHERE hn.job = \(job) AND hj.state <> 'done')
        """
        .mutant("starts-unprepared", "hj.state <> 'done'", "0")
    }

    /// What may be had now that a preparation is done.
    static func freed(by prepare: Int64, _ db: Database, now: WallTime) throws -> [JobChange] {
        try db.all(
            """
            SELECT j.id, j.identity, j.priority, j.requirements, j.ready_at, j.avoid FROM prepare_need n
            JOIN job j ON j.id = n.job WHERE n.prepare = ? AND j.state = 'waiting' ORDER BY j.id
            """, [prepare]
        ).map { row in
            let readyAt: Int64? = row["ready_at"]
            return JobChange(
                row: row["id"], job: try JobID.stored(row["identity"]), state: .waiting, priority: row["priority"],
                needs: try RequirementSpec.stored(row["requirements"]),
                delaySeconds: max(0, Double((readyAt ?? 0) - now.milliseconds) / 1000),
                avoid: (row["avoid"] as String?).map { WorkerID($0) }, isHeld: try holds(row["id"], db))
        }
    }
}
