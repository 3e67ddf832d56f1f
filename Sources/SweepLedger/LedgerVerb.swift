import Foundation
package import GRDB
import Ports
package import SweepModel

/// One change of the ledger: synchronous, without a transaction of its own, repeatable. Its guard stands in the SQL.
///
/// The writer runs many verbs in one transaction. A verb that throws is rolled back alone; what a peer can cause is an
/// outcome, no error.
package protocol LedgerVerb<Outcome>: Sendable {
    associatedtype Outcome: Sendable
    func run(_ db: Database) throws -> Outcome
}

extension Database {
    /// Runs a statement that returns nothing.
    func change(_ sql: String, _ arguments: StatementArguments = []) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// The first row, if any. Also for statements with `RETURNING`.
    func first(_ sql: String, _ arguments: StatementArguments = []) throws -> Row? {
        try Row.fetchOne(cachedStatement(sql: sql), arguments: arguments)
    }

    func all(_ sql: String, _ arguments: StatementArguments = []) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql), arguments: arguments)
    }

    /// Writes the history: every transition of a job is one row.
    func note(
        _ kind: String, at now: WallTime, job: Int64? = nil, attempt: Int? = nil, sweep: Int64? = nil,
        worker: String? = nil,
        detail: String = ""
    ) throws {
        try change(
            "INSERT INTO event (at, kind, job, attempt, sweep, worker, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [now.milliseconds, kind, job, attempt, sweep, worker, detail])
    }
}

/// The fence. Every report of an attempt goes through this text: the attempt is the job's newest, of the right epoch,
/// still open, and the job neither ended nor paused. Arguments: identity, attempt, epoch (`AttemptToken.fence`).
enum Fence {
    static var sql: String {
        """
        FROM job j JOIN attempt a ON a.job = j.id AND a.number = j.attempt
        WHERE j.identity = ? AND j.attempt = ? AND j.epoch = ? AND a.ended IS NULL AND j.state IN ('running', 'waiting')
        """
        .mutant("fence-without-attempt", "j.attempt = ?", "? > 0")
        .mutant("fence-without-state", "AND a.ended IS NULL AND j.state IN ('running', 'waiting')", "")
        .mutant("fence-without-epoch", "j.epoch = ?", "? > 0")
    }

    /// The fence of a checkpoint: the same, unless a mutant lets states in that came too late.
    static var ofCheckpoints: String {
        sql
            .mutant("resumes-hidden-state", "AND a.number = j.attempt", "")
            .mutant(
                "resumes-hidden-state", "j.attempt = ? AND j.epoch = ? AND a.ended IS NULL",
                "a.number = ? AND a.epoch = ?")
    }

    /// A fence with numbered arguments, for statements that have more of them.
    static func numbered(_ fence: String) -> String {
        var number = 0
        return fence.map { character -> String in
            guard character == "?" else { return String(character) }
            number += 1
            return "?\(number)"
        }.joined()
    }
}

extension AttemptToken {
    var fence: StatementArguments { [job.text, attempt.value, epoch] }
}

/// What a verb did to a job, for those who keep jobs in memory.
package struct JobChange: Equatable, Sendable {
    /// Row of the job.
    package var job: Int64
    package var identity: JobID
    package var state: JobState
    package var priority: Int
    /// What it needs of a worker, as JSON.
    package var requirements: String
    /// For `waiting`: seconds until it may be claimed, and the worker that should not get it.
    package var delaySeconds: Double
    package var avoid: WorkerID?
    /// For `waiting`: its sweep was stopped, so nobody gets it until a person resumes the sweep.
    package var isHeld: Bool
    /// The attempt that this ended, if any.
    package var ended: AttemptToken?

    package init(
        job: Int64, identity: JobID, state: JobState, priority: Int, requirements: String, delaySeconds: Double = 0,
        avoid: WorkerID? = nil, isHeld: Bool = false, ended: AttemptToken? = nil
    ) {
        self.job = job
        self.identity = identity
        self.state = state
        self.priority = priority
        self.requirements = requirements
        self.delaySeconds = delaySeconds
        self.avoid = avoid
        self.isHeld = isHeld
        self.ended = ended
    }
}
