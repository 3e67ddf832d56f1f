package import GRDB
package import Ports
package import RunSpec
package import SweepModel

/// What a user asks of a sweep or a job. Repeating it changes nothing more.
package struct ChangeJobs: LedgerVerb {
    package struct Outcome: Sendable, Equatable {
        package var changes: [JobChange] = []
        /// Running attempts that were asked to stop at their next state.
        package var stopping: [AttemptToken] = []
        /// Running attempts that were asked to stop, and now need not.
        package var continuing: [AttemptToken] = []
        package var untouched = 0
        /// What else the user should know.
        package var notice: String?
    }

    let action: JobAction
    let target: String
    /// For `resume`: only jobs that failed so.
    let failure: FailureClass?
    /// For `resume` of a sweep: what it may take from now on; what is not named stays.
    package var budget: SweepBudget?
    let ledgerID: String
    let now: WallTime

    package init(action: JobAction, target: String, failure: FailureClass?, ledgerID: String, now: WallTime) {
        self.action = action
        self.target = target
        self.failure = failure
        self.ledgerID = ledgerID
        self.now = now
    }

    /// - Throws: `LedgerError` `notFound` or `ambiguous` for the target.
    package func run(_ db: Database) throws -> Outcome {
        var outcome = Outcome()
        if let row = try db.first("SELECT id FROM sweep WHERE name = ?", [target]) {
            let sweep: Int64 = row[0]
            try refuseArchived("a.sweep = ?1", sweep, db)
            let state: String
            switch action {
            case .pause: state = "paused"
            case .cancel: state = "canceled"
            case .unpause, .resume: state = "active"
            }
            try db.change("UPDATE sweep SET state = ? WHERE id = ?", [state, sweep])
            try db.note(action.rawValue, at: now, sweep: sweep)
            switch action {
            case .resume:
                if let budget {
                    let known = try BudgetWatch.budget(of: sweep, db) ?? SweepBudget()
                    try BudgetWatch.set(budget.filled(from: known), of: sweep, db, now: now)
                }
                outcome.notice = try budgetNotice(sweep, target, db)
                outcome.changes += try SweepHold.lift(sweep, db, now: now)
                try SweepHold.forgive(sweep, db)
            case .cancel: try db.change("DELETE FROM sweep_stop WHERE sweep = ?", [sweep])
            case .pause, .unpause: outcome.notice = try stopNotice(sweep, target, db)
            }
            // Pausing or canceling leaves alone what another active sweep wants.
            let jobs = try db.all(
                """
                SELECT m.job, EXISTS (SELECT 1 FROM member o JOIN sweep s ON s.id = o.sweep
                    WHERE o.job = m.job AND o.sweep <> m.sweep AND s.state = 'active'
                        AND NOT EXISTS (SELECT 1 FROM sweep_stop p WHERE p.sweep = s.id)) AS is_wanted
                FROM member m WHERE m.sweep = ?
                """, [sweep])
            let stops = action == .pause || action == .cancel
            let freed = Set(outcome.changes.map(\.row))
            for job in jobs where !freed.contains(job["job"]) {
                if stops, job["is_wanted"] { outcome.untouched += 1 } else { try change(job["job"], db, &outcome) }
            }
        } else {
            let job = try JobLookup.row(target, db)
            try refuseArchived(
                """
                a.sweep = (SELECT sweep FROM job WHERE id = ?1) AND NOT EXISTS (SELECT 1 FROM member m WHERE m.job = ?1
                    AND m.sweep NOT IN (SELECT sweep FROM sweep_archive))
                """, job, db)
            try change(job, db, &outcome)
            if action == .resume || action == .unpause, try SweepHold.holds(job, db) {
                let sweep = try db.first(
                    """
                    SELECT s.id, s.name FROM member m JOIN sweep_stop p ON p.sweep = m.sweep JOIN sweep s ON s.id = m.sweep
                    WHERE m.job = ? ORDER BY s.id LIMIT 1
                    """, [job])
                outcome.notice = try sweep.flatMap { try stopNotice($0["id"], $0["name"], db) }
            }
        }
        return outcome
    }

    /// What it would train with and go on from is gone.
    private func refuseArchived(_ condition: String, _ row: Int64, _ db: Database) throws {
        guard action == .resume || action == .unpause else { return }
        let archived = try db.first(
            "SELECT s.name FROM sweep_archive a JOIN sweep s ON s.id = a.sweep WHERE \(condition)", [row])
        guard let name = archived?[0] as String? else { return }
        throw LedgerError(
            .conflict, "\(name) is archived: its inputs and training states are gone; launch its file again")
    }

    /// It would stop again at the next job.
    private func budgetNotice(_ sweep: Int64, _ name: String, _ db: Database) throws -> String? {
        guard let standing = try BudgetWatch.standing(sweep, db, now: now), standing.isSpent else { return nil }
        return "\(name) has taken \(standing.text): it stops again at the next job; "
            + "give it more: `radiata resume \(name) --hours H` or `--money M`"
    }

    private func stopNotice(_ sweep: Int64, _ name: String, _ db: Database) throws -> String? {
        try SweepHold.reason(sweep, db).map {
            "\(name) is stopped: \($0); its jobs wait until `radiata resume \(name)`"
        }
    }

    private func change(_ job: Int64, _ db: Database, _ outcome: inout Outcome) throws {
        switch action {
        case .pause:
            if let token = try requestPause(job, db) {
                outcome.stopping.append(token)
            } else {
                try set(job, "paused", from: "'waiting'", db, &outcome)
            }
        case .unpause:
            // A running job that has not stopped yet simply goes on.
            if let token = try withdrawPause(job, db) {
                outcome.continuing.append(token)
                return
            }
            try set(job, "waiting", from: "'paused'", db, &outcome)
        case .cancel: try set(job, "canceled", from: "'waiting', 'running', 'paused'", db, &outcome)
        case .resume: try set(job, "waiting", from: "'failed', 'parked', 'canceled'", db, &outcome)
        }
    }

    private func requestPause(_ job: Int64, _ db: Database) throws -> AttemptToken? {
        let row = try db.first(
            """
            UPDATE job SET stop = 'pause', updated = ? WHERE id = ? AND state = 'running'
            RETURNING identity, attempt, epoch
            """, [now.milliseconds, job])
        return try row.map { try token($0) }
    }

    private func withdrawPause(_ job: Int64, _ db: Database) throws -> AttemptToken? {
        let row = try db.first(
            """
            UPDATE job SET stop = NULL, updated = ? WHERE id = ? AND state = 'running' AND stop = 'pause'
            RETURNING identity, attempt, epoch
            """, [now.milliseconds, job])
        return try row.map { try token($0) }
    }

    private func token(_ row: Row) throws -> AttemptToken {
        AttemptToken(
            ledger: ledgerID, epoch: row["epoch"], job: try JobID.stored(row["identity"]),
            attempt: AttemptNumber(row["attempt"]))
    }

    /// - Parameter from: the states it may happen in, as SQL.
    private func set(_ job: Int64, _ state: String, from: String, _ db: Database, _ outcome: inout Outcome) throws {
        let isResume = action == .resume
        let row = try db.first(
            """
            UPDATE job SET state = ?2, stop = NULL, ready_at = NULL, avoid = NULL, updated = ?3,
                budget_from = CASE WHEN ?4 THEN attempt ELSE budget_from END,
                failure = CASE WHEN ?4 THEN NULL ELSE failure END, message = CASE WHEN ?4 THEN NULL ELSE message END
            WHERE id = ?1 AND state IN (\(from)) AND (?5 IS NULL OR failure = ?5)
            RETURNING identity, priority, attempt, epoch, requirements
            """, [job, state, now.milliseconds, isResume, isResume ? failure?.rawValue : nil])
        guard let row, let reached = JobState(rawValue: state) else {
            outcome.untouched += 1
            return
        }
        let identity = try JobID.stored(row["identity"])
        if isResume { try db.change("DELETE FROM job_failure WHERE job = ?", [job]) }
        var ended: AttemptToken?
        if reached == .canceled || reached == .paused {
            let open = try db.first(
                """
                UPDATE attempt SET ended = ?, outcome = ? WHERE job = ? AND ended IS NULL RETURNING number, epoch
                """, [now.milliseconds, reached.rawValue, job])
            ended = open.map {
                AttemptToken(ledger: ledgerID, epoch: $0["epoch"], job: identity, attempt: AttemptNumber($0["number"]))
            }
        }
        try db.note(action.rawValue, at: now, job: job, attempt: row["attempt"])
        outcome.changes.append(
            JobChange(
                row: job, job: identity, state: reached, priority: row["priority"],
                needs: try RequirementSpec.stored(row["requirements"]),
                isHeld: try reached == .waiting && JobHold.holds(job, db), ended: ended))
    }
}

/// Finds the job that a user means.
package enum JobLookup {
    /// Shortest prefix of an id that is taken for one.
    package static let shortestPrefix = 8

    /// The row of the job with this id, or of the only one whose id starts so.
    ///
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    static func row(_ text: String, _ db: Database) throws -> Int64 {
        let isPrefix =
            text.utf8.count >= shortestPrefix
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
        guard isPrefix else {
            throw try SweepNames.unknown(
                text, more: ", and no job: a job is named by 8 or more hex digits of its id", db)
        }
        let found = try db.all(
            "SELECT id, identity FROM job WHERE identity >= ? AND identity < ? ORDER BY identity LIMIT 6",
            [text, text + "g"])
        guard let first = found.first else {
            throw LedgerError(.notFound, "no job '\(text)'; `radiata jobs` lists them")
        }
        guard found.count == 1 else {
            let ids = found.prefix(5).map { String(($0["identity"] as String).prefix(text.utf8.count + 8)) }
            throw LedgerError(
                .ambiguous,
                "several jobs start with '\(text)': \(ids.joined(separator: ", "))\(found.count > 5 ? " …" : ""); give more digits"
            )
        }
        return first[0]
    }
}
