import GRDB
import Ports
import RunSpec
import SweepModel

/// Whether a sweep is itself at fault for what its jobs fail of, so that it is stopped and the workers go on.
///
/// It is when three of its jobs (all, where it has fewer) failed last with one fingerprint, and none of its
/// jobs ever got anywhere. Other sweeps' failures count for nothing: only jobs of the sweep are looked at.
struct SweepBlame {
    /// Jobs that fail alike; a sweep of fewer jobs is stopped after so many failures, or when all have failed
    /// for good.
    static let alike = 3
    /// A worker that was heard from so long ago counts as one that could try: "last seen" is written twice a
    /// minute.
    private static let recent: Int64 = 120_000

    let job: Int64
    let attempt: Int
    let worker: WorkerID
    let failure: FailureClass
    let exitCode: Int?
    let message: String
    let now: WallTime

    /// Notes the failure, and stops those of the job's sweeps that it shows to be broken.
    ///
    /// - Returns: the jobs that are held because of it.
    func weigh(_ db: Database) throws -> [JobChange] {
        guard let print = FailureFingerprint(failure, exitCode: exitCode, message: message) else {
            try db.change("DELETE FROM job_failure WHERE job = ?", [job])
            return []
        }
        try db.change(
            """
            INSERT INTO job_failure (job, fingerprint, attempt, failures, worker) VALUES (?, ?, ?, 1, ?)
            ON CONFLICT (job) DO UPDATE SET attempt = excluded.attempt, worker = excluded.worker,
                failures = CASE WHEN fingerprint = excluded.fingerprint THEN failures + 1 ELSE 1 END,
                fingerprint = excluded.fingerprint
            """, [job, print.text, attempt, worker.text])
        let sweeps = try db.all(
            """
            SELECT s.id FROM member m JOIN sweep s ON s.id = m.sweep
            WHERE m.job = ? AND s.state = 'active' AND NOT EXISTS (SELECT 1 FROM sweep_stop p WHERE p.sweep = s.id)
                AND NOT EXISTS (SELECT 1 FROM sweep_progress p WHERE p.sweep = s.id) ORDER BY s.id
            """, [job])
        var held: [JobChange] = []
        for sweep in sweeps {
            guard let count = try failedAlike(sweep[0], print, db), try !hasProgress(sweep[0], db) else { continue }
            let jobs = count == 1 ? "its only job" : "\(count) jobs"
            let what = print.line.isEmpty ? failure.rawValue : print.line
            held += try SweepHold.stop(sweep[0], reason: "\(jobs) failed alike: \(what)", db, now: now)
        }
        return held
    }

    /// How many of the sweep's jobs failed so last; nil where they are too few, or where another worker
    /// should try first.
    private func failedAlike(_ sweep: Int64, _ print: FailureFingerprint, _ db: Database) throws -> Int? {
        let row = try db.first(
            """
            SELECT count(*) AS jobs, coalesce(sum(f.failures), 0) AS failures, count(DISTINCT f.worker) AS workers,
                coalesce(sum(j.state IN ('failed', 'parked')), 0) AS ended
            FROM job_failure f JOIN job j ON j.id = f.job
            WHERE f.fingerprint = ?1 AND EXISTS (SELECT 1 FROM member m WHERE m.sweep = ?2 AND m.job = f.job)
            """
            .mutant("stopped-by-others", "m.sweep = ?2 AND m.job", "?2 > 0 AND f.job"), [print.text, sweep])
        guard let row else { return nil }
        let (jobs, failures, workers, ended): (Int, Int, Int, Int) = (
            row["jobs"], row["failures"], row["workers"], row["ended"]
        )
        if jobs < Self.alike {
            let all: Int =
                try db.first(
                    "SELECT coalesce(sum(jobs), 0) FROM sweep_count WHERE sweep = ? AND state <> 'canceled'", [sweep]
                )?[0] ?? 0
            guard jobs >= all, failures >= Self.alike || ended >= all else { return nil }
        }
        // One machine alone may be what is broken, as long as there is another that can be asked.
        guard failure == .crash, workers < 2, ended < jobs else { return jobs }
        return try canOthersTry(sweep, db) ? nil : jobs
    }

    private func canOthersTry(_ sweep: Int64, _ db: Database) throws -> Bool {
        let text: String = try db.first("SELECT requirements FROM job WHERE id = ?", [job])?[0] ?? "{}"
        let needs = try LedgerJSON.value(RequirementSpec.self, text)
        let others = try db.all(
            """
            SELECT w.labels, w.gpus, w.slots, w.memory, c.versions, g.devices FROM worker w
            LEFT JOIN worker_core c ON c.worker = w.id LEFT JOIN worker_gpu g ON g.worker = w.id
            WHERE w.id <> ?1 AND w.state = 'active' AND w.last_seen >= ?2
                AND NOT EXISTS (SELECT 1 FROM worker_suspension s WHERE s.worker = w.id)
                AND NOT EXISTS (SELECT 1 FROM worker_mark m WHERE m.worker = w.id AND m.kind = 'goodbye')
                AND (w.slots > (SELECT count(*) FROM attempt a WHERE a.worker = w.id AND a.ended IS NULL)
                    OR EXISTS (SELECT 1 FROM attempt a JOIN member m ON m.job = a.job AND m.sweep = ?3
                        WHERE a.worker = w.id AND a.ended IS NULL))
            """, [worker.text, now.milliseconds - Self.recent, sweep])
        return try others.contains { row in
            let versions = try (row["versions"] as String?).map { try LedgerJSON.value([String].self, $0) }
            let named = try (row["devices"] as String?).map { try LedgerJSON.value([GPUDevice].self, $0) }
            let devices = named ?? (0..<(row["gpus"] as Int)).map { GPUDevice(index: String($0)) }
            return WorkerOffer(
                labels: try LedgerJSON.value([String: String].self, row["labels"]), devices: devices,
                slots: row["slots"], memory: UInt64(clamping: row["memory"] as Int64),
                coreVersions: versions ?? CoreVersions.unnamed
            ).meets(needs)
        }
    }

    /// Whether any of its jobs ever logged a point, saved a checkpoint, or was done.
    private func hasProgress(_ sweep: Int64, _ db: Database) throws -> Bool {
        let found = try db.first(
            """
            SELECT 1 FROM member m JOIN attempt a ON a.job = m.job
            WHERE m.sweep = ? AND (a.points > 0 OR a.outcome = 'done'
                OR EXISTS (SELECT 1 FROM checkpoint c WHERE c.attempt = a.id)) LIMIT 1
            """, [sweep])
        guard found != nil else { return false }
        try db.change("INSERT INTO sweep_progress (sweep) VALUES (?) ON CONFLICT DO NOTHING", [sweep])
        return true
    }
}
