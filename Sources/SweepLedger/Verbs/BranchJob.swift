package import GRDB
package import Ports
package import RunSpec
package import SweepModel

/// Makes a job of another one: the same with other settings, or longer from its newest training state.
/// Naturally idempotent: the same wish makes the same job.
///
/// The new job joins the sweep that launched its parent first, in a group named after the way it was made.
/// The training state that it begins with is kept for it, whatever becomes of its parent's.
package struct BranchJob: LedgerVerb {
    package enum Wish: Equatable, Sendable {
        case rerun([String: ParameterValue])
        /// - Parameters:
        ///   - epochs: of the whole training.
        ///   - checkpoints: epochs besides the last after which an adapter is kept.
        case extend(epochs: Int, checkpoints: [Int])
    }

    package struct Outcome: Equatable, Sendable {
        package var job: JobID
        package var parent: JobID
        package var sweep: String
        package var state: JobState
        /// False where it was there already.
        package var isNew: Bool
        /// Where it begins; 0 from the beginning.
        package var epoch = 0
        package var step = 0
        /// What else the user should know.
        package var notice: String?
        package var changes: [JobChange] = []
    }

    let wish: Wish
    let target: String
    let now: WallTime

    package init(_ wish: Wish, of target: String, now: WallTime) {
        self.wish = wish
        self.target = target
        self.now = now
    }

    /// - Throws: `LedgerError` `notFound` or `ambiguous` for the parent, `invalid` for settings that cannot
    ///   be, `conflict` for a parent that has not ended or has no training state.
    package func run(_ db: Database) throws -> Outcome {
        let row = try JobLookup.row(target, db)
        let found = try db.first(
            """
            SELECT j.identity, j.state, j.sweep, w.name AS sweep_name, s.spec, w.state AS asked,
                EXISTS (SELECT 1 FROM sweep_archive a WHERE a.sweep = j.sweep) AS is_archived
            FROM job j JOIN job_spec s ON s.job = j.id JOIN sweep w ON w.id = j.sweep WHERE j.id = ?
            """, [row])
        guard let found else { throw LedgerError(.inputOutput, "job \(target) cannot be read") }
        let sweepName: String = found["sweep_name"]
        guard !(found["is_archived"] as Bool) else {
            throw LedgerError(
                .conflict,
                "\(sweepName) is archived: its inputs and training states are gone; launch its file again first")
        }
        let parent = try LedgerJSON.value(ResolvedJob.self, found["spec"])
        var start: StoredCheckpoint?
        var child: ResolvedJob
        do {
            switch wish {
            case .rerun(let settings): child = try parent.rerun(setting: settings)
            case .extend(let epochs, let checkpoints):
                let state = try self.state(of: row, parent, found["state"], db)
                start = state
                child = try parent.extended(to: epochs, from: state, keeping: checkpoints)
            }
        } catch let error as SweepModelError {
            throw LedgerError(.invalid, "job \(parent.id.short): \(error.message)")
        }
        child.sweep = SweepName(sweepName) ?? child.sweep
        return try store(child, parent, start, sweep: found["sweep"], sweepName, db)
    }

    private func state(
        of row: Int64, _ parent: ResolvedJob, _ state: String, _ db: Database
    ) throws -> StoredCheckpoint {
        let short = parent.id.short
        guard let state = JobState(rawValue: state), state.isFinished else {
            throw LedgerError(.conflict, "job \(short) is \(state) and may still train; extend it when it has ended")
        }
        guard let newest = try ClaimJob.newestState(db, job: row) else {
            throw LedgerError(
                .conflict,
                "job \(short) has no training state to go on from (none was saved, or it is not kept any more); "
                    + "`radiata rerun \(short) --set epochs=N` trains from the beginning")
        }
        let checkpoint = try db.first("SELECT name, epoch FROM checkpoint WHERE id = ?", [newest.id])
        let files = try db.all(
            "SELECT name, sha256, bytes FROM checkpoint_file WHERE checkpoint = ? AND kind = 'state' ORDER BY name",
            [newest.id])
        return StoredCheckpoint(
            name: checkpoint?["name"] ?? "", step: newest.step, epoch: checkpoint?["epoch"] ?? 0,
            files: files.map(BlobFile.init(stored:)))
    }

    private func store(
        _ child: ResolvedJob, _ parent: ResolvedJob, _ start: StoredCheckpoint?, sweep: Int64, _ sweepName: String,
        _ db: Database
    ) throws -> Outcome {
        var outcome = Outcome(
            job: child.id, parent: parent.id, sweep: sweepName, state: .waiting, isNew: true, epoch: start?.epoch ?? 0,
            step: start?.step ?? 0, notice: child.scheduleNotice)
        if let known = try db.first("SELECT state FROM job WHERE identity = ?", [child.id.text]) {
            outcome.state = JobState(rawValue: known["state"]) ?? .waiting
            outcome.isNew = false
            return outcome
        }
        let job = try LaunchJob(child)
        var made = LaunchSweep.Outcome()
        var intake = try JobIntake(sweep, now: now, db)
        for preparation in job.preparations { try intake.add(preparation, &made) }
        guard let id = try intake.insert(job)?.row else {
            throw LedgerError(.inputOutput, "job \(child.id.short) could not be stored")
        }
        try db.change(
            "INSERT INTO member (sweep, job, group_name, parameters) VALUES (?, ?, ?, ?)",
            [sweep, id, job.group, job.given])
        let way = child.origin?.way ?? .rerun
        try db.change(
            """
            INSERT INTO job_origin (job, way, parent, checkpoint, epoch, step, changes, notice)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                id, way.rawValue, parent.id.text, start?.name ?? "", outcome.epoch, outcome.step,
                try LedgerJSON.text(changes), outcome.notice ?? "",
            ])
        for file in start?.files ?? [] {
            try db.change(
                "INSERT INTO origin_file (job, name, sha256, bytes) VALUES (?, ?, ?, ?)",
                [id, file.name, file.sha256, file.bytes])
        }
        try countIn(child, sweep: sweep, db)
        try db.note(
            way.rawValue, at: now, job: id, sweep: sweep,
            detail: "of \(parent.id.short)" + (start.map { ", from epoch \($0.epoch), step \($0.step)" } ?? ""))
        let isHeld = try JobHold.holds(id, db)
        if try SweepHold.holds(id, db) {
            let held = "\(sweepName) is stopped; the job waits until `radiata resume \(sweepName)`"
            outcome.notice = [outcome.notice, held].compactMap { $0 }.joined(separator: "\n")
        }
        outcome.changes =
            made.changes + [
                JobChange(
                    row: id, job: child.id, state: .waiting, priority: job.priority, needs: job.needs, isHeld: isHeld)
            ]
        return outcome
    }

    /// What was set, as a sweep file would say it.
    private var changes: [String: ParameterValue] {
        switch wish {
        case .rerun(let settings): settings
        case .extend(let epochs, _): ["epochs": .number(Double(epochs))]
        }
    }

    /// The sweep grows, and is wanted again where it was canceled or paused.
    private func countIn(_ child: ResolvedJob, sweep: Int64, _ db: Database) throws {
        let isFirst =
            try db.first(
                """
                SELECT count(*) FROM member m JOIN job j ON j.id = m.job JOIN configuration c ON c.id = j.configuration
                WHERE m.sweep = ? AND c.digest = ?
                """, [sweep, child.configuration.text])?[0] == 1
        let checkpoints = (child.checkpoints.map { $0.epochs.count + $0.steps.count } ?? 0) + 1
        try db.change(
            """
            UPDATE sweep SET state = 'active', configurations = configurations + ?, checkpoints = checkpoints + ?
            WHERE id = ?
            """, [isFirst ? 1 : 0, checkpoints, sweep])
    }
}
