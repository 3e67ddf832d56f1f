package import GRDB
package import Ports

/// A token as the ledger keeps it: never its text, only the hash.
package struct TokenRecord: Equatable, Sendable {
    package var id: String
    /// SHA-256 of the token's text, hex.
    package var hash: String
    package var scope: String
    package var note: String
    /// Milliseconds since 1970.
    package var created: Int64
    package var expires: Int64?
    package var revoked: Int64?

    package init(
        id: String, hash: String, scope: String, note: String, created: Int64, expires: Int64? = nil,
        revoked: Int64? = nil
    ) {
        self.id = id
        self.hash = hash
        self.scope = scope
        self.note = note
        self.created = created
        self.expires = expires
        self.revoked = revoked
    }
}

/// Stores a token, or replaces the one of the same id.
package struct StoreToken: LedgerVerb {
    let token: TokenRecord
    package init(token: TokenRecord) { self.token = token }

    package func run(_ db: Database) throws {
        try db.change(
            """
            INSERT INTO token (id, scope, note, created, expires) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET scope = excluded.scope, note = excluded.note, expires = excluded.expires,
                revoked = NULL
            """, [token.id, token.scope, token.note, token.created, token.expires])
        try db.change(
            "INSERT INTO token_hash (token, hash) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET hash = excluded.hash",
            [token.id, token.hash])
    }
}

package struct RevokeToken: LedgerVerb {
    let id: String
    let now: WallTime
    package init(id: String, now: WallTime) {
        self.id = id
        self.now = now
    }

    /// - Returns: whether there is such a token.
    package func run(_ db: Database) throws -> Bool {
        try db.first(
            "UPDATE token SET revoked = coalesce(revoked, ?) WHERE id = ? RETURNING id", [now.milliseconds, id])
            != nil
    }
}
