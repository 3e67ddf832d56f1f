/// What the bearer of a token may do. `read < worker`, `read < submit`, and `admin` may do everything.
package enum TokenScope: String, Codable, CaseIterable, Sendable {
    case read, worker, submit, admin

    /// Whether a token of this scope may call an endpoint that wants `wanted`.
    package func allows(_ wanted: TokenScope) -> Bool {
        switch (self, wanted) {
        case (.admin, _), (_, .read): true
        case (.submit, .submit), (.worker, .worker): true
        default: false
        }
    }
}

/// A token without its secret.
package struct TokenSummary: Codable, Equatable, Sendable {
    package var id: String
    package var scope: TokenScope
    package var note: String
    package var created: Int64
    package var expires: Int64?
    package var isRevoked: Bool
    package init(id: String, scope: TokenScope, note: String, created: Int64, expires: Int64?, isRevoked: Bool) {
        self.id = id
        self.scope = scope
        self.note = note
        self.created = created
        self.expires = expires
        self.isRevoked = isRevoked
    }
}
