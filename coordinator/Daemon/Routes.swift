import CoordinatorCore
import Foundation
import Hummingbird
import Logging
import Ports
import RunSpec
import SweepLedger
import SweepModel
import SweepWire
import Synchronization

/// All calls of the contract, put on a router.
struct Routes: Sendable {
    let engine: CoordinatorEngine
    let tokens: TokenBook
    let mount: EndpointMount
    let workerSessions: WorkerSessionBook
    let gauge: DiskGauge
    let sessions: DashboardSessions
    let links: LinkBook
    let registrations: RegistrationQuota
    /// Whether browsers come by TLS: their cookie then never travels otherwise.
    let isSecure: Bool
    let queries = QueryGate()
    let lease: Duration
    let started: MonotonicTime

    var ledger: Ledger { engine.ledger }
    var wall: WallTime { engine.time.wall() }

    func router() -> Router<CallContext> {
        let router = Router(context: CallContext.self)
        addWorkerRoutes(router)
        addBlobRoutes(router)
        addClientRoutes(router)
        addLedgerRoutes(router)
        addDashboard(router)
        return router
    }

    private func addWorkerRoutes(_ router: Router<CallContext>) {
        mount.mount(.register, on: router) { request, call in
            try Self.check(request)
            try workerSessions.check(request.session, call.principal)
            try await registrations.admit(request.worker, token: call.principal.id, ledger: ledger)
            // An id belongs to the key, or the token, that it first came with.
            let caller = Caller(token: call.principal.id, isAdmin: call.principal.scope == .admin)
            let reply = await engine.ask { .register(request, $0, by: caller) }
            guard case .registered(let response) = reply else { throw Self.error(reply) }
            engine.logger.info(
                "worker \(request.record.name) registered",
                metadata: ["worker": "\(request.worker)", "slots": "\(request.record.slots)"])
            return response
        }
        mount.mount(.exchange, on: router) { request, call in
            guard request.reports.count <= WireLimit.reports, request.waitSeconds.isFinite else {
                throw WireError(.badRequest, "exchange: \(request.reports.count) reports, at most \(WireLimit.reports)")
            }
            try workerSessions.check(request.session, call.principal)
            return try await exchange(request, call.http)
        }
        mount.mount(.heartbeat, on: router) { request, call in
            try workerSessions.check(request.session, call.principal)
            let reply = await engine.ask { .heartbeat(request, $0) }
            guard case .heartbeat(let response) = reply else { throw Self.error(reply) }
            return response
        }
        mount.mount(.goodbye, on: router) { request, call in
            try workerSessions.check(request.session, call.principal)
            let reply = await engine.ask { .goodbye(request, $0) }
            guard case .saidGoodbye = reply else { throw Self.error(reply) }
            return Nothing()
        }
        mount.mount(.metrics, on: router) { batch, call in
            let verb = try workerSessions.append(
                batch, call.principal, ledgerID: ledger.id, worker: engine.worker(of:))
            switch try await ledger.writer.perform(verb, .bulk, bytes: batch.count * 24 + 256) {
            case .stored(let next): return MetricAcknowledgement(next: next)
            case .gap(let expected):
                throw WireError(
                    .gap, "points before \(batch.first) are missing; send from \(expected)", expected: expected)
            case .superseded: throw WireError(.superseded, "attempt \(batch.token) is over")
            }
        }
        mount.mount(.input, on: router) { request, _ in try await ledger.input(request.digest) }
    }

    /// A long poll whose peer goes away is given up, so that no job is granted to nobody.
    private func exchange(_ request: ExchangeRequest, _ http: Request) async throws -> ExchangeResponse {
        let isPoll = request.reports.isEmpty && request.freeSlots > 0 && request.waitSeconds > 0
        let reply: CoordinatorReply
        if isPoll {
            let waiting = Mutex<ReplyID?>(nil)
            reply = try await http.body.consumeWithInboundCloseHandler { _ in
                await engine.ask(started: { id in waiting.withLock { $0 = id } }) { .exchange(request, $0) }
            } onInboundClosed: {
                if let id = waiting.withLock({ $0 }) { engine.abandon(id) }
            }
        } else {
            reply = await engine.ask { .exchange(request, $0) }
        }
        guard case .exchanged(let response) = reply else { throw Self.error(reply) }
        return response
    }

    private static func check(_ request: RegisterRequest) throws {
        let worker = request.record
        let texts =
            [worker.worker.text, worker.name, worker.version] + worker.labels.flatMap { [$0.key, $0.value] }
            + (worker.coreVersions ?? [])
        guard texts.reduce(0, { $0 + $1.utf8.count }) <= Self.workerTexts else {
            throw WireError(
                .badRequest, "register: name, version and labels have more than \(workerTexts) bytes together")
        }
        guard worker.session.isValid, !worker.worker.text.isEmpty, (0...1024).contains(worker.slots),
            (0...65_536).contains(worker.threads), (0...1024).contains(worker.gpus), worker.labels.count <= 64,
            worker.coreVersions?.count ?? 0 <= 16,
            request.key.map({ $0.utf8.count == 64 && $0.utf8.allSatisfy(Self.isHex) }) ?? true,
            texts.allSatisfy({ text in
                text.unicodeScalars.count <= 256
                    && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
            })
        else {
            throw WireError(
                .badRequest,
                "register: the session is not 32 hex digits or the key not 64, or a name, label or number is out of range (texts: 256 characters, none of them control characters)"
            )
        }
    }

    /// Of a worker's name, version and labels together, in bytes: everybody's `status` shows them.
    private static let workerTexts = 8 << 10

    private static func isHex(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }

    static func error(_ reply: CoordinatorReply) -> WireError {
        if case .refused(let error) = reply { return error }
        return WireError(.internalFault, "the coordinator gave an answer to another question")
    }

    static func digest(_ text: String) throws -> ContentDigest {
        guard let digest = ContentDigest(text) else {
            throw WireError(.badRequest, "'\(text.prefix(80))' is no SHA-256: wanted 64 lower-case hex digits")
        }
        return digest
    }
}
