import GRDB
import Ports
import RunSpec
import SweepModel

/// Whether a worker is at fault for what fails on it: only where the same succeeds elsewhere.
///
/// A suspended worker gets one trial job at a time after 1, 5, then every 25 minutes. A success lifts the
/// suspicion. When a trial may begin is for the coordinator's clock to say; that there is only one at a time
/// is decided by the claim.
enum WorkerSuspicion {
    /// Different jobs that failed in a row on the worker and then succeeded elsewhere, or different sweeps of
    /// which jobs fail here while they succeed elsewhere.
    private static let proofs = 2
    private static let minutes = [1.0, 5, 25]

    /// Seconds until the next trial job.
    static func pause(strikes: Int) -> Double { minutes[min(max(strikes, 1), minutes.count) - 1] * 60 }

    /// An attempt failed on the worker in a way that may be its fault.
    static func failed(_ worker: WorkerID, attempt: Int64, _ db: Database, now: WallTime) throws -> [WorkerChange] {
        guard let known = try suspension(worker, db) else { return try weigh(worker, db, now: now) }
        // What was begun before the suspension is no trial.
        guard attempt > known.newest else { return [] }
        return [try suspend(worker, strikes: known.strikes + 1, reason: known.reason, db, now: now)]
    }

    /// A job was done on the worker: no suspicion against it is left, but others may have failed where it did
    /// not.
    static func succeeded(
        _ worker: WorkerID, job: Int64, number: Int, _ db: Database, now: WallTime
    ) throws -> [WorkerChange] {
        var news: [WorkerChange] = []
        if try lift(worker, db) {
            try db.note("worker-trusted", at: now, worker: worker.text, detail: "a job succeeded there")
            news.append(.lifted(worker))
        }
        guard number > 1 else { return news }
        let others = try db.all(
            """
            SELECT DISTINCT worker FROM attempt WHERE job = ? AND outcome = 'failed' AND worker <> ? ORDER BY worker
            """, [job, worker.text])
        for other in others where try suspension(WorkerID(other[0]), db) == nil {
            news += try weigh(WorkerID(other[0]), db, now: now)
        }
        return news
    }

    /// - Returns: whether there was a suspension.
    static func lift(_ worker: WorkerID, _ db: Database) throws -> Bool {
        try db.change("DELETE FROM worker_suspension WHERE worker = ?", [worker.text])
        return db.changesCount > 0
    }

    private static func suspension(_ worker: WorkerID, _ db: Database) throws -> (
        strikes: Int, newest: Int64, reason: String
    )? {
        try db.first("SELECT strikes, newest, reason FROM worker_suspension WHERE worker = ?", [worker.text]).map {
            ($0["strikes"], $0["newest"], $0["reason"])
        }
    }

    private static func suspend(
        _ worker: WorkerID, strikes: Int, reason: String, _ db: Database, now: WallTime
    ) throws -> WorkerChange {
        let pause = pause(strikes: strikes)
        try db.change(
            """
            INSERT INTO worker_suspension (worker, since, strikes, trial_at, newest, reason)
            VALUES (?1, ?2, ?3, ?4, (SELECT coalesce(max(id), 0) FROM attempt), ?5)
            ON CONFLICT (worker) DO UPDATE SET strikes = excluded.strikes, trial_at = excluded.trial_at,
                newest = excluded.newest
            """, [worker.text, now.milliseconds, strikes, now.milliseconds + Int64(pause * 1000), reason])
        try db.note(
            "worker-suspended", at: now, worker: worker.text,
            detail: "\(reason); trial \(strikes) after \(Int(pause)) s")
        return .suspended(worker, pauseSeconds: pause)
    }

    /// Looks at what failed on the worker since its last success there.
    private static func weigh(_ worker: WorkerID, _ db: Database, now: WallTime) throws -> [WorkerChange] {
        let rows = try db.all(
            """
            SELECT a.job, a.outcome, a.failure, a.message, a.ended, j.sweep, EXISTS (
                SELECT 1 FROM attempt b WHERE b.job = a.job AND b.outcome = 'done' AND b.worker <> a.worker)
                AS is_done_elsewhere
            FROM attempt a JOIN worker w ON w.id = a.worker JOIN job j ON j.id = a.job
            WHERE a.worker = ? AND a.outcome IN ('failed', 'done') AND a.ended > w.trusted_from
            ORDER BY a.ended DESC, a.id DESC LIMIT 16
            """, [worker.text])
        var elsewhere: Set<Int64> = []
        var sweeps: [Int64: Int64] = [:]
        var last = ""
        for row in rows {
            if row["outcome"] == "done" { break }
            guard let failure = FailureClass(rawValue: row["failure"]), failure.countsAgainstWorker else { continue }
            if row["is_done_elsewhere"] { elsewhere.insert(row["job"]) }
            sweeps[row["sweep"]] = row["ended"]
            if last.isEmpty {
                let line = FailureFingerprint(.crash, exitCode: nil, message: row["message"] ?? "")?.line ?? ""
                last = line.isEmpty ? failure.rawValue : "\(failure.rawValue): \(line.prefix(120))"
            }
        }
        let reason: String
        if elsewhere.count >= proofs {
            reason = "\(elsewhere.count) jobs failed on it that succeeded elsewhere (\(last))"
        } else {
            let others = try sweeps.filter { try succeedsElsewhere($0.key, than: worker, since: $0.value, db) }
            guard others.count >= proofs else { return [] }
            reason = "jobs of \(others.count) sweeps failed on it at which other workers succeed (\(last))"
        }
        return [try suspend(worker, strikes: 1, reason: reason, db, now: now)]
    }

    private static func succeedsElsewhere(
        _ sweep: Int64, than worker: WorkerID, since: Int64, _ db: Database
    ) throws -> Bool {
        try db.first(
            """
            SELECT 1 FROM worker w JOIN attempt c ON c.worker = w.id
            WHERE w.id <> ?1 AND c.outcome IN ('failed', 'done') AND c.ended >= ?2 AND c.outcome = 'done'
                AND EXISTS (SELECT 1 FROM member m WHERE m.sweep = ?3 AND m.job = c.job) LIMIT 1
            """, [worker.text, since, sweep]) != nil
    }
}
