import CoordinatorCore
package import Ports
package import SweepLedger
package import SweepModel
package import SweepWire
import Synchronization

/// Which token a worker's session belongs to: a session cannot be used, nor its attempts reported on, with
/// another one.
///
/// In memory; after a restart it is filled from the ledger.
package final class WorkerSessionBook: Sendable {
    private let owners = Mutex<[SessionID: String]>([:])

    package init(_ known: [(session: SessionID, token: String)] = []) {
        owners.withLock { owners in
            for (session, token) in known { owners[session] = token }
        }
    }

    /// - Throws: `WireError` `unknownSession`, the same as for a session that never was.
    package func check(_ session: SessionID, _ principal: Principal) throws {
        if Mutant.isOn("session-of-anybody") { return }
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

    /// The verb for a batch of points: of an attempt that the session's worker holds, or of none.
    ///
    /// - Parameter worker: whose session it is; nil for one that is not known.
    package func append(
        _ batch: MetricBatch, _ principal: Principal, ledgerID: String, now: WallTime, worker: (SessionID) -> WorkerID?
    ) throws -> AppendMetrics {
        guard let session = batch.session else { throw WireError(.badRequest, "parameter session is missing") }
        try check(session, principal)
        guard let worker = worker(session) else { throw CoordinatorCore.unknown(session) }
        var verb = AppendMetrics(
            token: batch.token, first: batch.first, series: batch.series, ledgerID: ledgerID, worker: worker, now: now)
        verb.dropped = batch.dropped
        return verb
    }
}
