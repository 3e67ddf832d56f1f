import GRDB

/// The ledger inside one transaction that is never committed: verbs run at once, and every state can be gone back to. For a
/// search through all that can happen.
package struct LedgerScratch {
    private let db: Database
    private let ledgerID: String

    fileprivate init(_ db: Database, ledgerID: String) {
        self.db = db
        self.ledgerID = ledgerID
    }

    package func run<Verb: LedgerVerb>(_ verb: Verb) throws -> Verb.Outcome { try verb.run(db) }

    /// Remembers this state; states lie on a stack.
    package func mark() throws { try db.change("SAVEPOINT state") }

    /// Goes back to the newest remembered state, and forgets it.
    package func back() throws {
        try db.change("ROLLBACK TO state")
        try db.change("RELEASE state")
    }

    package func snapshot() throws -> LedgerSnapshot { try LedgerSnapshot(db, ledgerID: ledgerID) }

    /// Rows as text, NULL as an empty one.
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
    package func scratch<Result>(_ body: (LedgerScratch) throws -> Result) throws -> Result {
        try readNow { db in
            try db.beginTransaction(.immediate)
            let result = Swift.Result { try body(LedgerScratch(db, ledgerID: id)) }
            try db.rollback()
            return try result.get()
        }
    }
}
