package import GRDB
package import Ports
import RunSpec
package import SweepModel

/// Gives a job, or all jobs of a sweep that have not ended, another priority: higher goes first. Naturally
/// idempotent.
package struct SetPriority: LedgerVerb {
    package struct Outcome: Sendable, Equatable {
        /// Jobs that have another priority now.
        package var changed = 0
        /// Those among them that wait: their place in the queue is another one.
        package var waiting: [JobChange] = []
    }

    let target: String
    let priority: Int
    let now: WallTime

    /// - Parameter target: an exact sweep name wins, then a unique beginning of a job's id.
    package init(target: String, priority: Int, now: WallTime) {
        self.target = target
        self.priority = priority
        self.now = now
    }

    /// - Throws: `LedgerError` `notFound` or `ambiguous` for the target.
    package func run(_ db: Database) throws -> Outcome {
        var outcome = Outcome()
        let condition: String
        let row: Int64
        if let sweep = try db.first("SELECT id FROM sweep WHERE name = ?", [target]) {
            row = sweep[0]
            condition = "id IN (SELECT job FROM member WHERE sweep = ?2) AND sweep = ?2"
            try db.change("UPDATE sweep SET priority = ? WHERE id = ?", [priority, row])
            try db.note("priority", at: now, sweep: row, detail: "\(priority)")
        } else {
            row = try JobLookup.row(target, db)
            condition = "id = ?2"
        }
        let jobs = try db.all(
            """
            UPDATE job SET priority = ?1, updated = ?3
            WHERE \(condition) AND priority <> ?1 AND state IN ('waiting', 'running', 'paused')
            RETURNING id, identity, state, attempt, ready_at, avoid, requirements
            """, [priority, row, now.milliseconds])
        for job in jobs {
            let id: Int64 = job["id"]
            try db.note("priority", at: now, job: id, attempt: job["attempt"], detail: "\(priority)")
            outcome.changed += 1
            guard job["state"] == JobState.waiting.rawValue else { continue }
            let ready: Int64? = job["ready_at"]
            outcome.waiting.append(
                JobChange(
                    row: id, job: try JobID.stored(job["identity"]), state: .waiting, priority: priority,
                    needs: try RequirementSpec.stored(job["requirements"]),
                    delaySeconds: ready.map { max(0, Double($0 - now.milliseconds) / 1000) } ?? 0,
                    avoid: (job["avoid"] as String?).map { WorkerID($0) }, isHeld: try SweepHold.holds(id, db)))
        }
        return outcome
    }
}
