import GRDB
import Ports
import RunSpec
import SweepModel

extension Report {
    func finish(
        _ db: Database, position: UInt64, worker: WorkerID, now: WallTime, _ effects: inout ReportEffects
    ) throws -> ReportOutcome {
        if try finishOpen(db, position: position, worker: worker, now: now, &effects) { return .accepted }
        if let open = try openAttempt(db) { return .gap(expected: open.points + 1) }
        return try wasEnded(db, "done") ? .accepted : .superseded
    }

    /// Ends the attempt well, if it is open, the worker's own, and its stream is whole.
    ///
    /// - Returns: whether it was.
    func finishOpen(
        _ db: Database, position: UInt64, worker: WorkerID, now: WallTime, _ effects: inout ReportEffects
    ) throws -> Bool {
        let update = try PreparedStatement(
            """
            UPDATE attempt SET ended = ?, outcome = 'done' WHERE id = (SELECT a.id \(Fence.sql)) AND points >= ?
                AND worker = ? RETURNING job
            """
            .mutant("finish-without-stream", "points >= ?", "points >= 0 * ?"), db)
        try update.bind(1, now.milliseconds)
        try update.bind(2, token.job.text)
        try update.bind(3, token.attempt.value)
        try update.bind(4, token.epoch)
        try update.bind(5, Int64(clamping: position))
        try update.bind(6, worker.text)
        guard let job = try update.first({ $0.integer(0) }) else { return false }
        effects.changes.append(try change(db, job, to: .done, now: now, kind: "done"))
        let what = try PreparedStatement(
            """
            SELECT EXISTS (SELECT 1 FROM stop_decision WHERE job = ?1),
                EXISTS (SELECT 1 FROM member m JOIN protocol_wish w ON w.sweep = m.sweep WHERE m.job = ?1)
                OR EXISTS (SELECT 1 FROM member m JOIN evaluation_wish w ON w.sweep = m.sweep WHERE m.job = ?1),
                EXISTS (SELECT 1 FROM prepare_need WHERE prepare = ?1),
                EXISTS (SELECT 1 FROM memory_class WHERE job = ?1)
                AND EXISTS (SELECT 1 FROM metric_key WHERE name = 'system/gpu_memory_mb'),
                EXISTS (SELECT 1 FROM worker_suspension WHERE worker = ?2)
            """, db)
        try what.bind(1, job)
        try what.bind(2, worker.text)
        // Most jobs are concerned by none of it.
        guard let concerns = try what.first({ row in (0..<5).map { row.flag($0) } }) else { return true }
        if concerns[0] { try StopWeighing.sealNewest(job, db) }
        if concerns[1] { effects.changes += try EvaluationPlanner(now: now).afterTraining(job, db) }
        if concerns[2] { effects.changes += try JobHold.freed(by: job, db, now: now) }
        if concerns[3] {
            effects.changes += try LearntMemory.done(job, attempt: token.attempt.value, db, now: now)
        }
        if concerns[4] || token.attempt.value > 1 {
            effects.workers += try WorkerSuspicion.succeeded(
                worker, job: job, number: token.attempt.value, db, now: now)
        }
        return true
    }

    func fail(
        _ db: Database, _ report: FailureReport, worker: WorkerID, now: WallTime, _ effects: inout ReportEffects
    ) throws -> ReportOutcome {
        let failure = report.failure
        let exitCode = report.exitCode
        let message = String(report.message.prefix(4000))
        let ended = try db.first(
            """
            UPDATE attempt SET ended = ?, outcome = 'failed', failure = ?, message = ?, exit_code = ?
            WHERE id = (SELECT a.id \(Fence.sql)) RETURNING job, worker, id
            """, [now.milliseconds, failure.rawValue, message, exitCode] + token.fence)
        guard let ended else { return try wasEnded(db, "failed") ? .accepted : .superseded }
        let job: Int64 = ended["job"]
        let ran = WorkerID(ended["worker"])
        let past = try db.all(
            """
            SELECT a.failure AS failure, a.worker FROM attempt a JOIN job j ON j.id = a.job
            WHERE a.job = ? AND a.outcome = 'failed' AND a.number > j.budget_from AND a.number < ? ORDER BY a.number
            """
            .mutant("lost-counts", "a.outcome = 'failed'", "a.outcome IN ('failed', 'lost')")
            .mutant("lost-counts", "a.failure", "'\(failure.rawValue)'"), [job, token.attempt.value]
        ).compactMap { row in
            FailureClass(rawValue: row["failure"]).map {
                PastFailure(failure: $0, worker: WorkerID(row["worker"]))
            }
        }
        let budgets = try LedgerJSON.value(
            RetrySpec.self, try db.first("SELECT retries FROM job WHERE id = ?", [job])?[0] ?? "{}")
        var decision = FailureDecision.decide(failure, on: ran, past: past, budgets: budgets)
        let detail = "\(failure.rawValue): \(message.prefix(500))"
        try db.change("UPDATE job SET failure = ?, message = ? WHERE id = ?", [failure.rawValue, message, job])
        var fellBack = false
        if failure == .oom, let less = try MemoryFallback.fall(job, attempt: token.attempt.value, db) {
            try db.note("oom-fallback", at: now, job: job, attempt: token.attempt.value, detail: less)
            decision = .retry(afterSeconds: 0, elsewhere: false)
            fellBack = true
        }
        switch decision {
        case .retry(let seconds, let elsewhere):
            effects.changes.append(
                try change(
                    db, job, to: .waiting, now: now, kind: "retry", detail: detail, delaySeconds: seconds,
                    avoid: elsewhere ? ran : nil))
        case .fail: effects.changes.append(try change(db, job, to: .failed, now: now, kind: "failed", detail: detail))
        case .park: effects.changes.append(try change(db, job, to: .parked, now: now, kind: "parked", detail: detail))
        }
        // It was foreseen, and says nothing of the sweep or the worker.
        if fellBack { return .accepted }
        if failure == .oom {
            effects.changes += try LearntMemory.ranOut(
                job, attempt: token.attempt.value, on: ran, db, now: now)
        }
        let blame = SweepBlame(
            job: job, attempt: token.attempt.value, worker: ran, failure: failure, exitCode: exitCode, message: message,
            now: now)
        effects.changes += try blame.weigh(db)
        if failure.countsAgainstWorker {
            effects.workers += try WorkerSuspicion.failed(ran, attempt: ended["id"], db, now: now)
        }
        return .accepted
    }

    func release(_ db: Database, paused: Bool, now: WallTime, _ effects: inout ReportEffects) throws -> ReportOutcome {
        let ended = try db.first(
            """
            UPDATE attempt SET ended = ?, outcome = ? WHERE id = (SELECT a.id \(Fence.sql)) RETURNING job
            """, [now.milliseconds, paused ? "paused" : "released"] + token.fence)
        guard let ended else {
            return try wasEnded(db, "paused") || wasEnded(db, "released") ? .accepted : .superseded
        }
        effects.changes.append(try change(db, ended[0], to: .waiting, now: now, kind: "released"))
        return .accepted
    }

    /// Whether this very attempt ended so before: the report is a repeat.
    private func wasEnded(_ db: Database, _ outcome: String) throws -> Bool {
        try db.first(
            """
            SELECT 1 FROM job j JOIN attempt a ON a.job = j.id
            WHERE j.identity = ? AND a.number = ? AND a.epoch = ? AND a.outcome = ?
            """, token.fence + [outcome]) != nil
    }

    /// Moves the job on. One that was to wait, but was asked to pause, pauses.
    private func change(
        _ db: Database, _ job: Int64, to state: JobState, now: WallTime, kind: String, detail: String = "",
        delaySeconds: Double = 0, avoid: WorkerID? = nil
    ) throws -> JobChange {
        let isFinal = state == .done
        let update = try PreparedStatement(
            """
            UPDATE job SET state = CASE WHEN stop = 'pause' AND ?2 = 'waiting' THEN 'paused' ELSE ?2 END, stop = NULL,
                failure = CASE WHEN ?3 THEN NULL ELSE failure END, message = CASE WHEN ?3 THEN NULL ELSE message END,
                ready_at = ?4, avoid = ?5, updated = ?6
            WHERE id = ?1 AND state IN ('running', 'waiting') RETURNING state, priority, requirements
            """, db)
        try update.bind(1, job)
        try update.bind(2, state.rawValue)
        try update.bind(3, isFinal ? 1 : 0)
        try update.bind(4, delaySeconds > 0 ? now.milliseconds + Int64(delaySeconds * 1000) : nil as Int64?)
        try update.bind(5, avoid?.text)
        try update.bind(6, now.milliseconds)
        let row = try update.first { row in
            (state: row.text(0).flatMap { JobState(rawValue: $0) }, priority: Int(row.integer(1)), needs: row.text(2))
        }
        guard let row, let reached = row.state else {
            throw LedgerError(.inputOutput, "job \(token.job.short) changed inside its own transaction")
        }
        try db.note(
            reached == .paused ? "paused" : kind, at: now, job: job, attempt: token.attempt.value, detail: detail)
        return JobChange(
            row: job, job: token.job, state: reached, priority: row.priority,
            needs: try RequirementSpec.stored(row.needs ?? ""),
            delaySeconds: delaySeconds, avoid: avoid,
            isHeld: try reached == .waiting && JobHold.holds(job, db), ended: token)
    }
}
