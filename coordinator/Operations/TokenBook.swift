package import Ports
package import SweepLedger
package import SweepModel
import SweepWire
import Synchronization

/// Who may do what: the tokens of the ledger in memory, by the hash of their text. Only the hash of a token
/// is stored.
package final class TokenBook: Sendable {
    private struct State {
        var byHash: [String: TokenSummary] = [:]
        var generation: UInt64 = 0
    }

    /// What was found for a header; good as long as no token changed.
    package struct Admission: Sendable {
        package let principal: Principal
        fileprivate let generation: UInt64
        fileprivate let expires: Int64?
    }

    private let state = Mutex(State())
    private let time: any TimeSource

    package init(time: any TimeSource) { self.time = time }

    package func replace(_ records: [TokenRecord]) {
        state.withLock { state in
            state.byHash = Dictionary(records.map { ($0.hash, $0.token) }, uniquingKeysWith: { $1 })
            state.generation += 1
        }
    }

    /// For a connection that shows the same token again and again.
    ///
    /// - Throws: as ``check(_:wants:)``.
    package func admit(_ header: String?, wants scopes: [TokenScope]) throws -> Admission {
        let generation = state.withLock { $0.generation }
        let principal = try check(header, wants: scopes)
        let expires = state.withLock { $0.byHash.values.first { $0.id == principal.id }?.expires }
        return Admission(principal: principal, generation: generation, expires: expires)
    }

    package func isGood(_ admission: Admission) -> Bool {
        guard state.withLock({ $0.generation }) == admission.generation else { return false }
        return admission.expires.map { $0 > time.wall().milliseconds } ?? true
    }

    /// - Parameter header: the `Authorization` header.
    /// - Returns: who calls.
    /// - Throws: `WireError` `unauthorized` or `forbidden`.
    package func check(_ header: String?, wants scopes: [TokenScope]) throws -> Principal {
        guard !scopes.isEmpty else { return .anybody }
        guard let header else {
            throw WireError(
                .unauthorized,
                """
                this coordinator wants a token, on loopback too. Programs of its own user on its machine find it by themselves if \
                they are as new as it is; others get it by --token-file FILE (DATA/admin.token of its data folder, or one of radiata \
                token create) or RADIATA_TOKEN
                """)
        }
        let parts = header.split(separator: " ")
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw WireError(.unauthorized, "the Authorization header is not 'Bearer TOKEN'")
        }
        return try check(token: String(parts[1]), wants: scopes)
    }

    /// The same for a token's text.
    package func check(token: String, wants scopes: [TokenScope]) throws -> Principal {
        let hash = Self.hash(token)
        // A lookup by the hash of 256 random bits tells nothing by its time.
        guard let known = state.withLock({ $0.byHash[hash] }) else {
            throw WireError(
                .unauthorized,
                AccessToken.isDamaged(token)
                    ? "the token is cut or mistyped: its last digits do not fit" : "the token is not known here")
        }
        return try check(known, wants: scopes)
    }

    /// The same for a token that was shown before (a browser's session).
    package func check(id: String, wants scopes: [TokenScope]) throws -> Principal {
        guard let token = state.withLock({ $0.byHash.values.first { $0.id == id } }) else {
            throw WireError(.unauthorized, "the token is not known here")
        }
        return try check(token, wants: scopes)
    }

    private func check(_ token: TokenSummary, wants scopes: [TokenScope]) throws -> Principal {
        guard !token.isRevoked, token.expires.map({ $0 > time.wall().milliseconds }) ?? true else {
            throw WireError(.unauthorized, "the token \(token.id) has expired or was revoked")
        }
        guard scopes.contains(where: { token.scope.allows($0) }) || Mutant.isOn("scope-not-asked")
        else {
            throw WireError(
                .forbidden,
                "the token \(token.id) has scope \(token.scope.rawValue); this needs \(scopes.map(\.rawValue).joined(separator: " or "))"
            )
        }
        return Principal(id: token.id, scope: token.scope)
    }

    package static func hash(_ token: String) -> String { AccessToken.hash(token).text }

    /// A new token's id and text.
    package static func make(_ random: any RandomSource) -> (id: String, text: String) { AccessToken.make(random) }

    /// When a new token of this lifetime in seconds ends, in milliseconds since 1970.
    ///
    /// - Throws: `WireError` `badRequest` for a lifetime that is none.
    package static func end(of lifetime: Double?, from now: Int64) throws -> Int64? {
        guard let lifetime else { return nil }
        guard lifetime > 0, lifetime <= WireLimit.tokenSeconds else {
            throw WireError(.badRequest, "token: a lifetime of \(lifetime) s; wanted above 0, at most 100 years")
        }
        return now + Int64(lifetime * 1000)
    }
}
