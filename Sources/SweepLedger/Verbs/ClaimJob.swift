import GRDB
import Ports
import RunSpec
import SweepModel

/// Gives a waiting job to a worker: ends the attempt that may still be open as lost, and counts the next one.
struct ClaimJob {
    let job: Int64
    let worker: WorkerID
    let session: SessionID
    let ledgerID: String
    let epoch: Int
    /// What an hour of the worker's slot costs, where it says so.
    let price: Double?
    let now: WallTime

    /// - Returns: the new attempt's row, and for a first attempt what its worker needs; nil if the job does
    ///   not wait, or is held.
    func run(_ db: Database) throws -> (attempt: Int64, first: ClaimedJob?)? {
        let update = try PreparedStatement(
            """
            UPDATE job SET state = 'running', attempt = attempt + 1, epoch = ?1, worker = ?2, stop = NULL, ready_at = NULL,
                avoid = NULL, updated = ?3
            WHERE id = ?4 AND state = 'waiting' AND NOT \(JobHold.sql("job.id"))
            RETURNING attempt, identity, (SELECT \(Self.spec("job")) FROM job_spec s WHERE s.job = job.id), priority,
                requirements, EXISTS (SELECT 1 FROM job_origin WHERE job = ?4 AND step > 0),
                EXISTS (SELECT 1 FROM prepare_need WHERE job = ?4)
            """, db)
        try update.bind(1, epoch)
        try update.bind(2, worker.text)
        try update.bind(3, now.milliseconds)
        try update.bind(4, job)
        let claimed = try update.first { row in
            (
                number: Int(row.integer(0)), identity: row.text(1) ?? "", spec: row.text(2) ?? "",
                priority: Int(row.integer(3)), requirements: row.text(4) ?? "", hasOrigin: row.flag(5),
                isPrepared: row.flag(6)
            )
        }
        guard let claimed else { return nil }
        let number = claimed.number
        let origin = try claimed.hasOrigin ? Self.origin(db, job: job) : nil
        var resumed = (step: origin?.step ?? 0, epoch: origin?.epoch ?? 0)
        if number > 1 {
            try db.change(
                "UPDATE attempt SET ended = ?, outcome = 'lost', failure = 'lost' WHERE job = ? AND ended IS NULL",
                [now.milliseconds, job])
            // With other values it begins anew: states of before are of another batch.
            if try MemoryFallback.current(job, db)?.attempt != number - 1 {
                resumed = try Self.newestState(db, job: job).map { ($0.step, $0.epoch) } ?? resumed
            }
        }
        let row = try insert(number, from: resumed, db)
        if number > 1 { try CurveChange.attemptBegan(job, from: resumed.step, db) }
        if let price {
            try db.change("INSERT INTO attempt_price (attempt, price) VALUES (?, ?)", [row, price])
        }
        try db.note(
            "claim", at: now, job: job, attempt: number, worker: worker.text,
            detail: resumed.step > 0 ? "from step \(resumed.step)" : "")
        guard number == 1, resumed.step == 0 else { return (row, nil) }
        let token = AttemptToken(
            ledger: ledgerID, epoch: epoch, job: try JobID.stored(claimed.identity), attempt: AttemptNumber(number))
        var first = ClaimedJob(
            row: job, token: token, spec: claimed.spec, priority: claimed.priority,
            needs: try RequirementSpec.stored(claimed.requirements))
        if claimed.isPrepared { first.prepared = try Self.prepared(db, job: job) }
        return (row, first)
    }

    /// - Returns: the attempt's row.
    private func insert(_ number: Int, from resumed: (step: Int, epoch: Int), _ db: Database) throws -> Int64 {
        let insert = try PreparedStatement(
            """
            INSERT INTO attempt (job, number, epoch, worker, started, resumed_step, resumed_epoch)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            """, db)
        try insert.bind(1, job)
        try insert.bind(2, number)
        try insert.bind(3, epoch)
        try insert.bind(4, worker.text)
        try insert.bind(5, now.milliseconds)
        try insert.bind(6, resumed.step)
        try insert.bind(7, resumed.epoch)
        try insert.run()
        let row = db.lastInsertedRowID
        let bind = try PreparedStatement("INSERT INTO attempt_session (attempt, session) VALUES (?1, ?2)", db)
        try bind.bind(1, row)
        try bind.bind(2, session.rawValue)
        try bind.run()
        return row
    }

    /// The resolved job, with the memory that such jobs were seen to use: the worker chooses a GPU by it.
    private static func spec(_ job: String) -> String {
        let expected = "json_extract(\(job).requirements, '$.expectedGPUMemory')"
        return """
            CASE WHEN \(expected) IS NULL THEN s.spec
                ELSE json_set(s.spec, '$.requirements.expectedGPUMemory', \(expected)) END
            """
    }

    /// What was made once for all machines and belongs to the job.
    private static func prepared(_ db: Database, job: Int64) throws -> [PreparedFiles] {
        let makers = try db.all(
            """
            SELECT j.id, j.identity FROM prepare_need n JOIN prepare_job p ON p.job = n.prepare JOIN job j ON j.id = p.job
            WHERE n.job = ? AND p.scope = 'fleet' ORDER BY j.id
            """, [job])
        return try makers.map { maker in
            let files = try db.all(
                """
                SELECT f.name, f.sha256, f.bytes FROM attempt a JOIN checkpoint c ON c.attempt = a.id
                JOIN checkpoint_file f ON f.checkpoint = c.id
                WHERE a.job = ? AND a.outcome = 'done' AND f.kind = 'adapter' ORDER BY f.name
                """, [maker["id"] as Int64])
            return PreparedFiles(job: maker["identity"], files: files.map(BlobFile.init(stored:)))
        }
    }

    /// The training state that a job begins with, where it extends another.
    private static func origin(_ db: Database, job: Int64) throws -> StoredCheckpoint? {
        let row = try db.first("SELECT checkpoint, epoch, step FROM job_origin WHERE job = ? AND step > 0", [job])
        guard let row else { return nil }
        return StoredCheckpoint(
            name: row["checkpoint"], step: row["step"], epoch: row["epoch"], isFinal: false,
            files: try db.all("SELECT name, sha256, bytes FROM origin_file WHERE job = ? ORDER BY name", [job])
                .map(BlobFile.init(stored:)))
    }

    /// The newest visible training state of a job.
    static func newestState(_ db: Database, job: Int64) throws -> (id: Int64, step: Int, epoch: Int)? {
        let row = try db.first(
            """
            SELECT c.id, c.step, c.epoch FROM span p JOIN checkpoint c ON c.attempt = p.attempt
            WHERE p.job = ? AND c.resumable = 1 AND c.step > p.low AND c.step <= p.high
            ORDER BY c.step DESC, p.number DESC LIMIT 1
            """
            .mutant("resumes-hidden-state", "AND c.step > p.low AND c.step <= p.high", ""), [job])
        return row.map { ($0["id"], $0["step"], $0["epoch"]) }
    }

    /// What a worker needs to start the attempt; the same whenever it is asked, since older attempts change
    /// no more.
    static func describe(_ db: Database, attempt: Int64, ledgerID: String) throws -> ClaimedJob {
        let row = try db.first(
            """
            SELECT j.id, j.identity, \(spec("j")) AS spec, a.number, a.epoch, a.resumed_step, j.priority, j.requirements
            FROM attempt a JOIN job j ON j.id = a.job JOIN job_spec s ON s.job = j.id WHERE a.id = ?
            """, [attempt])
        guard let row else {
            throw LedgerError(.inputOutput, "attempt \(attempt) was granted, but is not in the ledger")
        }
        let job: Int64 = row["id"]
        let number: Int = row["number"]
        let resumed: Int = row["resumed_step"]
        var claimed = ClaimedJob(
            row: job,
            token: AttemptToken(
                ledger: ledgerID, epoch: row["epoch"], job: try JobID.stored(row["identity"]),
                attempt: AttemptNumber(number)),
            spec: row["spec"], priority: row["priority"], needs: try RequirementSpec.stored(row["requirements"]))
        claimed.prepared = try prepared(db, job: job)
        if number > 1, let fallen = try MemoryFallback.current(job, db), fallen.attempt < number {
            let job = try LedgerJSON.value(ResolvedJob.self, claimed.spec)
            claimed.spec = try LedgerJSON.text(job.fallen(to: fallen.values))
        }
        let origin = try Self.origin(db, job: job)
        guard number > 1 || origin != nil else { return claimed }
        claimed.isEnough =
            try db.first("SELECT 1 FROM stop_decision WHERE job = ? AND attempt < ?", [job, number]) != nil
        let checkpoints = try db.all(
            """
            SELECT c.id, c.name, c.step, c.epoch, c.final, c.resumable AND NOT v.is_resumed_step AS is_state
            FROM visible_checkpoint v JOIN checkpoint c ON c.id = v.checkpoint
            WHERE v.job = ? AND v.number < ? ORDER BY c.step, v.number
            """, [job, number])
        for one in checkpoints {
            let files = try db.all(
                "SELECT name, sha256, bytes, kind FROM checkpoint_file WHERE checkpoint = ? ORDER BY name",
                [one["id"] as Int64])
            func stored(_ kind: CheckpointManifest.Kind) -> StoredCheckpoint {
                StoredCheckpoint(
                    name: one["name"], step: one["step"], epoch: one["epoch"], isFinal: one["final"],
                    files: files.filter { $0["kind"] == kind.rawValue }.map(BlobFile.init(stored:)))
            }
            let adapter = stored(.adapter)
            if !adapter.files.isEmpty { claimed.trained.append(adapter) }
            if one["is_state"], one["step"] == resumed, resumed > 0 { claimed.resume = stored(.state) }
        }
        if claimed.resume == nil, let origin, origin.step == resumed { claimed.resume = origin }
        claimed.evaluated = try db.all(
            """
            SELECT DISTINCT e.checkpoint FROM span p JOIN evaluated e ON e.attempt = p.attempt
            WHERE p.job = ? AND p.number < ? AND e.step <= p.high ORDER BY 1
            """, [job, number]
        ).map { $0[0] }
        return claimed
    }
}

extension BlobFile {
    /// - Parameter row: of `checkpoint_file`.
    init(stored row: Row) { self.init(name: row["name"], sha256: row["sha256"], bytes: row["bytes"]) }
}
