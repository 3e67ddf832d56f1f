package import GRDB
package import Ports
import RunSpec
package import SweepModel

/// A job ready to be stored: everything written as text beforehand, off the writer's thread.
package struct LaunchJob: Sendable {
    package var id: JobID
    package var configuration: ConfigurationID
    /// Resolved parameters as JSON.
    package var parameters: String
    /// What the sweep file set, as JSON.
    package var given: String
    package var group: String
    package var seed: Int
    package var priority: Int
    /// The resolved job as JSON.
    package var spec: String
    package var requirements: String
    package var retries: String
    /// Training states kept in the store.
    package var statesKept: Int

    /// - Throws: `LedgerError` for values that cannot be written.
    package init(_ job: ResolvedJob) throws {
        id = job.id
        configuration = job.configuration
        parameters = try LedgerJSON.text(job.parameters)
        given = try LedgerJSON.text(job.given)
        group = job.group
        seed = job.seed
        priority = job.priority
        spec = try LedgerJSON.text(job)
        requirements = try LedgerJSON.text(job.requirements)
        retries = try LedgerJSON.text(job.retries)
        statesKept = job.retention.last ?? RetentionDecision.usualStates
    }
}

/// Adds a sweep, or what a known sweep misses. Adds jobs, removes none.
///
/// A large one is written in slices, each a transaction of its own, so that nobody waits behind a million rows. The key
/// is remembered with the last slice: a launch that was cut off is completed by sending it again.
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
    /// This slice's.
    package var jobs: [LaunchJob]
    /// What the slices before this one did; their `changes` are not needed.
    package var before: Outcome?
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

    package func run(_ db: Database) throws -> Outcome {
        if let known = try db.first("SELECT digest, reply FROM request_key WHERE key = ?", [key]) {
            guard known[0] == digest else { throw Self.keyReused }
            let numbers = (known[1] as String).split(separator: " ").compactMap { Int($0) }
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
        try db.change(
            "INSERT INTO sweep_file (sweep, digest, bundle, launched) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [sweep, fileDigest, bundle, now.milliseconds])
        var outcome = Outcome(added: before?.added ?? 0, shared: before?.shared ?? 0)
        for job in jobs { try add(job, to: sweep, db, &outcome) }
        guard isLast else { return outcome }
        outcome.jobs = try db.first("SELECT coalesce(sum(jobs), 0) FROM sweep_count WHERE sweep = ?", [sweep])?[0] ?? 0
        if Faults.planted("key-not-stored") { return outcome }
        try db.change(
            "INSERT INTO request_key (key, digest, reply, created) VALUES (?, ?, ?, ?)",
            [key, digest, "\(outcome.jobs) \(outcome.added) \(outcome.shared)", now.milliseconds])
        try db.note(
            "launch", at: now, sweep: sweep, detail: "\(outcome.added) jobs added, \(outcome.shared) of them shared")
        return outcome
    }

    private func add(_ job: LaunchJob, to sweep: Int64, _ db: Database, _ outcome: inout Outcome) throws {
        var row = try db.first("SELECT id, state, priority FROM job WHERE identity = ?", [job.id.text])
        let isNew = row == nil
        if row == nil {
            let configuration: Int64
            if let known = try db.first("SELECT id FROM configuration WHERE digest = ?", [job.configuration.text]) {
                configuration = known[0]
            } else {
                try db.change(
                    "INSERT INTO configuration (digest, parameters) VALUES (?, ?)",
                    [job.configuration.text, job.parameters])
                configuration = db.lastInsertedRowID
            }
            row = try db.first(
                """
                INSERT INTO job (identity, sweep, configuration, seed, priority, spec, requirements, retries, states_kept,
                    created, updated)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id, state, priority
                """,
                [
                    job.id.text, sweep, configuration, job.seed, job.priority, job.spec, job.requirements, job.retries,
                    job.statesKept, now.milliseconds, now.milliseconds,
                ])
        }
        guard let row else { throw LedgerError(.inputOutput, "job \(job.id.short) could not be stored") }
        let id: Int64 = row[0]
        try db.change(
            "INSERT INTO member (sweep, job, group_name, parameters) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [sweep, id, job.group, job.given])
        guard db.changesCount > 0 else { return }
        outcome.added += 1
        if isNew {
            outcome.changes.append(
                JobChange(
                    job: id, identity: job.id, state: .waiting, priority: job.priority, requirements: job.requirements))
            return
        }
        outcome.shared += 1
        // Another sweep paused or canceled it; this one wants it.
        let woken = try db.first(
            """
            UPDATE job SET state = 'waiting', budget_from = attempt, failure = NULL, message = NULL, ready_at = NULL,
                updated = ? WHERE id = ? AND state IN ('paused', 'canceled') RETURNING id
            """, [now.milliseconds, id])
        if woken != nil {
            try db.note("resume", at: now, job: id, sweep: sweep, detail: "launched again")
            outcome.changes.append(
                JobChange(job: id, identity: job.id, state: .waiting, priority: row[2], requirements: job.requirements))
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
