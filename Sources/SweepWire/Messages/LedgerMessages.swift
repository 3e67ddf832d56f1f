package import SweepModel

/// Makes a token. The answer is the only time that its text is shown; the ledger keeps a hash.
package struct TokenRequest: Codable, Equatable, WireRequest {
    package var scope: TokenScope
    /// For people: whose it is.
    package var note: String
    /// Seconds until it expires; nil for never.
    package var lifetime: Double?
    package init(scope: TokenScope, note: String = "", lifetime: Double? = nil) {
        self.scope = scope
        self.note = note
        self.lifetime = lifetime
    }
}

package struct TokenResponse: Codable, Equatable, WireResponse {
    package var id: String
    package var token: String
    package init(id: String, token: String) {
        self.id = id
        self.token = token
    }
}

package struct RevokeRequest: Codable, Equatable, WireRequest {
    package var id: String
    package init(id: String) { self.id = id }
}

/// A link that lets a browser in once, for whoever asked for it.
package struct LinkResponse: Codable, Equatable, WireResponse {
    /// Path and query, to be put after the coordinator's address.
    package var path: String
    /// How long it is good for.
    package var seconds: Double
    package init(path: String, seconds: Double) {
        self.path = path
        self.seconds = seconds
    }
}

/// A consistent copy of the ledger below the coordinator's data folder.
package struct BackupResponse: Codable, Equatable, WireResponse {
    /// Path on the coordinator's machine.
    package var path: String
    package var bytes: Int
    package init(path: String, bytes: Int) {
        self.path = path
        self.bytes = bytes
    }
}

package struct CollectResponse: Codable, Equatable, WireResponse {
    package var removedBlobs: Int
    package var removedBytes: Int
    package init(removedBlobs: Int, removedBytes: Int) {
        self.removedBlobs = removedBlobs
        self.removedBytes = removedBytes
    }
}

package struct CheckResponse: Codable, Equatable, WireResponse {
    /// Version of SQLite in use.
    package var sqlite: String
    /// What is wrong, one sentence each; empty when all is well.
    package var findings: [String]
    /// What to know, although nothing is wrong.
    package var notes: [String]
    package init(sqlite: String, findings: [String], notes: [String]) {
        self.sqlite = sqlite
        self.findings = findings
        self.notes = notes
    }
}

package struct HealthResponse: Codable, Equatable, WireResponse {
    package var program: String
    package var protocolVersion: Int
    package var ledger: String
    package var epoch: Int
    package var uptimeSeconds: Double
    package init(program: String, protocolVersion: Int, ledger: String, epoch: Int, uptimeSeconds: Double) {
        self.program = program
        self.protocolVersion = protocolVersion
        self.ledger = ledger
        self.epoch = epoch
        self.uptimeSeconds = uptimeSeconds
    }
}
