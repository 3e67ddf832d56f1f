import GRDB
package import Ports
import RunSpec
package import SweepModel

extension Ledger {
    /// All sweeps, or the one of this name.
    ///
    /// - Throws: `DatabaseError`.
    package func sweeps(named name: String? = nil, at now: WallTime = SystemTime().wall()) async throws
        -> [SweepSummary]
    {
        try await read { db in
            let rows = try db.all(
                """
                SELECT s.*, p.reason AS stop_reason, p.at AS stopped_at, a.at AS archived_at, n.text AS note
                FROM sweep s LEFT JOIN sweep_stop p ON p.sweep = s.id LEFT JOIN sweep_archive a ON a.sweep = s.id
                LEFT JOIN sweep_note n ON n.sweep = s.id WHERE ?1 IS NULL OR s.name = ?1 ORDER BY s.id
                """, [name])
            return try rows.map { row in
                let id: Int64 = row["id"]
                let counts = try Self.counts(ofSweep: id, db)
                let stopped: Int64? = row["stopped_at"]
                var summary = SweepSummary(
                    name: row["name"], created: row["created"], priority: row["priority"],
                    configurations: row["configurations"],
                    states: counts.trainings, checkpoints: row["checkpoints"], asked: row["state"],
                    stop: stopped.map { (row["stop_reason"] ?? "", $0) },
                    evaluations: counts.evaluations.isEmpty ? nil : counts.evaluations,
                    preparations: counts.preparations.isEmpty ? nil : counts.preparations)
                let tags = try db.all("SELECT name FROM sweep_tag WHERE sweep = ? ORDER BY name", [id])
                summary.tags = tags.isEmpty ? nil : tags.map { $0[0] }
                summary.note = row["note"]
                summary.archived = row["archived_at"]
                summary.budget = try BudgetWatch.standing(id, db, now: now)
                if summary.reason?.hasPrefix(BudgetWatch.reasonPrefix) == true, summary.remedy != nil {
                    summary.remedy = "give it more: `radiata resume \(summary.name) --hours H` or `--money M`"
                }
                return summary
            }
        }
    }

    /// Jobs of a sweep by state. All kinds are counted in `sweep_count`; what neither evaluates nor prepares
    /// trains. Preparations are few, so they are counted when they are asked for, and looked at first: SQLite
    /// would begin with all members of the sweep.
    private static func counts(ofSweep id: Int64, _ db: Database) throws -> (
        trainings: [String: Int], evaluations: [String: Int], preparations: [String: Int]
    ) {
        let rows = try db.all(
            """
            SELECT c.state, c.jobs AS jobs, coalesce(e.jobs, 0) AS evaluations,
                (SELECT count(*) FROM prepare_job p CROSS JOIN member m ON m.sweep = c.sweep AND m.job = p.job
                 CROSS JOIN job j ON j.id = p.job WHERE j.state = c.state) AS preparations
            FROM sweep_count c LEFT JOIN evaluation_count e ON e.sweep = c.sweep AND e.state = c.state
            WHERE c.sweep = ? AND c.jobs > 0
            """, [id])
        var counts: (trainings: [String: Int], evaluations: [String: Int], preparations: [String: Int]) =
            ([:], [:], [:])
        for row in rows {
            let state: String = row["state"]
            let (all, evaluations, preparations): (Int, Int, Int) = (
                row["jobs"], row["evaluations"], row["preparations"]
            )
            if all > evaluations + preparations { counts.trainings[state] = all - evaluations - preparations }
            if evaluations > 0 { counts.evaluations[state] = evaluations }
            if preparations > 0 { counts.preparations[state] = preparations }
        }
        return counts
    }

    /// Jobs of a sweep (through `members`) or of all, in the order they were made.
    ///
    /// - Throws: `LedgerError` `notFound` for an unknown sweep or page mark.
    package func jobs(sweep: String?, state: String?, limit: Int, after: String?, tag: String? = nil)
        async throws -> [ListedJob]
    {
        try await read { db in
            var afterRow: Int64 = 0
            if let after { afterRow = try JobLookup.row(after, db) }
            if let state, JobState(rawValue: state) == nil { return [] }
            // The text of the state stands in the query, so that the index of this state serves. Nearly all
            // jobs wait or are done: those are met soon in any order.
            let isRare = state.map { !["waiting", "done"].contains($0) } ?? false
            let ofState = state.map { "AND j.state = '\($0)'" } ?? ""
            if let sweep {
                guard let known = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
                    throw try SweepNames.unknown(sweep, db)
                }
                let tables = isRare ? ["job j", "member m ON m.job = j.id"] : ["member m", "job j ON j.id = m.job"]
                return try db.all(
                    ListedJob.columns + """
                        FROM \(tables.joined(separator: " CROSS JOIN ")) JOIN sweep s ON s.id = m.sweep
                        WHERE m.sweep = ?1 AND \(isRare ? "j.id" : "m.job") > ?2 \(ofState)
                            AND (?4 IS NULL OR EXISTS (SELECT 1 FROM job_tag g WHERE g.job = j.id AND g.name = ?4))
                        ORDER BY \(isRare ? "j.id" : "m.job") LIMIT ?3
                        """, [known[0] as Int64, afterRow, limit, tag], ListedJob.init)
            }
            return try db.all(
                ListedJob.columns + """
                    FROM job j JOIN member m ON m.job = j.id AND m.sweep = j.sweep JOIN sweep s ON s.id = j.sweep
                    WHERE j.id > ?1 \(ofState)
                        AND (?3 IS NULL OR EXISTS (SELECT 1 FROM job_tag g WHERE g.job = j.id AND g.name = ?3))
                    ORDER BY j.id LIMIT ?2
                    """, [afterRow, limit, tag], ListedJob.init)
        }
    }

    /// Jobs that have not ended, those that wait first.
    ///
    /// - Parameter sweep: only of this one.
    /// - Throws: `DatabaseError`.
    package func unfinishedJobs(sweep: String?, limit: Int) async throws -> [ListedJob] {
        try await read { db in
            var rows: [ListedJob] = []
            let row: Int64? = try sweep.flatMap { try db.first("SELECT id FROM sweep WHERE name = ?", [$0])?[0] }
            if sweep != nil, row == nil { return [] }
            let counts: [String: Int] = Dictionary(
                try db.all(
                    "SELECT state, sum(jobs) AS jobs FROM sweep_count WHERE ?1 IS NULL OR sweep = ?1 GROUP BY 1", [row]
                )
                .map { ($0["state"], $0["jobs"]) }, uniquingKeysWith: { $1 })
            for state in ["waiting", "running", "paused"] where rows.count < limit && counts[state] ?? 0 > 0 {
                // The text of the state stands in the query, so that the index of this state serves.
                rows += try db.all(
                    ListedJob.columns + """
                        FROM job j JOIN sweep s ON s.id = coalesce(?1, j.sweep)
                        JOIN member m ON m.sweep = s.id AND m.job = j.id
                        WHERE j.state = '\(state)' ORDER BY \(state == "waiting" ? "j.priority DESC, j.id" : "j.id") LIMIT ?2
                        """, [row, limit - rows.count], ListedJob.init)
            }
            return rows
        }
    }
}

extension ListedJob {
    static let columns = """
        SELECT j.identity, s.name AS sweep_name, m.group_name, j.configuration, j.state, j.seed, j.attempt,
            coalesce((SELECT w.name FROM worker w WHERE w.id = j.worker),
                (SELECT g.name FROM forgotten_worker g WHERE g.worker = j.worker), j.worker) AS worker_name, j.failure,
            j.message, m.parameters, j.created, j.updated, j.worker, j.id, j.requirements, j.avoid,
            EXISTS (SELECT 1 FROM evaluation_job ej WHERE ej.job = j.id) AS evaluates,
            EXISTS (SELECT 1 FROM prepare_job pj WHERE pj.job = j.id) AS prepares,
            EXISTS (SELECT 1 FROM edit_job dj WHERE dj.job = j.id) AS edits,
            (SELECT f.parameters FROM oom_fallback f WHERE f.job = j.id) AS fallback, \(preparation) AS preparation,
            (SELECT o.parent FROM job_origin o WHERE o.job = j.id) AS parent,
            (SELECT json_group_array(g.name) FROM job_tag g WHERE g.job = j.id) AS tags,
            (SELECT n.text FROM job_note n WHERE n.job = j.id) AS note,
            \(stop("hs.name")) AS held_by, \(stop("hp.reason")) AS hold_reason

        """

    /// Something of the stopped sweep that holds the job.
    private static func stop(_ column: String) -> String {
        """
        CASE WHEN j.state = 'waiting' AND \(SweepHold.sql("j.id")) THEN (
            SELECT \(column) FROM member hm JOIN sweep_stop hp ON hp.sweep = hm.sweep JOIN sweep hs ON hs.id = hm.sweep
            WHERE hm.job = j.id ORDER BY hs.id LIMIT 1) END
        """
    }

    /// The preparation that a job waits for, as JSON; one that will not come by itself before others.
    private static let preparation = """
        CASE WHEN j.state = 'waiting' THEN (
            SELECT json_object('job', pj.identity, 'name', pn.name, 'state', pj.state, 'failure', pj.failure,
                'message', pj.message)
            FROM prepare_need pw JOIN job pj ON pj.id = pw.prepare JOIN prepare_job pn ON pn.job = pj.id
            WHERE pw.job = j.id AND pj.state <> 'done' ORDER BY pj.state IN ('waiting', 'running'), pj.id LIMIT 1) END
        """

    /// Sorted as the table is. Nearly no job has any.
    private static func tags(_ text: String) throws -> [String]? {
        text == "[]" ? nil : try LedgerJSON.value([String].self, text)
    }

    /// - Parameter row: of ``columns``.
    /// - Throws: `LedgerError` `inputOutput` for a text that cannot be read.
    init(_ row: Row) throws {
        let job = JobSummary(
            id: row["identity"], sweep: row["sweep_name"], group: row["group_name"],
            configuration: String(row["configuration"] as Int64), state: row["state"], seed: row["seed"],
            attempts: row["attempt"], worker: row["worker_name"], failure: row["failure"], message: row["message"],
            parameters: try LedgerJSON.value([String: ParameterValue].self, row["parameters"]),
            created: row["created"], updated: row["updated"], workerID: row["worker"], parent: row["parent"],
            tags: try Self.tags(row["tags"]), note: row["note"],
            kind: row["evaluates"]
                ? JobKind.evaluate.rawValue
                : row["prepares"] ? JobKind.prepare.rawValue : row["edits"] ? JobKind.edit.rawValue : nil,
            fallback: try (row["fallback"] as String?).map {
                try LedgerJSON.value([String: ParameterValue].self, $0)
            })
        guard let state = JobState(rawValue: job.state), !state.isFinished else {
            self.init(job: job, wait: nil)
            return
        }
        let wait = WaitingJob(
            row: row["id"], state: state, needs: try RequirementSpec.stored(row["requirements"]),
            failure: job.failure.flatMap(FailureClass.init(rawValue:)),
            avoid: (row["avoid"] as String?).map { WorkerID($0) }, heldBy: row["held_by"],
            holdReason: row["hold_reason"],
            preparation: try (row["preparation"] as String?).map { try LedgerJSON.value(Preparing.self, $0) },
            name: String(job.id.prefix(8)))
        self.init(job: job, wait: wait)
    }
}
