import CoordinatorCore
import Foundation
import Logging
package import Ports
import RunSpec
package import SweepLedger
import SweepModel
import SweepWire
import Synchronization

/// What a coordinator does for its callers, whatever way their requests come: one function for each endpoint.
package struct Operations: Sendable {
    package let engine: CoordinatorEngine
    package let tokens: TokenBook
    let workerSessions: WorkerSessionBook
    let gauge: DiskGauge
    let registrations: RegistrationQuota
    let lease: Duration
    let started: MonotonicTime
    let progress: ProgressBook
    /// Jobs of one transaction of a launch: about a tenth of a second, in which nobody else's work is done.
    package var launchSlice = 5000
    /// What others need to join.
    package var access = JoinAccess()
    /// The program that workers may take; nil for none.
    package var program: ProgramFiles?

    package init(
        engine: CoordinatorEngine, tokens: TokenBook, workerSessions: WorkerSessionBook,
        gauge: DiskGauge, registrations: RegistrationQuota, lease: Duration
    ) {
        self.engine = engine
        self.tokens = tokens
        self.workerSessions = workerSessions
        self.gauge = gauge
        self.registrations = registrations
        self.lease = lease
        progress = ProgressBook(lease: lease)
        started = engine.time.monotonic()
    }

    package var ledger: Ledger { engine.ledger }
    package var wall: WallTime { engine.time.wall() }
    var work: any LedgerWork { engine.work }

    /// Serves every endpoint but those whose answer is a stream or a browser's.
    package func mount(on place: some OperationMount) {
        mountWorkers(on: place)
        mountBlobs(on: place)
        mountClients(on: place)
        mountLedger(on: place)
        mountKeeping(on: place)
        mountEnrolment(on: place)
        mountProgram(on: place)
    }

    private func mountWorkers(on place: some OperationMount) {
        place.mount(.register) { request, call in try await register(request, call.principal) }
        place.mount(.exchange) { request, call in try await exchange(request, call) }
        place.mount(.heartbeat) { request, call in
            try workerSessions.check(request.session, call.principal)
            return try heard(request, await engine.ask { .heartbeat(request, $0) })
        }
        place.mount(.goodbye) { request, call in
            try workerSessions.check(request.session, call.principal)
            let reply = await engine.ask { .goodbye(request, $0) }
            guard case .saidGoodbye = reply else { throw Self.error(reply) }
            return Nothing()
        }
        place.mount(.metrics) { batch, call in try await append(batch, call.principal) }
        place.mount(.input) { request, _ in try await ledger.input(request.digest) }
    }

    private func register(_ request: RegisterRequest, _ principal: Principal) async throws -> RegisterResponse {
        try Self.check(request)
        try workerSessions.check(request.session, principal)
        try await registrations.admit(request.worker, token: principal.id, ledger: ledger)
        // An id belongs to the key, or the token, that it first came with.
        let caller = Caller(token: principal.id, isAdmin: principal.scope == .admin)
        let reply = await engine.ask { .register(request, $0, by: caller) }
        guard case .registered(let response) = reply else { throw Self.error(reply) }
        engine.logger.info(
            "worker \(request.record.name) registered",
            metadata: ["worker": "\(request.worker)", "slots": "\(request.record.slots)"])
        return response
    }

    /// A long poll whose caller goes away is given up, so that no job is granted to nobody.
    private func exchange(_ request: ExchangeRequest, _ call: Call) async throws -> ExchangeResponse {
        try check(request, call.principal)
        let reply: CoordinatorReply
        if request.mayWait {
            let waiting = Mutex<ReplyID?>(nil)
            reply = try await call.untilGone(
                { await engine.ask(started: { id in waiting.withLock { $0 = id } }) { .exchange(request, $0) } },
                { if let id = waiting.withLock({ $0 }) { engine.abandon(id) } })
        } else {
            reply = await engine.ask { .exchange(request, $0) }
        }
        guard case .exchanged(let response) = reply else { throw Self.error(reply) }
        return response
    }

    private func append(_ batch: MetricBatch, _ principal: Principal) async throws -> MetricAcknowledgement {
        let verb = try workerSessions.append(
            batch, principal, ledgerID: ledger.id, now: wall, worker: engine.worker(of:))
        switch try await work.commit(verb, .bulk, bytes: batch.count * 24 + 256) {
        case .stored(let next, let enough):
            if let enough { engine.tell(.enough([enough])) }
            return MetricAcknowledgement(next: next)
        case .gap(let expected):
            throw WireError(
                .gap, "points before \(batch.first) are missing; send from \(expected)", expected: expected)
        case .superseded: throw WireError(.superseded, "attempt \(batch.token) is over")
        }
    }

    private static func check(_ request: RegisterRequest) throws {
        let worker = request.record
        let texts =
            [worker.worker.text, worker.name, worker.version] + worker.labels.flatMap { [$0.key, $0.value] }
            + (worker.coreVersions ?? []) + (worker.gpuDevices ?? []).flatMap { [$0.index, $0.uuid, $0.name] }
        guard texts.reduce(0, { $0 + $1.utf8.count }) <= Self.workerTexts else {
            throw WireError(
                .badRequest, "register: name, version and labels have more than \(workerTexts) bytes together")
        }
        guard worker.session.isValid, !worker.worker.text.isEmpty, (0...1024).contains(worker.slots),
            (0...65_536).contains(worker.threads), (0...1024).contains(worker.gpus), worker.labels.count <= 64,
            worker.coreVersions?.count ?? 0 <= 16, worker.gpuDevices?.count ?? 0 <= 64,
            (1...64).contains(worker.gpuShare ?? 1),
            request.key.map({ $0.utf8.count == 64 && $0.utf8.allSatisfy(Self.isHex) }) ?? true,
            texts.allSatisfy({ text in
                text.unicodeScalars.count <= 256
                    && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
            })
        else {
            throw WireError(
                .badRequest,
                "register: the session is not 32 hex digits or the key not 64, or a name, label or number is out "
                    + "of range (texts: 256 characters, none of them control characters)"
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
