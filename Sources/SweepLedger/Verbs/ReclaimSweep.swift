package import GRDB
package import Ports
package import SweepModel

/// Looks at what putting a sweep away would free.
enum ReclaimPreview {
    /// - Throws: `LedgerError` `notFound`, or `conflict` while it is not over.
    static func read(_ name: String, _ action: ReclaimAction, _ db: Database) throws -> ReclaimReport {
        guard let row = try db.first("SELECT id FROM sweep WHERE name = ?", [name]) else {
            return try ReclaimSweep.gone(name, action, db)
        }
        let scope = ReclaimScope(sweep: row[0], action: action)
        try scope.refuseActive(name, db)
        var report = try scope.report(name, db)
        let archived = try db.first("SELECT 1 FROM sweep_archive WHERE sweep = ?", [row[0] as Int64])
        report.wasDone = action == .archive && archived != nil
        return report
    }
}

extension Ledger {
    /// What putting a sweep away would free; nothing changes.
    ///
    /// - Throws: `LedgerError` `notFound`, or `conflict` while it is not over.
    package func reclaimable(sweep: String, _ action: ReclaimAction) async throws -> ReclaimReport {
        try await read { db in try ReclaimPreview.read(sweep, action, db) }
    }

    /// Removes the files of blobs whose rows went.
    package func removeFiles(of digests: [String]) async throws {
        for text in digests {
            guard let digest = ContentDigest(text) else { continue }
            try await blobs.remove(digest) {
                try await read { db in try db.first("SELECT 1 FROM blob WHERE sha256 = ?", [text]) != nil }
            }
        }
    }
}

/// Puts a sweep away, a slice of its jobs at a time: nobody waits behind a million rows. It may be cut off
/// anywhere and given again: what is done is done, what is left is found.
///
/// Rows of blobs that nothing refers to any more go in the same transaction, their files after it; files
/// whose process ended in between are found by the garbage collector.
package struct ReclaimSweep: LedgerVerb {
    package struct Outcome: Sendable, Equatable {
        package var jobs = 0
        /// Digests of blobs whose rows went: their files are to be removed.
        package var files: [String] = []
        package var bytes = 0
        package var laterBlobs = 0
        package var laterBytes = 0
        /// Behind it the next slice begins; nil when all is done.
        package var after: Int64?
    }

    /// Rows of metrics after which a slice ends.
    private static let mostRows = 200_000

    let sweep: String
    let action: ReclaimAction
    let after: Int64
    /// Of all slices so far.
    let before: (jobs: Int, blobs: Int, bytes: Int)
    let mostJobs: Int
    let now: WallTime

    package init(
        sweep: String, action: ReclaimAction, after: Int64 = 0, before: (jobs: Int, blobs: Int, bytes: Int) = (0, 0, 0),
        mostJobs: Int = 200, now: WallTime
    ) {
        self.sweep = sweep
        self.action = action
        self.after = after
        self.before = before
        self.mostJobs = mostJobs
        self.now = now
    }

    /// - Throws: `LedgerError` `notFound`, or `conflict` while it is not over.
    package func run(_ db: Database) throws -> Outcome {
        guard let row = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
            _ = try Self.gone(sweep, action, db)
            return Outcome()
        }
        let id: Int64 = row[0]
        let scope = ReclaimScope(sweep: id, action: action)
        try scope.refuseActive(sweep, db)
        switch action {
        case .archive:
            try db.change(
                "INSERT INTO sweep_archive (sweep, at, bytes) VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
                [id, now.milliseconds])
        // Nothing of it is wanted any more, should this be cut off.
        case .delete: try db.change("UPDATE sweep SET state = 'canceled' WHERE id = ?", [id])
        }
        var outcome = Outcome()
        var removal = BlobRelease(now: now)
        let jobs = try db.all(
            "SELECT job FROM (\(scope.ownJobs)) WHERE job > ? ORDER BY job LIMIT ?", [after, mostJobs])
        var rows = 0
        for job in jobs where rows < Self.mostRows {
            switch action {
            case .archive: try Self.thin(job[0], &removal, db)
            case .delete: rows += try Self.remove(job[0], sweep: id, &removal, db)
            }
            outcome.jobs += 1
            outcome.after = job[0]
        }
        if outcome.jobs == jobs.count, jobs.count < mostJobs { outcome.after = nil }
        if outcome.after == nil { try dropInputs(scope, &removal, db) }
        try removal.release(db)
        (outcome.files, outcome.bytes) = (removal.files, removal.bytes)
        (outcome.laterBlobs, outcome.laterBytes) = (removal.laterBlobs, removal.laterBytes)
        try finish(id, outcome, db)
        return outcome
    }

    private func finish(_ id: Int64, _ outcome: Outcome, _ db: Database) throws {
        let (jobs, blobs, bytes) = (
            before.jobs + outcome.jobs, before.blobs + outcome.files.count, before.bytes + outcome.bytes
        )
        if action == .archive {
            try db.change("UPDATE sweep_archive SET bytes = bytes + ? WHERE sweep = ?", [outcome.bytes, id])
            guard outcome.after == nil, blobs > 0 else { return }
            return try db.note("archive", at: now, sweep: id, detail: "\(blobs) files, \(bytes) bytes")
        }
        guard outcome.after == nil else { return }
        try removeSweep(id, db)
        try db.change(
            """
            INSERT INTO removed_sweep (name, at, jobs, blobs, bytes) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET at = excluded.at, jobs = excluded.jobs, blobs = excluded.blobs,
                bytes = excluded.bytes
            """, [sweep, now.milliseconds, jobs, blobs, bytes])
        try db.note("delete", at: now, detail: "\(sweep): \(jobs) jobs, \(blobs) files, \(bytes) bytes")
    }

    /// Keeps the job's newest adapter alone.
    private static func thin(_ job: Int64, _ removal: inout BlobRelease, _ db: Database) throws {
        let kept: Int64? = try db.first("SELECT \(ReclaimScope.keptCheckpoint(of: "?"))", [job])?[0]
        removal.add(
            try db.all(
                """
                DELETE FROM checkpoint_file WHERE checkpoint IN (
                    SELECT c.id FROM attempt a JOIN checkpoint c ON c.attempt = a.id WHERE a.job = ?1)
                AND NOT (kind = 'adapter' AND checkpoint IS ?2) RETURNING sha256
                """, [job, kept]))
        try db.change(
            "UPDATE checkpoint SET resumable = 0 WHERE attempt IN (SELECT id FROM attempt WHERE job = ?)", [job])
        removal.add(
            try db.all(
                "DELETE FROM artifact WHERE attempt IN (SELECT id FROM attempt WHERE job = ?) RETURNING sha256", [job]))
        removal.add(try db.all("DELETE FROM origin_file WHERE job = ? RETURNING sha256", [job]))
    }

    /// Removes a job with all its rows.
    ///
    /// - Returns: how many points of metrics it had.
    private static func remove(
        _ job: Int64, sweep: Int64, _ removal: inout BlobRelease, _ db: Database
    ) throws -> Int {
        var points = 0
        for attempt in try db.all("SELECT id FROM attempt WHERE job = ?", [job]) {
            let attempt: Int64 = attempt[0]
            // Rows of metrics name their attempt by its number alone, which a later attempt may get.
            try db.change("DELETE FROM metric WHERE attempt = ?", [attempt])
            points += db.changesCount
            for table in [
                "metric_bits", "epoch_key", "evaluation", "evaluated", "log_text", "log_line", "attempt_notice",
            ] {
                try db.change("DELETE FROM \(table) WHERE attempt = ?", [attempt])
            }
            removal.add(try db.all("DELETE FROM artifact WHERE attempt = ? RETURNING sha256", [attempt]))
            removal.add(
                try db.all(
                    """
                    DELETE FROM checkpoint_file WHERE checkpoint IN (SELECT id FROM checkpoint WHERE attempt = ?)
                    RETURNING sha256
                    """, [attempt]))
            try db.change("DELETE FROM checkpoint WHERE attempt = ?", [attempt])
        }
        removal.add(try db.all("DELETE FROM origin_file WHERE job = ? RETURNING sha256", [job]))
        try db.change(
            """
            UPDATE sweep_count SET jobs = jobs - 1 WHERE sweep IN (SELECT sweep FROM member WHERE job = ?1)
                AND state = (SELECT state FROM job WHERE id = ?1)
            """, [job])
        try db.change("DELETE FROM member WHERE job = ?", [job])
        try db.change("DELETE FROM event WHERE job = ?", [job])
        try db.change("DELETE FROM job_failure WHERE job = ?", [job])
        try db.change("DELETE FROM quarantine WHERE job = (SELECT identity FROM job WHERE id = ?)", [job])
        try db.change("DELETE FROM attempt WHERE job = ?", [job])
        try db.change(
            """
            INSERT INTO removed_job (identity, attempts) SELECT identity, attempt FROM job WHERE id = ? AND attempt > 0
            ON CONFLICT (identity) DO UPDATE SET attempts = excluded.attempts
            """, [job])
        let row = try db.first("DELETE FROM job WHERE id = ? RETURNING configuration", [job])
        if let configuration = row?[0] as Int64? {
            try db.change(
                "DELETE FROM configuration WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM job WHERE configuration = ?1)",
                [configuration])
        }
        return points
    }

    /// Base and data of the sweep's files, where nobody else has them: launching a file brings them back.
    private func dropInputs(_ scope: ReclaimScope, _ removal: inout BlobRelease, _ db: Database) throws {
        for row in try db.all(scope.ownInputs) {
            guard let digest = row[0] as String? else { continue }
            removal.add(try db.all("DELETE FROM input_file WHERE input = ? RETURNING sha256", [digest]))
            try db.change("DELETE FROM input WHERE digest = ?", [digest])
        }
    }

    /// What is left: memberships of jobs that others have too, and the sweep's own rows.
    private func removeSweep(_ id: Int64, _ db: Database) throws {
        try db.change(
            """
            UPDATE job SET sweep = (SELECT min(o.sweep) FROM member o WHERE o.job = job.id AND o.sweep <> ?1)
            WHERE sweep = ?1
            """, [id])
        try db.change("UPDATE event SET sweep = NULL WHERE sweep = ?", [id])
        for table in [
            "member", "sweep_count", "sweep_stop", "sweep_progress", "sweep_metric", "sweep_bundle", "sweep_file",
        ] { try db.change("DELETE FROM \(table) WHERE sweep = ?", [id]) }
        try db.change("DELETE FROM sweep WHERE id = ?", [id])
        // Numbers of attempts are given again from the largest one that is left.
        try db.change("UPDATE worker_suspension SET newest = min(newest, (SELECT coalesce(max(id), 0) FROM attempt))")
    }

    /// What is said of a sweep that is not there: it was deleted before, or there never was one.
    ///
    /// - Throws: `LedgerError` `notFound`.
    static func gone(_ name: String, _ action: ReclaimAction, _ db: Database) throws -> ReclaimReport {
        guard action == .delete, try db.first("SELECT 1 FROM removed_sweep WHERE name = ?", [name]) != nil else {
            throw try SweepNames.unknown(name, db)
        }
        var report = ReclaimReport(sweep: name, action: action)
        report.wasDone = true
        return report
    }
}

/// Blobs that lost a reference.
struct BlobRelease {
    let now: WallTime
    private var digests: Set<String> = []
    private(set) var files: [String] = []
    private(set) var bytes = 0
    private(set) var laterBlobs = 0
    private(set) var laterBytes = 0

    init(now: WallTime) { self.now = now }

    /// - Parameter rows: a digest each.
    mutating func add(_ rows: [Row]) { for row in rows { digests.insert(row[0]) } }

    /// Forgets those that nothing refers to. One that was asked for after it was uploaded may be about to be
    /// named by somebody who was told that it is there: that one keeps its grace.
    mutating func release(_ db: Database) throws {
        for digest in digests.sorted() {
            let free = try db.first(
                """
                SELECT bytes, keep_until <= created + \(AddBlobs.graceMilliseconds) OR keep_until < ?2 AS is_quiet FROM blob b
                WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM checkpoint_file f WHERE f.sha256 = b.sha256)
                    AND NOT EXISTS (SELECT 1 FROM artifact r WHERE r.sha256 = b.sha256)
                    AND NOT EXISTS (SELECT 1 FROM origin_file o WHERE o.sha256 = b.sha256)
                    AND NOT EXISTS (SELECT 1 FROM input_file i WHERE i.sha256 = b.sha256)
                """, [digest, now.milliseconds])
            guard let free else { continue }
            let size: Int = free["bytes"]
            guard free["is_quiet"] else {
                laterBlobs += 1
                laterBytes += size
                continue
            }
            try db.change("DELETE FROM blob WHERE sha256 = ?", [digest])
            files.append(digest)
            bytes += size
        }
    }
}
