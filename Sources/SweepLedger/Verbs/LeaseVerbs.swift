package import GRDB
package import Ports
import RunSpec
package import SweepModel

/// Leases ran out: the jobs may be claimed by others. The attempts stay open, so that one that is heard from
/// first goes on.
package struct ExpireLeases: LedgerVerb {
    let tokens: [AttemptToken]
    let now: WallTime

    package init(tokens: [AttemptToken], now: WallTime) {
        self.tokens = tokens
        self.now = now
    }

    /// - Returns: what became of each job that was running; paused ones (a pause was asked for) end their
    ///   attempt.
    /// - Throws: `DatabaseError`; `LedgerError` for what the ledger holds and cannot be read.
    package func run(_ db: Database) throws -> [JobChange] {
        try tokens.compactMap { token in
            let row = try db.first(
                """
                UPDATE job SET state = CASE WHEN stop = 'pause' THEN 'paused' ELSE 'waiting' END, stop = NULL, updated = ?
                WHERE identity = ? AND attempt = ? AND epoch = ? AND state = 'running' RETURNING id, state, priority, requirements
                """, [now.milliseconds] + token.fence)
            guard let row, let state = JobState(rawValue: row["state"]) else { return nil }
            let job: Int64 = row["id"]
            if state == .paused || Mutant.isOn("expiry-revokes") {
                try db.change(
                    "UPDATE attempt SET ended = ?, outcome = 'lost', failure = 'lost' WHERE job = ? AND ended IS NULL",
                    [now.milliseconds, job])
            }
            try db.note("expired", at: now, job: job, attempt: token.attempt.value)
            return JobChange(
                row: job, job: token.job, state: state, priority: row["priority"],
                needs: try RequirementSpec.stored(row["requirements"]),
                isHeld: try JobHold.holds(job, db), ended: state == .paused ? token : nil)
        }
    }
}

/// Attempts whose lease ran out were heard from again: those that nobody superseded run on under the same
/// number.
package struct ReviveAttempts: LedgerVerb {
    package struct Outcome: Equatable, Sendable {
        package var revived: [AttemptToken] = []
        package var superseded: [AttemptToken] = []
    }

    let tokens: [AttemptToken]
    let now: WallTime

    package init(tokens: [AttemptToken], now: WallTime) {
        self.tokens = tokens
        self.now = now
    }

    /// - Returns: every token, in one of two lists.
    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> Outcome {
        var outcome = Outcome()
        for token in tokens {
            let row = try db.first(
                "UPDATE job SET state = 'running', updated = ? WHERE id = (SELECT j.id \(Fence.sql)) RETURNING id"
                    .mutant("revives-after-claim", Fence.sql, "FROM job j WHERE j.identity = ? AND ? > 0 AND ? > 0"),
                [now.milliseconds] + token.fence)
            if let row {
                outcome.revived.append(token)
                try db.note("revived", at: now, job: row[0], attempt: token.attempt.value)
            } else {
                outcome.superseded.append(token)
            }
        }
        return outcome
    }
}
