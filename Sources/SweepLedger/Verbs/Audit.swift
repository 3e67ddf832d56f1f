package import GRDB
package import Ports

/// A verb and the note of who wanted it, in one transaction: no effect without its actor.
package struct Audited<Verb: LedgerVerb>: LedgerVerb {
    let verb: Verb
    let entry: AuditEntry

    package init(_ verb: Verb, _ entry: AuditEntry) {
        self.verb = verb
        self.entry = entry
    }

    package func run(_ db: Database) throws -> Verb.Outcome {
        let outcome = try verb.run(db)
        try entry.run(db)
        return outcome
    }
}

/// One line of the table `audit`, to which lines are only ever added (triggers refuse the rest).
package struct AuditEntry: LedgerVerb {
    let actor: String
    let call: String
    let detail: String
    let now: WallTime

    /// - Parameters:
    ///   - actor: id of the token, never its text.
    ///   - detail: what it was about; cut after 500 characters.
    package init(actor: String, call: String, detail: String, now: WallTime) {
        self.actor = actor
        self.call = call
        self.detail = String(detail.prefix(500))
        self.now = now
    }

    package func run(_ db: Database) throws {
        try db.change(
            "INSERT INTO audit (at, actor, call, detail) VALUES (?, ?, ?, ?)", [now.milliseconds, actor, call, detail])
    }
}
