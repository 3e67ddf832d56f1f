package import GRDB
package import Ports
package import SweepModel

/// Binds a worker's id, and the session that begins, to who may use it: to the worker's own key where it has
/// one, else to the token that came with it.
///
/// An id without a key can be taken over once its token was revoked or has expired, and by an admin.
package struct OwnWorker: LedgerVerb {
    package enum Outcome: Equatable, Sendable {
        case bound
        /// The id belongs to a key, or to the token with this id.
        case foreign(token: String, hasKey: Bool)
    }

    let worker: WorkerID
    let session: SessionID
    let token: String
    let isAdmin: Bool
    let key: String?
    let now: WallTime

    /// - Parameters:
    ///   - token: id of the caller's token.
    ///   - key: SHA-256 of the worker's key, hex; nil from a worker without one.
    package init(worker: WorkerID, session: SessionID, token: String, isAdmin: Bool, key: String?, now: WallTime) {
        self.worker = worker
        self.session = session
        self.token = token
        self.isAdmin = isAdmin
        self.key = key
        self.now = now
    }

    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> Outcome {
        let bound = try db.first(
            """
            INSERT INTO worker_owner (worker, token, session, key) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (worker) DO UPDATE SET token = excluded.token, session = excluded.session,
                key = coalesce(excluded.key, worker_owner.key)
            WHERE ?5 OR worker_owner.key = excluded.key
                OR (worker_owner.key IS NULL AND (worker_owner.token = excluded.token OR NOT EXISTS (
                    SELECT 1 FROM token t WHERE t.id = worker_owner.token AND t.revoked IS NULL
                        AND (t.expires IS NULL OR t.expires > ?6))))
            RETURNING worker
            """, [worker.text, token, session.rawValue, key, isAdmin, now.milliseconds])
        guard bound == nil else { return .bound }
        let owner = try db.first(
            "SELECT token, key IS NOT NULL AS has_key FROM worker_owner WHERE worker = ?", [worker.text])
        return .foreign(token: owner?["token"] ?? "", hasKey: owner?["has_key"] ?? false)
    }
}

/// A worker's start in one commit: whose the id is, then the worker as it introduced itself.
package struct AdmitWorker: LedgerVerb {
    package enum Outcome: Equatable, Sendable {
        case registered(RegisterWorker.Outcome)
        /// Nothing was stored.
        case foreign(token: String, hasKey: Bool)
    }

    let owner: OwnWorker
    let worker: RegisterWorker

    package init(owner: OwnWorker, worker: RegisterWorker) {
        self.owner = owner
        self.worker = worker
    }

    /// - Throws: `DatabaseError`; `LedgerError` for what the ledger holds and cannot be read.
    package func run(_ db: Database) throws -> Outcome {
        if case .foreign(let token, let hasKey) = try owner.run(db) { return .foreign(token: token, hasKey: hasKey) }
        return .registered(try worker.run(db))
    }
}

extension Ledger {
    /// Which token each worker came with last.
    ///
    /// - Throws: `DatabaseError`.
    package func workerOwners() async throws -> [(worker: String, token: String)] {
        try await read { db in
            try db.all("SELECT worker, token FROM worker_owner").map { (worker: $0["worker"], token: $0["token"]) }
        }
    }

    /// Which token each worker's newest session belongs to.
    ///
    /// - Throws: `DatabaseError`.
    package func sessionOwners() async throws -> [(session: SessionID, token: String)] {
        try await read { db in try Self.sessionOwners(db) }
    }

    /// In the caller's time, for the simulator.
    ///
    /// - Throws: `DatabaseError`.
    package func sessionOwnersNow() throws -> [(session: SessionID, token: String)] {
        try readNow { db in try Self.sessionOwners(db) }
    }

    /// Every session that a start makes known again: between the two halves of a registration it is the one
    /// before.
    private static func sessionOwners(_ db: Database) throws -> [(session: SessionID, token: String)] {
        try db.all(
            """
            SELECT session, token FROM worker_owner
            UNION SELECT w.session, o.token FROM worker_session w JOIN worker_owner o ON o.worker = w.worker ORDER BY 1
            """
        ).map { (SessionID(rawValue: $0["session"]), $0["token"]) }
    }
}
