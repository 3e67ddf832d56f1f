import GRDB
package import Ports
package import SweepModel

/// The ledger inside one transaction that is never committed: verbs run at once, and every state can be gone
/// back to. For a search through all that can happen.
package struct LedgerScratch {
    private let db: Database
    private let ledgerID: String

    fileprivate init(_ db: Database, ledgerID: String) {
        self.db = db
        self.ledgerID = ledgerID
    }

    /// Runs a verb at once.
    ///
    /// - Throws: what the verb throws.
    package func run<Verb: LedgerVerb>(_ verb: Verb) throws -> Verb.Outcome { try verb.run(db) }

    /// Remembers this state; states lie on a stack.
    ///
    /// - Throws: `DatabaseError`.
    package func mark() throws { try db.change("SAVEPOINT state") }

    /// Goes back to the newest remembered state, and forgets it.
    ///
    /// - Throws: `DatabaseError`.
    package func back() throws {
        try db.change("ROLLBACK TO state")
        try db.change("RELEASE state")
    }

    /// - Throws: as ``Ledger/snapshot(at:)``.
    package func snapshot(at wall: WallTime) throws -> LedgerSnapshot {
        try LedgerSnapshot(db, ledgerID: ledgerID, at: wall)
    }

    /// Every row of every table, but of the events only the last of a job: nothing decides by the others.
    ///
    /// - Throws: `DatabaseError`.
    package func digest() throws -> UInt64 {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        func take(_ bytes: some Sequence<UInt8>) { for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 } }
        var queries = try rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'event' ORDER BY name")
            .map { "SELECT * FROM \($0[0])" }
        queries.append("SELECT kind, attempt FROM event WHERE job IS NOT NULL ORDER BY id DESC LIMIT 1")
        for query in queries {
            take(query.utf8)
            for row in try db.all(query) {
                for column in 0..<row.count {
                    switch (row[column] as DatabaseValue).storage {
                    case .null: take([0])
                    case .int64(let value): take("i\(value)".utf8)
                    case .double(let value): take("d\(value)".utf8)
                    case .string(let value): take("s\(value)".utf8)
                    case .blob(let value): take(value)
                    }
                }
            }
        }
        return sum
    }

    /// Rows as text, NULL as an empty one.
    ///
    /// - Throws: `DatabaseError`.
    package func rows(_ sql: String) throws -> [[String]] {
        try db.all(sql).map { row in
            (0..<row.count).map { column in
                switch (row[column] as DatabaseValue).storage {
                case .null: ""
                case .int64(let value): String(value)
                case .double(let value): String(value)
                case .string(let value): value
                case .blob: "blob"
                }
            }
        }
    }
}

extension Ledger {
    /// - Parameter body: what it does is gone after it.
    /// - Throws: what the body throws; `DatabaseError`.
    package func scratch<Result>(_ body: (LedgerScratch) throws -> Result) throws -> Result {
        try readNow { db in
            try db.beginTransaction(.immediate)
            let result = Swift.Result { try body(LedgerScratch(db, ledgerID: id)) }
            try db.rollback()
            return try result.get()
        }
    }
}
