import GRDB
import Ports
import RunSpec
import SweepModel

extension Report {
    /// Most files of one checkpoint: a report of them fits into one call.
    private static let mostFiles = 4096

    /// Adds a checkpoint: visible as a whole or not at all, and only once the metric stream has come as far.
    func store(
        _ db: Database, _ checkpoint: CheckpointReport, now: WallTime, _ effects: inout ReportEffects
    ) throws -> ReportOutcome {
        let (name, manifest) = (checkpoint.name, checkpoint.manifest)
        guard manifest.files.count <= Self.mostFiles else {
            return .refused(
                "checkpoint '\(name.prefix(128))' has \(manifest.files.count) files; at most \(Self.mostFiles) are stored "
                    + "(a preparation that makes more of them: scope: host)")
        }
        guard SafeName.isName(name), manifest.step >= 0, manifest.epoch >= 0,
            manifest.files.allSatisfy({ FileName.isPath($0.name) && $0.bytes >= 0 })
        else { return .refused("checkpoint '\(name.prefix(128))': a name, step or size in it is not allowed") }
        var files: [(file: CheckpointManifest.File, sha256: String)] = []
        for file in manifest.files {
            guard let sha256 = file.sha256 else {
                return .refused("checkpoint \(name): file \(file.name) has no SHA-256")
            }
            files.append((file, sha256))
        }
        guard let open = try openAttempt(db, fence: Fence.ofCheckpoints) else { return .superseded }
        guard open.points >= checkpoint.streamPosition || Mutant.isOn("finish-without-stream") else {
            return .gap(expected: open.points + 1)
        }
        let missing = try missingBlobs(db, files.map(\.sha256))
        guard missing.isEmpty else { return .missingBlobs(missing) }
        let row = try db.first(
            """
            INSERT INTO checkpoint (attempt, name, epoch, step, final, resumable, created)
            SELECT f.id, ?4, ?5, ?6, ?7, ?8, ?9 FROM (SELECT a.id \(Fence.numbered(Fence.ofCheckpoints))) f WHERE true
            ON CONFLICT (attempt, name) DO UPDATE SET epoch = excluded.epoch, step = excluded.step, final = excluded.final,
                resumable = excluded.resumable
            RETURNING id
            """,
            token.fence + [name, manifest.epoch, manifest.step, manifest.final, manifest.isResumable, now.milliseconds])
        guard let row else { return .superseded }
        let id: Int64 = row[0]
        try db.change("DELETE FROM checkpoint_file WHERE checkpoint = ?", [id])
        for (file, sha256) in files {
            try db.change(
                "INSERT INTO checkpoint_file (checkpoint, name, kind, sha256, bytes) VALUES (?, ?, ?, ?, ?)",
                [id, file.name, file.kind.rawValue, sha256, file.bytes])
        }
        if manifest.isResumable { try dropOldStates(db, job: open.job) }
        if manifest.isDeliverable {
            // It may have been enough before there was anything to take home.
            let weighing = StopWeighing(job: open.job, token: token, now: now)
            if let enough = try weighing.run(db, after: .deliverable) { effects.enough.append(enough) }
        }
        return .accepted
    }

    /// Keeps the newest training states of the job. Never the only one less: it deletes behind the newest,
    /// which is visible.
    private func dropOldStates(_ db: Database, job: Int64) throws {
        let old = try db.all(
            """
            SELECT c.id FROM span p JOIN checkpoint c ON c.attempt = p.attempt
            WHERE p.job = ?1 AND c.resumable = 1 AND c.step > p.low AND c.step <= p.high
            ORDER BY c.step DESC LIMIT -1 OFFSET (SELECT max(1, states_kept) FROM job WHERE id = ?1)
            """, [job])
        for row in old {
            let id: Int64 = row[0]
            try db.change("DELETE FROM checkpoint_file WHERE checkpoint = ? AND kind = 'state'", [id])
            try db.change("UPDATE checkpoint SET resumable = 0 WHERE id = ?", [id])
        }
        let bytes = try db.first("SELECT json_extract(spec, '$.retention.bytes') FROM job_spec WHERE job = ?", [job])
        if let most = bytes?[0] as Int? {
            let kept = try db.first("SELECT states_kept FROM job WHERE id = ?", [job])
            let policy = RetentionPolicy(last: kept?[0], bytes: most)
            _ = try Thinning(job: job, policy: policy, isDone: false).run(db)
        }
    }

    func store(
        _ db: Database, _ report: EvaluationReport, now: WallTime, _ effects: inout ReportEffects
    ) throws -> ReportOutcome {
        let (rows, completed) = (report.rows, report.completed)
        let texts = rows.flatMap { [$0.checkpoint, $0.class, $0.prompts, $0.metric] } + completed
        guard texts.allSatisfy({ $0.utf8.count <= 256 }),
            rows.allSatisfy({ $0.step >= 0 && $0.n >= 0 && $0.epoch >= 0 }),
            rows.allSatisfy({ $0.values?.count ?? 0 <= MetricLimit.imageValues }),
            rows.allSatisfy({ $0.notes?.count ?? 0 <= MetricLimit.imageValues })
        else {
            return .refused(
                "evaluations: a name is longer than 256 bytes, a step, epoch or count is below 0, or a row has more than "
                    + "\(MetricLimit.imageValues) values of images")
        }
        guard let open = try openAttempt(db) else { return .superseded }
        let place = try EvaluationPlace(of: open.attempt, job: open.job, db)
        for row in rows { try place.store(row, db) }
        for checkpoint in completed {
            // The step of what was evaluated decides whether a later attempt may skip it; it stands in the
            // rows before this one.
            try db.change(
                """
                INSERT INTO evaluated (attempt, checkpoint, step)
                SELECT ?1, ?2, coalesce((SELECT max(step) FROM evaluation WHERE attempt = ?1 AND checkpoint = ?2), 0)
                WHERE true ON CONFLICT DO UPDATE SET step = excluded.step
                """, [open.attempt, checkpoint])
        }
        let weighing = StopWeighing(job: open.job, token: token, now: now)
        let enough = try weighing.run(db, after: .evaluated(Set(rows.map(\.metric))))
        if let enough { effects.enough.append(enough) }
        return .accepted
    }

    func store(_ db: Database, _ files: [StoredArtifact]) throws -> ReportOutcome {
        guard
            files.allSatisfy({
                FileName.isPath($0.name) && SafeName.isName($0.kind) && $0.checkpoint.utf8.count <= 256 && $0.bytes >= 0
            }
            )
        else { return .refused("artifacts: a name in it is not allowed") }
        guard let open = try openAttempt(db) else { return .superseded }
        let missing = try missingBlobs(db, files.map(\.sha256))
        guard missing.isEmpty else { return .missingBlobs(missing) }
        for file in files {
            try db.change(
                """
                INSERT INTO artifact (attempt, kind, name, checkpoint, step, sha256, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint, step = excluded.step, sha256 = excluded.sha256,
                    bytes = excluded.bytes
                """,
                [
                    open.attempt, file.kind, file.name, file.checkpoint,
                    AttemptFolder.step(ofCheckpoint: file.checkpoint) ?? 0, file.sha256, file.bytes,
                ])
        }
        return .accepted
    }
}

/// Where the rows of an attempt belong: what an evaluation job measures is its subject's.
private enum EvaluationPlace {
    case own(attempt: Int64, job: Int64)
    /// Beside what the trainer itself measured, which stays; `source` is the evaluation job.
    case beside(attempt: Int64, job: Int64, source: Int64)
    case confirmation(source: Int64)
    /// Beside all others: only sweeps that asked for it see it.
    case apart(source: Int64)

    init(of attempt: Int64, job: Int64, _ db: Database) throws {
        let found = try db.first("SELECT subject, purpose, apart FROM evaluation_job WHERE job = ?", [job])
        guard let found else {
            self = .own(attempt: attempt, job: job)
            return
        }
        guard found["purpose"] == EvaluationPlanner.Purpose.measure.rawValue else {
            self = .confirmation(source: job)
            return
        }
        guard found["apart"] == 0 else {
            self = .apart(source: job)
            return
        }
        let subject: Int64 = found["subject"]
        let trained = try db.first(
            "SELECT id FROM attempt WHERE job = ? AND outcome = 'done' ORDER BY number DESC LIMIT 1", [subject])
        guard let trained else {
            throw LedgerError(.inputOutput, "an evaluation's job is done without an attempt that is")
        }
        self = .beside(attempt: trained[0], job: subject, source: job)
    }

    func store(_ row: EvaluationRow, _ db: Database) throws {
        let values = try row.finite.values.map { try LedgerJSON.text($0) }
        let notes = try row.notes.map { try LedgerJSON.text($0) }
        let cells: StatementArguments = [
            row.checkpoint, row.epoch, row.step, row.class, row.prompts, row.metric, row.value, row.n, values, notes,
        ]
        let columns = "checkpoint, epoch, step, class, prompts, metric, value, n, image_values, image_notes"
        let update = """
            ON CONFLICT DO UPDATE SET epoch = excluded.epoch, step = excluded.step, value = excluded.value,
                n = excluded.n, image_values = excluded.image_values, image_notes = excluded.image_notes
            """
        switch self {
        case .own(let attempt, let job):
            try db.change(
                "INSERT INTO evaluation (attempt, \(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \(update)",
                [attempt] + cells)
            try ResultMean.store(row, of: job, db)
        case .beside(let attempt, let job, let source):
            // Results of earlier programs know nothing of single images: these are better. Of evaluations the
            // one that was asked for last stands, whichever ends last.
            try db.change(
                """
                INSERT INTO evaluation (attempt, source, \(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \(update),
                    source = excluded.source
                WHERE evaluation.source <= excluded.source OR evaluation.image_values IS NULL
                """, [attempt, source] + cells)
            if db.changesCount > 0 { try ResultMean.store(row, of: job, db) }
        case .apart(let source):
            try db.change(
                "INSERT INTO protocol_result (source, \(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \(update)",
                [source] + cells)
        case .confirmation(let source):
            try db.change(
                "INSERT INTO confirmation (source, \(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \(update)",
                [source] + cells)
        }
    }
}
