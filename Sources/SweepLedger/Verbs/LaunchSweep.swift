package import GRDB
package import Ports
package import RunSpec
package import SweepModel

/// Adds a sweep, or what a known sweep misses. Adds jobs, removes none.
///
/// A large one is written in slices, each a transaction of its own, so that nobody waits behind a million
/// rows. The key is remembered with the last slice: a launch that was cut off is completed by sending it
/// again.
package struct LaunchSweep: LedgerVerb {
    package struct Outcome: Sendable, Equatable {
        package var jobs = 0
        package var added = 0
        package var shared = 0
        /// Jobs that wait now because of this launch.
        package var changes: [JobChange] = []

        package init(jobs: Int = 0, added: Int = 0, shared: Int = 0) {
            self.jobs = jobs
            self.added = added
            self.shared = shared
        }
    }

    /// The answer of a key seen before with another request.
    package static let keyReused = LedgerError(
        .conflict, "this launch key was used for another request; make a new key")

    /// From so many on, members are summed up at once: below, preparing statements anew costs more.
    private static let manyJobs = 64
    /// From so many on, all pages of the index of identities are touched by every slice.
    private static let hugeJobs = 10_000

    let key: String
    /// Digest of the whole request.
    let digest: String
    package let name: SweepName
    let fileDigest: String
    /// The bundle as JSON.
    let bundle: String
    let priority: Int
    package let configurations: Int
    let checkpoints: Int
    /// What the file says about metrics; takes the place of what an earlier one said.
    package var metrics: [MetricDeclaration] = []
    /// What its trained jobs are measured by beside what their trainer measures; nil for nothing.
    package var external: EvaluationSpec?
    /// What it may take, by its file.
    package var budget: SweepBudget?
    /// How its jobs are measured; nil for not at all. Those that were trained for somebody else get
    /// evaluations by it.
    package var measuring: EvaluationProtocol?
    /// This slice's.
    package var jobs: [LaunchJob]
    /// What the slices before this one did; their `changes` are not needed.
    package var before: Outcome?
    package var isFirst = true
    package var isLast = true
    let now: WallTime

    package init(
        key: String, digest: String, name: SweepName, fileDigest: String, bundle: String, priority: Int,
        configurations: Int,
        checkpoints: Int, jobs: [LaunchJob], now: WallTime
    ) {
        self.key = key
        self.digest = digest
        self.name = name
        self.fileDigest = fileDigest
        self.bundle = bundle
        self.priority = priority
        self.configurations = configurations
        self.checkpoints = checkpoints
        self.jobs = jobs
        self.now = now
    }

    /// - Returns: what the launch has done so far, this slice included.
    /// - Throws: ``keyReused``; `DatabaseError`; `LedgerError` for what the ledger holds and cannot be read.
    package func run(_ db: Database) throws -> Outcome {
        if let known = try db.first("SELECT digest, reply FROM request_key WHERE key = ?", [key]) {
            guard known["digest"] == digest else { throw Self.keyReused }
            let numbers = (known["reply"] as String).split(separator: " ").compactMap { Int($0) }
            guard numbers.count == 3 else { throw LedgerError(.inputOutput, "launch \(key) has an unreadable answer") }
            return Outcome(jobs: numbers[0], added: numbers[1], shared: numbers[2])
        }
        let row = try db.first(
            """
            INSERT INTO sweep (name, digest, priority, configurations, checkpoints, created) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, priority = excluded.priority, state = 'active',
                configurations = max(configurations, excluded.configurations),
                checkpoints = max(checkpoints, excluded.checkpoints)
            RETURNING id
            """, [name.text, fileDigest, priority, configurations, checkpoints, now.milliseconds])
        guard let row else { throw LedgerError(.inputOutput, "sweep \(name) could not be stored") }
        let sweep: Int64 = row[0]
        // Its inputs are named, and uploaded, anew.
        try db.change("DELETE FROM sweep_archive WHERE sweep = ?", [sweep])
        let wasStopped = try SweepHold.reason(sweep, db) != nil
        if wasStopped, isFirst { try putAside(sweep, db) }
        try db.change(
            "INSERT INTO sweep_file (sweep, digest, launched) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [sweep, fileDigest, now.milliseconds])
        // What the newest file asks for.
        if isFirst { try db.change("DELETE FROM protocol_wish WHERE sweep = ?", [sweep]) }
        try db.change(
            "INSERT INTO sweep_bundle (sweep, digest, bundle) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [sweep, fileDigest, bundle])
        if isFirst {
            try declare(metrics, of: sweep, db)
            try BudgetWatch.set(budget, of: sweep, db, now: now)
            if let external {
                try EvaluateSweep.want(external, of: sweep, onlyFinal: false, now: now, db)
            }
        }
        // In one slice after the other, until the last: a small cache would read and write most of them anew
        // for every few jobs.
        if jobs.count >= Self.hugeJobs, !isLast {
            try db.execute(sql: "PRAGMA cache_size = -\(Ledger.launchCacheKilobytes)")
        }
        var outcome = Outcome(added: before?.added ?? 0, shared: before?.shared ?? 0)
        var names = FormerNames()
        var intake = try JobIntake(
            sweep, wasStopped: wasStopped, isMany: jobs.count >= Self.manyJobs, now: now, db)
        var others = measuring.map { OtherProtocols($0) }
        let planner = EvaluationPlanner(now: now)
        outcome.changes.reserveCapacity(jobs.count)
        var jobs = jobs
        if jobs.contains(where: { $0.former != nil }) { jobs = try jobs.map { try names.known($0, db) } }
        if intake.takesMany(jobs) {
            // What is left is there already.
            jobs = try intake.addNew(jobs, &outcome).map { jobs[$0] }
        }
        for job in jobs {
            let place = try intake.add(job, &outcome)
            guard let measuring, !place.isNew, try others?.hasOther(place.row, db) == true else { continue }
            outcome.changes += try planner.measure(place.row, by: measuring, sweep: sweep, db)
        }
        try intake.finish()
        guard isLast else { return outcome }
        if !isFirst { try EndOfLaunch().run(db) }
        // Launched again, mended as we may hope: with the last slice it goes on.
        if wasStopped { outcome.changes += try SweepHold.lift(sweep, db, now: now) }
        outcome.jobs = try db.first("SELECT coalesce(sum(jobs), 0) FROM sweep_count WHERE sweep = ?", [sweep])?[0] ?? 0
        if Mutant.isOn("key-not-stored") { return outcome }
        try db.change(
            "INSERT INTO request_key (key, digest, reply, created) VALUES (?, ?, ?, ?)",
            [key, digest, "\(outcome.jobs) \(outcome.added) \(outcome.shared)", now.milliseconds])
        try db.note(
            "launch", at: now, sweep: sweep, detail: "\(outcome.added) jobs added, \(outcome.shared) of them shared")
        return outcome
    }

    private func declare(_ metrics: [MetricDeclaration], of sweep: Int64, _ db: Database) throws {
        try db.change("DELETE FROM sweep_metric WHERE sweep = ?", [sweep])
        for (place, metric) in metrics.enumerated() {
            try db.change(
                """
                INSERT INTO sweep_metric (sweep, name, place, better, unit, title, prompts, weight)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    sweep, metric.name, place, metric.better?.rawValue, metric.unit, metric.title, metric.prompts,
                    metric.weight,
                ])
        }
    }

    /// A stopped sweep is launched again: what the new file does not hold any more must not fail it once
    /// more. Jobs that it holds are woken one by one, and what another active sweep wants is left alone.
    private func putAside(_ sweep: Int64, _ db: Database) throws {
        let rows = try db.all(
            """
            UPDATE job SET state = 'canceled', ready_at = NULL, avoid = NULL, updated = ?
            WHERE state = 'waiting' AND id IN (SELECT job FROM member WHERE sweep = ?) AND \(SweepHold.sql("job.id"))
                AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.job = job.id AND a.ended IS NULL)
            RETURNING id, attempt
            """, [now.milliseconds, sweep])
        for row in rows {
            try db.note(
                "cancel", at: now, job: row["id"], attempt: row["attempt"], sweep: sweep, detail: "launched anew")
        }
    }
}

/// Notes what an input holds. Naturally idempotent: the digest names the content.
package struct StoreInput: LedgerVerb {
    let name: String
    let tree: TreeDigest
    let now: WallTime

    package init(name: String, tree: TreeDigest, now: WallTime) {
        self.name = name
        self.tree = tree
        self.now = now
    }

    /// - Returns: digests of the files that are not in the blob store.
    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> [String] {
        let digest = tree.digest.text
        try db.change(
            "INSERT INTO input (digest, name, is_folder, bytes, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [digest, name, tree.isFolder, tree.size, now.milliseconds])
        if db.changesCount > 0 {
            for file in tree.files {
                try db.change(
                    "INSERT INTO input_file (input, path, sha256, bytes) VALUES (?, ?, ?, ?)",
                    [digest, file.path, file.sha256.text, file.size])
            }
        }
        return try db.all(
            """
            SELECT DISTINCT sha256 FROM input_file WHERE input = ? AND sha256 NOT IN (SELECT sha256 FROM blob) ORDER BY 1
            """, [digest]
        ).map { $0[0] }
    }
}

/// A large launch is over, to its end or not: the cache of the connection that writes is as large as before.
package struct EndOfLaunch: LedgerVerb {
    package init() {}

    package func run(_ db: Database) throws {
        try db.execute(sql: "PRAGMA cache_size = -\(Ledger.cacheKilobytes)")
    }
}
