import CSimulatedDisk
import Foundation
import Ports
import SweepLedger
import SweepModel

/// Holds a ledger against the invariants and against what clients were told.
final class Checker {
    unowned let cluster: Cluster
    private let disk: SimulatedDisk
    private let folder: String
    private var frozen: [Int: Frozen] = [:]
    var lastEvent = 0
    var history: [Int: String] = [:]
    /// The newest attempt of every job, as its history tells.
    var claimed: [Int: Int] = [:]
    var fairness = Fairness()
    /// Jobs claimed since the last look.
    var claims: Set<Int> = []
    /// When jobs of so many GPUs last got room, or none waited.
    var roomSince: [Int: Int64] = [:]
    /// Not a copy of its disk.
    let isOfCluster: Bool
    private(set) var checks = 0

    /// - Parameters: where the ledger lies, if not where the cluster's coordinator has it.
    init(_ cluster: Cluster, disk: SimulatedDisk? = nil, folder: String? = nil) {
        self.cluster = cluster
        isOfCluster = disk == nil
        self.disk = disk ?? cluster.coordinator.disk
        self.folder = folder ?? cluster.coordinator.folder
    }

    var world: World { cluster.world }

    /// What an attempt held when it was first seen superseded.
    private struct Frozen: Equatable { var points = 0, checkpoints = 0, evaluations = 0 }

    /// After a backup was restored: what was seen since then does not count any more.
    func forget() {
        frozen = [:]
        lastEvent = 0
        history = [:]
        claimed = [:]
        fairness = Fairness()
        roomSince = [:]
    }

    struct Job { var row = 0, identity = "", state = "", attempt = 0, epoch = 0, budgetFrom = 0, failure = "" }
    struct Attempt {
        var row = 0, job = 0, number = 0, epoch = 0, worker = "", isOpen = false, outcome = "", failure = ""
        var resumed = 0, points = 0
    }

    func check(isEnd: Bool = false) {
        guard world.violation == nil, cluster.coordinator.isUp else { return }
        checks += 1
        do {
            try cluster.coordinator.inspect { try look($0, everything: isEnd) }
        } catch {
            world.fail("I2", "the ledger cannot be read: \(error)")
        }
    }

    /// - Parameter everything: every byte of every blob, every point, every curve of a job that is done.
    func look(_ ledger: LedgerInspector, everything: Bool) throws {
        let jobs = try ledger.rows(
            "SELECT id, identity, state, attempt, epoch, budget_from, failure FROM job ORDER BY id"
        ).map {
            Job(
                row: $0[0].int, identity: $0[1].string, state: $0[2].string, attempt: $0[3].int, epoch: $0[4].int,
                budgetFrom: $0[5].int, failure: $0[6].string)
        }
        let attempts = try ledger.rows(
            "SELECT id, job, number, epoch, worker, ended IS NULL, outcome, failure, resumed_step, points FROM attempt ORDER BY job, number"
        ).map {
            Attempt(
                row: $0[0].int, job: $0[1].int, number: $0[2].int, epoch: $0[3].int, worker: $0[4].string,
                isOpen: $0[5].int == 1, outcome: $0[6].string, failure: $0[7].string, resumed: $0[8].int,
                points: $0[9].int)
        }
        let byJob = Dictionary(grouping: attempts, by: \.job)
        for job in jobs { checkJob(job, byJob[job.row] ?? []) }
        try checkFence(ledger, jobs, byJob)
        let identities = Dictionary(uniqueKeysWithValues: jobs.map { ($0.identity, $0) })
        try checkPromises(ledger, identities, byJob)
        try checkActors(ledger)
        try checkCounts(ledger)
        try checkHistory(ledger, jobs)
        try checkBlobs(ledger, everyByte: everything)
        try checkBounds(ledger)
        try checkBlame(ledger)
        checkRoom(jobs)
        try checkMetrics(ledger, jobs, attempts, everyPoint: everything)
        if everything {
            try checkSummaries(ledger)
            try checkEnd(ledger, jobs, byJob)
        }
    }

    private func checkJob(_ job: Job, _ attempts: [Attempt]) {
        let name = String(job.identity.prefix(8))
        let results = attempts.filter { $0.outcome == "done" }
        if results.count > 1 { world.fail("I1", "job \(name) has \(results.count) results") }
        if (job.state == "done") != (results.count == 1) {
            world.fail("I1", "job \(name) is \(job.state) with \(results.count) results")
        }
        if attempts.map(\.number) != Array(1...max(1, attempts.count)).prefix(attempts.count).map({ $0 }) {
            world.fail("I4", "job \(name) has attempts \(attempts.map(\.number))")
        }
        if attempts.count != job.attempt {
            world.fail("I4", "job \(name) counts \(job.attempt), has \(attempts.count)")
        }
        if zip(attempts, attempts.dropFirst()).contains(where: { $0.epoch > $1.epoch }) {
            world.fail("I4", "job \(name): epochs go back: \(attempts.map(\.epoch))")
        }
        let open = attempts.filter(\.isOpen)
        if open.count > 1 || open.contains(where: { $0.number != job.attempt }) {
            world.fail("I6", "job \(name) has open attempts \(open.map(\.number)) of \(job.attempt)")
        }
        if job.state == "running", open.isEmpty { world.fail("I6", "job \(name) runs without an attempt") }
        if !open.isEmpty, job.state != "running", job.state != "waiting" {
            world.fail("I6", "job \(name) is \(job.state) with an open attempt")
        }
        // R8: an expiry takes nothing away; only a claim, a pause or a restored backup ends an attempt as
        // lost.
        if let last = attempts.last, last.outcome == "lost", job.state != "paused", job.state != "canceled",
            !cluster.wasRestored, !cluster.pauses.contains(job.identity)
        {
            world.fail("R8", "attempt \(last.number) of job \(name) was lost although nobody claimed the job")
        }
        checkRetries(job, name, attempts)
    }

    /// I5: a superseded attempt takes nothing more; old checkpoints of it may go.
    private func checkFence(_ ledger: LedgerInspector, _ jobs: [Job], _ attempts: [Int: [Attempt]]) throws {
        func counts(_ table: String) throws -> [Int: Int] {
            Dictionary(
                uniqueKeysWithValues: try ledger.rows("SELECT attempt, count(*) FROM \(table) GROUP BY attempt").map {
                    ($0[0].int, $0[1].int)
                })
        }
        let checkpoints = try counts("checkpoint")
        let evaluations = try counts("evaluation")
        for job in jobs {
            for attempt in attempts[job.row] ?? [] where attempt.number < job.attempt {
                let found = Frozen(
                    points: attempt.points, checkpoints: checkpoints[attempt.row] ?? 0,
                    evaluations: evaluations[attempt.row] ?? 0)
                if let before = frozen[attempt.row],
                    before.points != found.points || before.checkpoints < found.checkpoints
                        || before.evaluations != found.evaluations
                {
                    world.fail(
                        "I5",
                        "attempt \(attempt.number) of job \(job.identity.prefix(8)) took more after it was superseded: \(before), \(found)"
                    )
                }
                frozen[attempt.row] = found
            }
        }
    }

    private static let budgets = ["oom": 2, "nan": 1, "crash": 3, "killed": 5, "timeout": 1, "bad-config": 0]

    private func checkRetries(_ job: Job, _ name: String, _ attempts: [Attempt]) {
        let failed = attempts.filter {
            $0.number > job.budgetFrom && $0.outcome == "failed" && $0.failure == job.failure
        }
        switch job.state {
        case "failed":
            guard let budget = Self.budgets[job.failure] else {
                return world.fail("I13", "job \(name) failed for good by \(job.failure)")
            }
            if failed.count <= budget {
                world.fail(
                    "I13", "job \(name) failed after \(failed.count) × \(job.failure), wanted more than \(budget)")
            }
            world.probe("job failed: \(job.failure)")
        case "parked":
            if Set(failed.map(\.worker)).count < 2 {
                world.fail("I13", "job \(name) was parked after one worker's failures")
            }
            world.probe("job parked")
        default: break
        }
    }

    private func checkPromises(_ ledger: LedgerInspector, _ jobs: [String: Job], _ attempts: [Int: [Attempt]]) throws {
        let promises = cluster.shadow.promises
        for job in promises.launched where jobs[job.text] == nil {
            world.fail("I2", "job \(job.short) was launched and is not there")
        }
        func attempt(_ token: AttemptToken) -> Attempt? {
            guard let job = jobs[token.job.text] else { return nil }
            return attempts[job.row]?.first { $0.number == token.attempt.value && $0.epoch == token.epoch }
        }
        for (job, token) in promises.finished {
            guard jobs[job.text]?.state == "done", attempt(token)?.outcome == "done" else {
                world.fail("I2", "\(token) was accepted as the result; the job is \(jobs[job.text]?.state ?? "gone")")
                return
            }
        }
        for (token, count) in promises.acknowledged {
            guard let points = attempt(token)?.points, points >= Int(count) else {
                world.fail(
                    "I2", "\(count) points of \(token) were acknowledged, \(attempt(token)?.points ?? -1) are there")
                return
            }
        }
        guard !promises.checkpoints.isEmpty else { return }
        let stored = Set(
            try ledger.rows("SELECT attempt, name FROM checkpoint").map { "\($0[0].int) \($0[1].string)" })
        for (token, names) in promises.checkpoints {
            for name in names where !stored.contains("\(attempt(token)?.row ?? -1) \(name)") {
                world.fail("I2", "checkpoint \(name) of \(token) was accepted and is not there")
            }
        }
        let resumable = Set(
            try ledger.rows(
                "SELECT DISTINCT j.identity FROM checkpoint c JOIN attempt a ON a.id = c.attempt JOIN job j ON "
                    + "j.id = a.job WHERE c.resumable = 1"
            ).map { $0[0].string })
        for job in promises.resumable where jobs[job.text]?.state != "done" && !resumable.contains(job.text) {
            world.fail("I11", "job \(job.short) had a training state and has none any more")
        }
    }

    /// I21: whoever is recorded for an effect was allowed to cause it.
    private func checkActors(_ ledger: LedgerInspector) throws {
        for row in try ledger.rows("SELECT DISTINCT call, actor FROM audit") where row[1].string != "user" {
            world.fail("I21", "\(row[0].string) was done for \(row[1].string)")
        }
        for row in try ledger.rows(
            "SELECT DISTINCT s.session, a.worker FROM attempt a LEFT JOIN attempt_session s ON s.attempt = a.id")
        where !cluster.shadow.sessions.contains(row[0].string) || row[1].string == "stranger" {
            world.fail("I21", "an attempt was given to a session that no worker of the cluster made")
        }
        for row in try ledger.rows("SELECT worker, token FROM worker_owner")
        where row[1].string != (row[0].string == "stranger" ? "stranger" : "workers") {
            world.fail("I21", "worker \(row[0].string.prefix(8)) belongs to \(row[1].string)")
        }
    }

    private func checkBlobs(_ ledger: LedgerInspector, everyByte: Bool) throws {
        func size(_ sha256: String) -> Int64 {
            csd_path_size(disk.disk, "\(folder)/blobs/\(sha256.prefix(2))/\(sha256.dropFirst(2))")
        }
        let referenced = try ledger.rows(
            "SELECT DISTINCT f.sha256, b.bytes FROM checkpoint_file f LEFT JOIN blob b ON b.sha256 = f.sha256")
        for row in referenced {
            let sha256 = row[0].string
            guard !row[1].isNull, size(sha256) == Int64(row[1].int) else {
                // A backup knows what was collected after it was made.
                if cluster.wasRestored { continue }
                return world.fail("I10", "blob \(sha256.prefix(8)) is referenced; its file has \(size(sha256)) bytes")
            }
            guard everyByte else { continue }
            let path = "\(folder)/blobs/\(sha256.prefix(2))/\(sha256.dropFirst(2))"
            let bytes = try disk.read(path, limit: 1 << 20)
            if ContentDigest.of(bytes).text != sha256 {
                world.fail("I10", "blob \(sha256.prefix(8)) has other content")
            }
        }
        guard !cluster.wasRestored else { return }
        let coordinator = cluster.coordinator
        for (blob, promise) in cluster.shadow.promises.blobs
        where promise.until > coordinator.lastCollection && !coordinator.aside.contains(blob) {
            guard size(blob.text) != promise.bytes else { continue }
            return world.fail("I15", "blob \(blob.text.prefix(8)) was told to be there less than 24 h ago and is gone")
        }
    }

    private func checkBounds(_ ledger: LedgerInspector) throws {
        let log = csd_path_size(disk.disk, folder + "/ledger.db-wal")
        if log > 128 << 20 { world.fail("I16", "the log has \(log) bytes") }
        let keys = Set(try ledger.rows("SELECT key FROM request_key").map { $0[0].string })
        if !keys.isSuperset(of: cluster.shadow.promises.keys) {
            world.fail("I8", "a launch was answered whose key is not remembered")
        }
        for row in try ledger.rows("SELECT job, count(*) FROM quarantine GROUP BY job HAVING count(*) > 16") {
            world.fail("I16", "\(row[1].int) quarantined reports of one job")
        }
        for row in try ledger.rows("SELECT session, count(*) FROM exchange GROUP BY session HAVING count(*) > 17") {
            world.fail("I16", "\(row[1].int) remembered exchanges of one session")
        }
        if try ledger.rows("SELECT 1 FROM quarantine LIMIT 1").count > 0 { world.probe("something in quarantine") }
    }
}
