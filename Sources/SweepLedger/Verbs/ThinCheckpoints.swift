package import GRDB
package import Ports
import RunSpec
import SweepModel

/// Applies what sweeps say of keeping checkpoints to jobs that became done since the last time. Naturally
/// idempotent.
///
/// Only rows go; the files they named are collected as garbage once nothing refers to them.
package struct ThinCheckpoints: LedgerVerb {
    package struct Outcome: Equatable, Sendable {
        /// Jobs looked at; as many as the limit means that there may be more.
        package var jobs = 0
        package var files = 0
        package var bytes = 0

        package init(jobs: Int = 0, files: Int = 0, bytes: Int = 0) {
            self.jobs = jobs
            self.files = files
            self.bytes = bytes
        }
    }

    let now: WallTime
    let limit: Int

    package init(now: WallTime, limit: Int = 200) {
        self.now = now
        self.limit = limit
    }

    /// - Returns: what was looked at, and what went.
    /// - Throws: `DatabaseError`; `LedgerError` for a policy that cannot be read.
    package func run(_ db: Database) throws -> Outcome {
        var outcome = Outcome()
        let jobs = try db.all(
            """
            SELECT j.id, json_extract(s.spec, '$.retention') AS retention FROM job j JOIN job_spec s ON s.job = j.id
            WHERE j.state = 'done' AND j.thinned = 0 AND NOT EXISTS (
                SELECT 1 FROM evaluation_job e JOIN job o ON o.id = e.job
                WHERE e.subject = j.id AND o.state IN ('waiting', 'running', 'paused'))
            ORDER BY j.id LIMIT ?
            """, [limit])
        for row in jobs {
            let job: Int64 = row["id"]
            let policy = try (row["retention"] as String?).map { try LedgerJSON.value(RetentionPolicy.self, $0) }
            var gone = try Thinning.dropHidden(db, job: job)
            if let policy, policy != RetentionPolicy() {
                gone += try Thinning(job: job, policy: policy, isDone: true).run(db)
            }
            try db.change("UPDATE job SET thinned = 1 WHERE id = ?", [job])
            outcome.jobs += 1
            guard !gone.isEmpty else { continue }
            let bytes = gone.reduce(0, +)
            outcome.files += gone.count
            outcome.bytes += bytes
            try db.note("thinned", at: now, job: job, detail: "\(gone.count) files, \(bytes) bytes")
        }
        return outcome
    }
}

/// The checkpoints of one job, and what its policy takes from them.
struct Thinning {
    let job: Int64
    let policy: RetentionPolicy
    let isDone: Bool

    /// - Returns: sizes of the files that are not kept any more.
    func run(_ db: Database) throws -> [Int] {
        let rows = try db.all(
            """
            SELECT c.id, c.step, c.final, c.name,
                (SELECT sum(bytes) FROM checkpoint_file f WHERE f.checkpoint = c.id AND f.kind = 'adapter') AS deliverable,
                (SELECT sum(bytes) FROM checkpoint_file f WHERE f.checkpoint = c.id AND f.kind = 'state'
                    AND c.resumable = 1) AS state
            FROM visible_checkpoint v JOIN checkpoint c ON c.id = v.checkpoint WHERE v.job = ?
            """, [job])
        let values = try isDone ? policy.best.map { try measured($0.metric, db) } : nil
        let checkpoints = try rows.map { row in
            let step: Int = row["step"]
            var value = values?[row["name"]]
            if value == nil, isDone, values?.isEmpty == true, let metric = policy.best?.metric {
                value = try curve(metric, upTo: step, db)
            }
            return RetentionDecision.Candidate(
                id: row["id"], step: step, isFinal: row["final"], deliverable: row["deliverable"],
                state: row["state"], value: value)
        }
        let decision = RetentionDecision(policy, checkpoints, isDone: isDone)
        var gone: [Int] = []
        for id in decision.droppedDeliverables.sorted() { gone += try Self.drop(db, id, kind: "adapter") }
        for id in decision.droppedStates.sorted() {
            gone += try Self.drop(db, id, kind: "state")
            try db.change("UPDATE checkpoint SET resumable = 0 WHERE id = ?", [id])
        }
        return gone
    }

    /// Files of checkpoints that a later attempt trained anew, or that nobody may see: of a job that is done
    /// nobody will.
    static func dropHidden(_ db: Database, job: Int64) throws -> [Int] {
        let hidden = try db.all(
            """
            SELECT c.id, v.checkpoint IS NOT NULL AS is_seen FROM attempt a JOIN checkpoint c ON c.attempt = a.id
            LEFT JOIN visible_checkpoint v ON v.checkpoint = c.id AND v.job = a.job
            WHERE a.job = ? AND (v.checkpoint IS NULL OR v.is_resumed_step)
            """, [job])
        var gone: [Int] = []
        for row in hidden {
            let id: Int64 = row["id"]
            let isSeen: Bool = row["is_seen"]
            gone += try (isSeen ? [] : drop(db, id, kind: "adapter")) + drop(db, id, kind: "state")
            try db.change("UPDATE checkpoint SET resumable = 0 WHERE id = ?", [id])
        }
        return gone
    }

    private static func drop(_ db: Database, _ checkpoint: Int64, kind: String) throws -> [Int] {
        try db.all("DELETE FROM checkpoint_file WHERE checkpoint = ? AND kind = ? RETURNING bytes", [checkpoint, kind])
            .map { $0[0] }
    }

    /// What evaluation says of each checkpoint, by its name: at the prompts where the metric is usually read
    /// if it was measured there, else the mean over all prompts.
    private func measured(_ metric: String, _ db: Database) throws -> [String: Double] {
        let rows = try db.all(
            """
            SELECT r.checkpoint, r.prompts = ?3, avg(r.value) AS value FROM results r JOIN job j ON j.identity = r.job
            WHERE j.id = ?1 AND r.metric = ?2 AND r.value IS NOT NULL
                AND (r.class = '' OR NOT EXISTS (
                    SELECT 1 FROM results s WHERE s.job = r.job AND s.metric = ?2 AND s.class = ''))
            GROUP BY r.checkpoint, r.prompts = ?3 ORDER BY r.prompts = ?3
            """, [job, metric, MetricInfo.of(metric).prompts])
        // The usual prompts come last and so win.
        return Dictionary(rows.map { ($0["checkpoint"], $0["value"]) }) { $1 }
    }

    /// The training metric's newest value at a step.
    private func curve(_ key: String, upTo step: Int, _ db: Database) throws -> Double? {
        try db.first(
            """
            SELECT m.value FROM job j JOIN metrics m ON m.job = j.identity
            WHERE j.id = ? AND m.key = ? AND m.step <= ? ORDER BY m.step DESC LIMIT 1
            """, [job, key, step])?[0]
    }
}

/// Forgets what only repeats of long answered requests could ask for.
package struct PruneKeys: LedgerVerb {
    /// A client repeats a request for minutes, not for a month.
    private static let keptMilliseconds: Int64 = 30 * 24 * 3600 * 1000

    let now: WallTime

    package init(now: WallTime) { self.now = now }

    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws {
        try db.change("DELETE FROM request_key WHERE created < ?", [now.milliseconds - Self.keptMilliseconds])
        try db.change("DELETE FROM exchange WHERE session NOT IN (SELECT session FROM worker_session)")
        try db.change(
            """
            DELETE FROM exchange WHERE number <= (
                SELECT max(x.number) FROM exchange x WHERE x.session = exchange.session) - \(ExchangeVerb.remembered)
            """)
    }
}
