import SweepWire
import Synchronization

/// Which token a worker's session belongs to: a session cannot be used, nor its attempts reported on, with another one.
///
/// In memory; after a restart it is filled from the ledger.
final class WorkerSessionBook: Sendable {
    private let owners = Mutex<[SessionID: String]>([:])

    init(_ known: [(session: String, token: String)] = []) {
        owners.withLock { owners in
            for (session, token) in known { owners[SessionID(rawValue: session)] = token }
        }
    }

    /// - Throws: `WireError` `unknownSession`, the same as for a session that never was.
    func check(_ session: SessionID, _ principal: Principal) throws {
        let owner = owners.withLock { owners in
            if owners.count > 100_000 { owners.removeAll() }
            if let owner = owners[session] { return owner }
            owners[session] = principal.id
            return principal.id
        }
        guard owner == principal.id else {
            throw WireError(
                .unknownSession, "session \(session.rawValue.prefix(32)) is not known here; register again")
        }
    }
}
