package import SweepModel

extension Endpoint<TokenRequest, TokenResponse> {
    /// Not idempotent: a lost answer leaves a token nobody knows; make another and revoke the first.
    package static var createToken: Self {
        Endpoint("createToken", .post, "/v1/tokens", scopes: [.admin], idempotent: false)
    }
}

extension Endpoint<Nothing, LinkResponse> {
    /// A one-time link for a browser, which then stands for the caller's token. A lost answer costs nothing.
    package static var openLink: Self { Endpoint("openLink", .post, "/v1/links", scopes: [.read]) }
}

extension Endpoint<Nothing, Items<TokenSummary>> {
    package static var tokens: Endpoint<Nothing, Items<TokenSummary>> {
        Endpoint("tokens", .get, "/v1/tokens", scopes: [.admin])
    }
}

extension Endpoint<RevokeRequest, Nothing> {
    /// Effective at the next request that carries the token.
    package static var revokeToken: Self { Endpoint("revokeToken", .post, "/v1/tokens/revoke", scopes: [.admin]) }
}

extension Endpoint<Nothing, BackupResponse> {
    /// A consistent, checked and synced copy of the ledger (without blobs) in `backups/` of the data folder.
    package static var backup: Self {
        Endpoint("backup", .post, "/v1/ledger/backup", scopes: [.admin], idempotent: false)
    }
}

extension Endpoint<Nothing, CollectResponse> {
    /// Removes blobs that nothing refers to and whose 24 h of grace are over.
    package static var collect: Self { Endpoint("collect", .post, "/v1/ledger/gc", scopes: [.admin]) }
}

extension Endpoint<Nothing, CheckResponse> {
    package static var check: Self { Endpoint("check", .post, "/v1/ledger/check", scopes: [.admin]) }
}
