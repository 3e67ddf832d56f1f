package import SweepModel

/// Makes an invitation. The answer is the only time that its code is shown; the ledger keeps a hash.
package struct InviteRequest: Codable, Equatable, WireRequest {
    /// What the token that it is exchanged for may do.
    package var scope: TokenScope
    /// For people: whom it is for.
    package var note: String
    /// Seconds until it expires.
    package var lifetime: Double
    package init(scope: TokenScope = .worker, note: String = "", lifetime: Double) {
        self.scope = scope
        self.note = note
        self.lifetime = lifetime
    }
}

package struct InviteResponse: Codable, Equatable, WireResponse {
    package var code: String
    /// Where the coordinator is reached, as far as it knows: its machine's names and addresses.
    package var addresses: [String]
    /// SHA-256 of the certificate of its own authority; absent where it has none.
    package var authority: String?
    /// Whether only its own machine reaches it.
    package var isLoopback: Bool
    /// Milliseconds since 1970.
    package var expires: Int64
    package init(code: String, addresses: [String], authority: String?, isLoopback: Bool, expires: Int64) {
        self.code = code
        self.addresses = addresses
        self.authority = authority
        self.isLoopback = isLoopback
        self.expires = expires
    }
}

/// Exchanges an invitation's code for a token. The token is made by whoever joins and never sent: the
/// coordinator hears its id and its hash. So a repeat is harmless, and a lost answer costs nothing.
package struct EnrolRequest: Codable, Equatable, WireRequest {
    package var code: String
    /// Id of the new token: 12 hex digits.
    package var token: String
    /// SHA-256 of its text.
    package var hash: String
    /// Name of the machine, for people.
    package var name: String
    package init(code: String, token: String, hash: String, name: String) {
        self.code = code
        self.token = token
        self.hash = hash
        self.name = name
    }
}

package struct EnrolResponse: Codable, Equatable, WireResponse {
    package var scope: TokenScope
    package init(scope: TokenScope) { self.scope = scope }
}

/// The certificate of the coordinator's own authority. Nobody believes it but for the digest that the
/// invitation names.
package struct AuthorityResponse: Codable, Equatable, WireResponse {
    /// PEM.
    package var certificate: String
    package init(certificate: String) { self.certificate = certificate }
}
