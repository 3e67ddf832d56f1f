package import GRDB

/// Does what a verb does, tells its outcome, and takes everything back: what people are shown before they
/// decide.
package struct Trial<Verb: LedgerVerb>: LedgerVerb {
    let verb: Verb

    package init(_ verb: Verb) { self.verb = verb }

    package func run(_ db: Database) throws -> Verb.Outcome {
        var outcome: Verb.Outcome?
        try db.inSavepoint {
            outcome = try verb.run(db)
            return .rollback
        }
        guard let outcome else { throw LedgerError(.inputOutput, "a trial of \(Verb.self) gave no outcome") }
        return outcome
    }
}
