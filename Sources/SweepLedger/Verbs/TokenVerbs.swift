package import GRDB
package import Ports
package import SweepModel

/// A token as the ledger keeps it: never its text, only the hash.
package struct TokenRecord: Equatable, Sendable {
    package var token: TokenSummary
    /// SHA-256 of the token's text, hex.
    package var hash: String

    package init(_ token: TokenSummary, hash: String) {
        self.token = token
        self.hash = hash
    }

    /// A new one.
    ///
    /// - Parameters:
    ///   - created: milliseconds since 1970, as is `expires`.
    ///   - expires: nil for never.
    package init(id: String, hash: String, scope: TokenScope, note: String, created: Int64, expires: Int64? = nil) {
        self.init(
            TokenSummary(id: id, scope: scope, note: note, created: created, expires: expires, isRevoked: false),
            hash: hash)
    }
}

/// Stores a token, or replaces the one of the same id.
package struct StoreToken: LedgerVerb {
    let record: TokenRecord
    package init(token record: TokenRecord) { self.record = record }

    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws {
        let token = record.token
        try db.change(
            """
            INSERT INTO token (id, scope, note, created, expires) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET scope = excluded.scope, note = excluded.note, expires = excluded.expires,
                revoked = NULL
            """, [token.id, token.scope.rawValue, token.note, token.created, token.expires])
        try db.change(
            "INSERT INTO token_hash (token, hash) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET hash = excluded.hash",
            [token.id, record.hash])
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
    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> Bool {
        try db.first(
            "UPDATE token SET revoked = coalesce(revoked, ?) WHERE id = ? RETURNING id", [now.milliseconds, id])
            != nil
    }
}

extension Ledger {
    /// Tokens with the hashes of their texts, oldest first.
    ///
    /// - Throws: `DatabaseError`.
    package func tokens() async throws -> [TokenRecord] { try await read { db in try Self.tokens(db) } }

    /// In the caller's time, for the simulator.
    ///
    /// - Throws: `DatabaseError`.
    package func tokensNow() throws -> [TokenRecord] { try readNow { db in try Self.tokens(db) } }

    private static func tokens(_ db: Database) throws -> [TokenRecord] {
        try db.all(
            """
            SELECT t.id, h.hash, t.scope, t.note, t.created, t.expires, t.revoked
            FROM token t JOIN token_hash h ON h.token = t.id ORDER BY t.created
            """
        ).compactMap { row in
            // A scope that this program does not know allows nothing.
            TokenScope(rawValue: row["scope"]).map { scope in
                let token = TokenSummary(
                    id: row["id"], scope: scope, note: row["note"], created: row["created"], expires: row["expires"],
                    isRevoked: (row["revoked"] as Int64?) != nil)
                return TokenRecord(token, hash: row["hash"])
            }
        }
    }
}
