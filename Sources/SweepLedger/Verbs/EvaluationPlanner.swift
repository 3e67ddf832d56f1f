package import GRDB
package import Ports
package import RunSpec
package import SweepModel

/// Makes the jobs that evaluate what is trained.
///
/// A job that became done is held against the wishes of its sweeps in the same transaction, so no evaluation
/// is forgotten, and none is made twice: its id is that of the checkpoint and the protocol.
struct EvaluationPlanner {
    /// What an evaluation job is for.
    enum Purpose: String {
        /// Its rows stand beside those that the trainer measured.
        case measure
        /// Its rows say how good the choice is on what it was not made by.
        case confirm
    }

    let now: WallTime

    /// - Parameter job: row of one that just became done.
    /// - Returns: the jobs that wait because of it.
    func afterTraining(_ job: Int64, _ db: Database) throws -> [JobChange] {
        let protocols = try db.all(
            """
            SELECT w.sweep, w.protocol FROM member m JOIN protocol_wish w ON w.sweep = m.sweep
            WHERE m.job = ? ORDER BY w.id
            """, [job])
        var changes = try protocols.flatMap { wish in
            let wanted = try LedgerJSON.value(EvaluationProtocol.self, wish["protocol"])
            return try plan(job, by: wanted, sweep: wish["sweep"], db)
        }
        let wishes = try db.all(
            """
            SELECT w.sweep, w.spec, w.scope FROM member m JOIN evaluation_wish w ON w.sweep = m.sweep
            WHERE m.job = ? ORDER BY w.id
            """, [job])
        changes += try wishes.flatMap { wish in
            let spec = try LedgerJSON.value(EvaluationSpec.self, wish["spec"])
            return try plan(job, spec, onlyFinal: wish["scope"] == "final", sweep: wish["sweep"], db)
        }
        return changes
    }

    /// A sweep asks for a training that is there already, measured by another protocol: evaluations take the
    /// place of training once more, at once where it is done, else when it is.
    ///
    /// - Returns: the jobs that wait because of it.
    func measure(
        _ job: Int64, by wanted: EvaluationProtocol, sweep: Int64, _ db: Database
    ) throws -> [JobChange] {
        try db.change(
            """
            INSERT INTO protocol_wish (sweep, protocol, created, drawing) VALUES (?1, ?2, ?3, \(Schema.drawing("?2")))
            ON CONFLICT DO NOTHING
            """, [sweep, try LedgerJSON.text(wanted), now.milliseconds])
        let isDone = try db.first("SELECT 1 FROM job WHERE id = ? AND state = 'done'", [job]) != nil
        return isDone ? try plan(job, by: wanted, sweep: sweep, db) : []
    }

    private func plan(
        _ job: Int64, by wanted: EvaluationProtocol, sweep: Int64, _ db: Database
    ) throws -> [JobChange] {
        guard var trained = try Self.trained(job, db), let spec = wanted.evaluation,
            !EvaluationProtocol(trained).measures(like: wanted)
        else { return [] }
        trained.evaluation = spec
        trained.encoders = wanted.encoders
        var changes: [JobChange] = []
        for subject in try subjects(of: trained, row: job, onlyFinal: false, measures: spec, db) {
            changes += try add(trained, job, subject, spec, .measure, to: sweep, db)
        }
        return changes
    }

    /// - Parameters:
    ///   - job: row of a trained job.
    ///   - wish: what is wanted; how is drawn where the job says nothing of it.
    func plan(
        _ job: Int64, _ wish: EvaluationSpec, onlyFinal: Bool, sweep: Int64, _ db: Database
    ) throws -> [JobChange] {
        guard let trained = try Self.trained(job, db, asMeasuredBy: sweep) else { return [] }
        var spec = trained.evaluation ?? wish
        spec.metrics = wish.metrics
        // What is drawn is what they need, whatever the training drew.
        if wish.metrics?.isEmpty == false { spec.prompts = PromptType.choices }
        spec.external = wish.external
        var changes: [JobChange] = []
        for subject in try subjects(of: trained, row: job, onlyFinal: onlyFinal, measures: spec, db)
        where try !isMeasured(subject.checkpoint.name, spec, job, sweep, db) {
            changes += try add(trained, job, subject, spec, .measure, to: sweep, db)
        }
        return changes
    }

    /// Judges one checkpoint once more, on other prompts and noise.
    func confirm(_ job: Int64, checkpoint: String, sweep: Int64, _ db: Database) throws -> [JobChange] {
        guard let trained = try Self.trained(job, db, asMeasuredBy: sweep), var spec = trained.evaluation,
            trained.trainer.isCore,
            let stored = try Self.adapters(job, db).first(where: { $0.name == checkpoint })
        else { return [] }
        spec.fresh = EvaluationSpec.freshNoise
        let subject = EvaluatedCheckpoint(job: trained.id, checkpoint: stored)
        return try add(trained, job, subject, spec, .confirm, to: sweep, db)
    }

    private func add(
        _ trained: ResolvedJob, _ row: Int64, _ subject: EvaluatedCheckpoint, _ spec: EvaluationSpec,
        _ purpose: Purpose, to sweep: Int64, _ db: Database
    ) throws -> [JobChange] {
        let job = try LaunchJob(try trained.evaluation(of: subject, by: spec))
        var outcome = LaunchSweep.Outcome()
        var intake = try JobIntake(sweep, now: now, db)
        let id = try intake.add(job, &outcome).row
        let isApart = purpose == .measure ? try isApart(row, spec, db) : false
        try db.change(
            """
            INSERT INTO evaluation_job (job, subject, checkpoint, purpose, apart, drawing)
            VALUES (?1, ?2, ?3, ?4, ?5, (SELECT \(Schema.drawing("p.spec")) FROM job_spec p WHERE p.job = ?1))
            ON CONFLICT DO NOTHING
            """, [id, row, subject.checkpoint.name, purpose.rawValue, isApart])
        return outcome.changes
    }

    /// Whether an evaluation draws other pictures than the training did, or shows them to encoders otherwise:
    /// then its figures stand by themselves, for the sweeps that asked for it, and those of the training
    /// stay.
    private func isApart(_ job: Int64, _ spec: EvaluationSpec, _ db: Database) throws -> Bool {
        guard let own = try Self.trained(job, db)?.evaluation else { return false }
        return spec.draws(unlike: own) || (spec.fit ?? .crop) != (own.fit ?? .crop)
    }

    /// nil for a job that trains nothing.
    ///
    /// - Parameter sweep: how this one wants it measured, where it has a protocol of its own.
    private static func trained(
        _ job: Int64, _ db: Database, asMeasuredBy sweep: Int64? = nil
    ) throws -> ResolvedJob? {
        guard let spec = try db.first("SELECT spec FROM job_spec WHERE job = ?", [job]) else { return nil }
        var trained = try LedgerJSON.value(ResolvedJob.self, spec[0])
        guard trained.kind == .train else { return nil }
        let wish = try db.first("SELECT protocol FROM protocol_wish WHERE sweep = ? ORDER BY id DESC LIMIT 1", [sweep])
        if let wish, trained.evaluation != nil {
            let wanted = try LedgerJSON.value(EvaluationProtocol.self, wish[0])
            (trained.evaluation, trained.encoders) = (wanted.evaluation, wanted.encoders)
        }
        return trained
    }

    /// Checkpoints to draw with; images that the trainer made where nothing can be drawn.
    private func subjects(
        of trained: ResolvedJob, row: Int64, onlyFinal: Bool, measures spec: EvaluationSpec, _ db: Database
    ) throws -> [EvaluatedCheckpoint] {
        let adapters = try Self.adapters(row, db)
        let chosen = onlyFinal ? Array(adapters.suffix(1)) : adapters
        // The core draws with what it trained, and with a program's adapter where the sweep names its
        // base and data; the program's own images are measured else.
        if trained.base != nil, trained.data != nil, trained.trainer.isCore || trained.evaluation != nil {
            return chosen.map { EvaluatedCheckpoint(job: trained.id, checkpoint: $0) }
        }
        guard spec.external != nil else { return [] }
        let images = try db.all(
            "SELECT DISTINCT name, sha256, bytes FROM artifacts WHERE job = ? AND kind = 'sample' ORDER BY name",
            [trained.id.text]
        ).map(BlobFile.init(stored:))
        guard !images.isEmpty else { return [] }
        let last = adapters.last
        let place = StoredCheckpoint(
            name: last?.name ?? "samples", step: last?.step ?? 0, epoch: last?.epoch ?? 0, files: [])
        return [EvaluatedCheckpoint(job: trained.id, checkpoint: place, images: images)]
    }

    /// By step, one a step and name.
    private static func adapters(_ job: Int64, _ db: Database) throws -> [StoredCheckpoint] {
        try db.all(
            """
            SELECT c.id, c.name, c.step, c.epoch, c.final FROM visible_checkpoint v JOIN checkpoint c ON c.id = v.checkpoint
            WHERE v.job = ? ORDER BY c.step, v.number, c.name
            """, [job]
        ).compactMap { row in
            let files = try db.all(
                """
                SELECT name, sha256, bytes FROM checkpoint_file WHERE checkpoint = ? AND kind = 'adapter' ORDER BY name
                """, [row["id"] as Int64]
            ).map(BlobFile.init(stored:))
            guard !files.isEmpty else { return nil }
            return StoredCheckpoint(
                name: row["name"], step: row["step"], epoch: row["epoch"], isFinal: row["final"], files: files)
        }
    }

    /// Whether all that is wanted stands in the results, image by image where images have a value.
    private func isMeasured(
        _ checkpoint: String, _ spec: EvaluationSpec, _ job: Int64, _ sweep: Int64, _ db: Database
    ) throws -> Bool {
        guard spec.external == nil, let wanted = spec.metrics else { return false }
        let isApart = try isApart(job, spec, db)
        let known = try db.all(
            isApart
                ? """
                SELECT DISTINCT r.metric FROM evaluation_job e JOIN member m ON m.job = e.job AND m.sweep = ?3
                JOIN protocol_result r ON r.source = e.job
                WHERE e.subject = ?1 AND e.apart = 1 AND r.checkpoint = ?2 AND e.drawing IS \(Schema.drawing("?4"))
                """
                : """
                SELECT DISTINCT e.metric FROM span p JOIN evaluation e ON e.attempt = p.attempt
                WHERE p.job = ?1 AND e.checkpoint = ?2 AND e.step <= p.high AND ?3 > 0 AND ?4 > ''
                """, [job, checkpoint, sweep, try LedgerJSON.text(["evaluation": spec])]
        ).map { $0[0] as String }
        return wanted.allSatisfy { metric in known.contains { $0 == metric || $0.prefix { $0 != "@" } == metric } }
    }
}

/// Wants the trained jobs of a sweep measured by something more: those that are done now, and the others when
/// they are. Naturally idempotent.
package struct EvaluateSweep: LedgerVerb {
    package struct Outcome: Equatable, Sendable {
        /// Trained jobs looked at, of all that are done.
        package var looked = 0
        /// Row of the last one looked at; nil when all were.
        package var after: Int64?
        package var changes: [JobChange] = []
    }

    let sweep: String
    let spec: EvaluationSpec
    let onlyFinal: Bool
    let now: WallTime
    let after: Int64
    /// Jobs looked at in one transaction.
    let slice: Int

    package init(
        sweep: String, spec: EvaluationSpec, onlyFinal: Bool, after: Int64 = 0, slice: Int = 200, now: WallTime
    ) {
        self.sweep = sweep
        self.spec = spec
        self.onlyFinal = onlyFinal
        self.after = after
        self.slice = slice
        self.now = now
    }

    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    package func run(_ db: Database) throws -> Outcome {
        guard let known = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
            throw try SweepNames.unknown(sweep, db)
        }
        let id: Int64 = known[0]
        try Self.want(spec, of: id, onlyFinal: onlyFinal, now: now, db)
        let jobs = try db.all(
            """
            SELECT j.id FROM member m JOIN job j ON j.id = m.job
            WHERE m.sweep = ?1 AND m.job > ?2 AND j.state = 'done'
                AND NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = j.id)
                        AND NOT EXISTS (SELECT 1 FROM prepare_job p WHERE p.job = j.id)
            ORDER BY m.job LIMIT ?3
            """, [id, after, slice]
        ).map { $0[0] as Int64 }
        var outcome = Outcome(looked: jobs.count, after: jobs.count == slice ? jobs.last : nil)
        let planner = EvaluationPlanner(now: now)
        for job in jobs { outcome.changes += try planner.plan(job, spec, onlyFinal: onlyFinal, sweep: id, db) }
        return outcome
    }

    static func want(
        _ spec: EvaluationSpec, of sweep: Int64, onlyFinal: Bool, now: WallTime, _ db: Database
    ) throws {
        try db.change(
            """
            INSERT INTO evaluation_wish (sweep, spec, scope, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
            """, [sweep, try LedgerJSON.text(spec), onlyFinal ? "final" : "all", now.milliseconds])
    }
}

/// Judges the best configuration of a sweep once more. Naturally idempotent; a sweep that has more trained
/// jobs since is chosen from anew.
package struct ConfirmChoice: LedgerVerb {
    let sweep: String
    /// Jobs that trained when the choice was made.
    let trained: Int
    /// What was chosen; nil where nothing could be.
    let configuration: String?
    let winners: [(job: JobID, checkpoint: String)]
    let now: WallTime

    package init(
        sweep: String, trained: Int, configuration: String?, winners: [(job: JobID, checkpoint: String)], now: WallTime
    ) {
        self.sweep = sweep
        self.trained = trained
        self.configuration = configuration
        self.winners = winners
        self.now = now
    }

    /// - Throws: `DatabaseError`; `LedgerError` for what the ledger holds and cannot be read.
    package func run(_ db: Database) throws -> [JobChange] {
        guard let known = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else { return [] }
        let id: Int64 = known[0]
        try db.change(
            """
            INSERT INTO confirmation_choice (sweep, trained, configuration, created) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET trained = excluded.trained, configuration = excluded.configuration,
                created = excluded.created
            """, [id, trained, configuration, now.milliseconds])
        let planner = EvaluationPlanner(now: now)
        return try winners.flatMap { winner in
            let row = try db.first("SELECT id FROM job WHERE identity = ? AND state = 'done'", [winner.job.text])
            return try row.map { try planner.confirm($0[0], checkpoint: winner.checkpoint, sweep: id, db) } ?? []
        }
    }
}

/// Sweeps that have come to their end and whose best one nobody has judged once more.
package struct UnconfirmedSweep: Equatable, Sendable {
    package var name: String
    /// Jobs that trained and are done.
    package var trained: Int
    /// Whether anything was evaluated.
    package var isEvaluated: Bool
}

extension Ledger {
    /// - Throws: `DatabaseError`.
    package func unconfirmedSweeps() async throws -> [UnconfirmedSweep] {
        try await read { db in
            let rows = try db.all(
                """
                SELECT s.id, s.name, c.trained FROM sweep s LEFT JOIN confirmation_choice c ON c.sweep = s.id
                WHERE s.state = 'active'
                    AND NOT EXISTS (SELECT 1 FROM sweep_count n WHERE n.sweep = s.id AND n.jobs > 0
                        AND n.state IN ('waiting', 'running', 'paused'))
                    AND (c.sweep IS NULL OR c.trained < (SELECT sum(jobs) FROM sweep_count n
                        WHERE n.sweep = s.id AND n.state = 'done'))
                """)
            return try rows.compactMap { row in
                let trained = try db.first(
                    """
                    SELECT (SELECT coalesce(sum(jobs), 0) FROM sweep_count WHERE sweep = ?1 AND state = 'done')
                        - (SELECT coalesce(sum(jobs), 0) FROM evaluation_count WHERE sweep = ?1 AND state = 'done')
                        - (SELECT count(*) FROM prepare_job p CROSS JOIN member m ON m.sweep = ?1 AND m.job = p.job
                            CROSS JOIN job j ON j.id = p.job WHERE j.state = 'done')
                    """, [row["id"] as Int64])
                let count: Int = trained?[0] ?? 0
                guard count > 0, count != row["trained"] as Int? else { return nil }
                let evaluation = try db.first(
                    "SELECT 1 FROM sweep_measure WHERE sweep = ? AND results > 0 LIMIT 1", [row["id"] as Int64])
                return UnconfirmedSweep(name: row["name"], trained: count, isEvaluated: evaluation != nil)
            }
        }
    }
}
