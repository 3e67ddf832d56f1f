import Foundation
package import GRDB
import Ports
import SweepModel

/// One change of the ledger: synchronous, without a transaction of its own, repeatable. Its guard stands in
/// the SQL.
///
/// The writer runs many verbs in one transaction. A verb that throws is rolled back alone; what a peer can
/// cause is an outcome, no error.
package protocol LedgerVerb<Outcome>: Sendable {
    associatedtype Outcome: Sendable
    /// - Throws: `DatabaseError`; `LedgerError` for what a user asked wrongly, or what the ledger holds and
    ///   cannot be read.
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

    /// What is read of every row, without a copy of the row: for long lists.
    ///
    /// - Parameter read: must not run the same statement.
    func all<Value>(
        _ sql: String, _ arguments: StatementArguments, _ read: (Row) throws -> Value
    ) throws -> [Value] {
        let rows = try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
        var values: [Value] = []
        while let row = try rows.next() { values.append(try read(row)) }
        return values
    }

    /// Writes the history: every transition of a job is one row.
    func note(
        _ kind: String, at now: WallTime, job: Int64? = nil, attempt: Int? = nil, sweep: Int64? = nil,
        worker: String? = nil,
        detail: String = ""
    ) throws {
        let insert = try PreparedStatement(
            "INSERT INTO event (at, kind, job, attempt, sweep, worker, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            self)
        try insert.bind(1, now.milliseconds)
        try insert.bind(2, kind)
        try insert.bind(3, job)
        try insert.bind(4, attempt)
        try insert.bind(5, sweep)
        try insert.bind(6, worker)
        try insert.bind(7, detail)
        try insert.run()
    }
}

/// The fence. Every report of an attempt goes through this text: the attempt is the job's newest, of the
/// right epoch, still open, and the job neither ended nor paused. Arguments: identity, attempt, epoch
/// (`AttemptToken.fence`).
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
