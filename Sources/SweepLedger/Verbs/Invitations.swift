package import GRDB
package import Ports
package import SweepModel

/// An invitation as the ledger keeps it: never its code, only the hash.
package struct StoreInvitation: LedgerVerb {
    let id: String
    let hash: ContentDigest
    let scope: TokenScope
    let note: String
    let expires: Int64
    let now: WallTime

    /// - Parameter expires: milliseconds since 1970.
    package init(id: String, hash: ContentDigest, scope: TokenScope, note: String, expires: Int64, now: WallTime) {
        self.id = id
        self.hash = hash
        self.scope = scope
        self.note = note
        self.expires = expires
        self.now = now
    }

    /// - Throws: `DatabaseError`, also for an id that is there already.
    package func run(_ db: Database) throws {
        // Those that ran out long ago and were never used are worth nothing.
        try db.change(
            "DELETE FROM invitation WHERE used IS NULL AND expires < ?", [now.milliseconds - 30 * 86_400_000])
        try db.change(
            "INSERT INTO invitation (id, hash, scope, note, created, expires) VALUES (?, ?, ?, ?, ?, ?)",
            [id, hash.text, scope.rawValue, note, now.milliseconds, expires])
    }
}

/// Exchanges the code of an invitation for a token whose hash the caller brings. Once: afterwards the code is
/// good for a repeat of the very same exchange, and for nothing else.
package struct UseInvitation: LedgerVerb {
    package enum Outcome: Equatable, Sendable {
        case enrolled(TokenScope)
        /// No such code. What it looked like is not told: who guesses learns nothing.
        case unknown
        case expired
        /// Another token came first.
        case used
        /// A token of this id is there already.
        case taken
    }

    let id: String
    let hash: ContentDigest
    let token: String
    let tokenHash: ContentDigest
    let name: String
    let now: WallTime

    /// - Parameters:
    ///   - id: of the invitation.
    ///   - hash: of the code that was shown.
    ///   - token: id of the new token.
    ///   - name: of the machine, for people.
    package init(
        id: String, hash: ContentDigest, token: String, tokenHash: ContentDigest, name: String, now: WallTime
    ) {
        self.id = id
        self.hash = hash
        self.token = token
        self.tokenHash = tokenHash
        self.name = name
        self.now = now
    }

    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> Outcome {
        guard let row = try db.first("SELECT * FROM invitation WHERE id = ?", [id]),
            let kept = ContentDigest(row["hash"] as String), kept.isSameSecret(as: hash),
            let scope = TokenScope(rawValue: row["scope"])
        else { return .unknown }
        if let known = row["token"] as String? {
            let stored = try db.first(
                "SELECT h.hash FROM token_hash h JOIN token t ON t.id = h.token WHERE t.id = ? AND t.revoked IS NULL",
                [known])
            guard known == token, let text = stored?[0] as String?, let mine = ContentDigest(text),
                mine.isSameSecret(as: tokenHash)
            else { return .used }
            return .enrolled(scope)
        }
        guard (row["expires"] as Int64) > now.milliseconds else { return .expired }
        guard try db.first("SELECT 1 FROM token WHERE id = ?", [token]) == nil else { return .taken }
        let note: String = row["note"]
        try db.change(
            "INSERT INTO token (id, scope, note, created, expires) VALUES (?, ?, ?, ?, NULL)",
            [token, scope.rawValue, note.isEmpty ? "invited: \(name)" : "invited: \(name), \(note)", now.milliseconds])
        try db.change("INSERT INTO token_hash (token, hash) VALUES (?, ?)", [token, tokenHash.text])
        try db.change("UPDATE invitation SET used = ?, token = ? WHERE id = ?", [now.milliseconds, token, id])
        try AuditEntry(actor: "invite \(id)", call: "enrol", detail: "token \(token), \(name)", now: now).run(db)
        return .enrolled(scope)
    }
}
