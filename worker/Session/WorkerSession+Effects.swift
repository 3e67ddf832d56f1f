import Foundation
import Glibc
import Logging
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import WorkerCore

extension WorkerEffect {
    /// The attempt whose files it works on; nil where a failure is the worker's own.
    var attempt: AttemptToken? {
        switch self {
        case .spool(let token, _), .sendMetrics(let token, _, _), .passOver(let token, _), .upload(let token, _),
            .trimPoints(let token, _),
            .settle(let token, _), .discard(let token):
            token
        default: nil
        }
    }
}

extension WorkerSession {
    /// Most points in one metric batch, about.
    private static let batchPoints = 16384
    /// An attempt of less is not waited for by the disk.
    private static let shortAttempt: Duration = .seconds(1)
    /// Tries of an upload that a coordinator answers with an error of its own.
    private static let uploadTries = 12

    func perform(_ effect: WorkerEffect) async throws {
        switch effect {
        case .register: try await register()
        case .exchange(let request): try await exchange(request)
        case .heartbeat(let request): await heartbeat(request)
        case .run(let grant, let gpus): try await run(grant, gpus)
        // Also where it is being discarded: that waits for the runner's end.
        case .stop(let token): await runner(toEnd: token)?.stop()
        case .finishAttempt(let token): await held.withLock({ $0[token]?.runner })?.finish()
        case .kill(let token): runner(toEnd: token)?.kill()
        case .spool(let token, let body):
            let entry = try hold(token)
            let report = try entry.reports.append(Report(token: token, body), isDurable: !isShort(entry))
            emit(.reportSpooled(token, report))
        case .sendMetrics(let token, let first, let limit): try await sendMetrics(token, from: first, limit: limit)
        case .passOver(let token, let point): try await sendMetrics(token, from: point, limit: 0)
        case .upload(let token, let number): try await upload(token, number)
        case .trimPoints(let token, let number): try attempt(token)?.points.trim(below: number)
        case .settle(let token, let number):
            guard let entry = attempt(token) else { return }
            if !(try entry.reports.settle(number)) { entry.runner?.logSettled() }
        case .discard(let token): try await discard(token)
        case .wake(let due):
            let wait = due - time.monotonic()
            if wait > .zero { try await time.sleep(for: wait) }
            emit(.tick)
        case .log(let line):
            switch line.level {
            case .info: logger.info("\(line.text)")
            case .warning: logger.warning("\(line.text)")
            }
        case .finish: break
        }
    }

    /// A short attempt that left nothing else is made again after a power cut: cheaper than its syncs.
    func isShort(_ entry: Held) -> Bool {
        !entry.anchor.isHeld && time.monotonic() - entry.began < Self.shortAttempt
    }

    private func register() async throws {
        let session = SessionID(rawValue: configuration.random.hexadecimal(bytes: 16))
        let machine = ports.machine
        let request = RegisterRequest(
            WorkerRecord(
                worker: WorkerID(folder.worker), name: configuration.name ?? machine.name, session: session,
                slots: configuration.slots,
                threads: configuration.threads ?? max(1, machine.cores / configuration.slots),
                labels: configuration.labels, gpus: configuration.gpus.count, memory: machine.memory,
                version: configuration.version, coreVersions: CoreVersions.supported,
                gpuDevices: configuration.gpus, gpuShare: configuration.gpuShare), key: folder.key)
        let response = try await insist("registering", isSilent: false) {
            try await self.client.call(.register, request, retry: .never)
        }
        logger.info("registered; lease \(response.leaseSeconds) s, \(response.leftovers.count) attempts left over")
        if let program = response.program, program != configuration.version {
            let text =
                "this worker is radiata \(configuration.version), the coordinator is \(program); both speak protocol "
                + "\(ProtocolVersion.current), so work goes on; start this worker with --self-update to take the "
                + "coordinator's, or install it when there is time"
            if configuration.update == nil { logger.warning("\(text)") }
        }
        self.session.withLock { $0 = session }
        emit(.registered(session, response))
        buildLook.withLock { $0 = (.zero, .seconds(response.leaseSeconds)) }
        await lookForBuild()
    }

    /// Takes another build of the coordinator's beside the work; then the trainers save their states and the
    /// jobs go back. Asked again and again: a coordinator that was replaced knows this worker's session
    /// still, and its silence in between may go unnoticed.
    private func lookForBuild() async {
        guard let update = configuration.update else { return }
        let now = time.monotonic()
        let looks = buildLook.withLock { look in
            guard now >= look.next else { return false }
            look.next = now + look.pause
            return true
        }
        if looks, await update.take(from: client) { emit(.stopRequested) }
    }

    /// Tells the coordinator that this worker stops, once: who does not hear it finds out by the silence.
    func sayGoodbye() async {
        guard let session = session.withLock({ $0 }) else { return }
        do {
            _ = try await ports.heart.call(
                .goodbye, GoodbyeRequest(session: session), retry: .never, timeLimit: .seconds(3))
        } catch {
            logger.debug("goodbye: \(error)")
        }
    }

    private func exchange(_ request: ExchangeRequest) async throws {
        do {
            let response = try await insist("an exchange") { try await self.exchanges.send(request) }
            Faults.reach("worker.exchanged")
            emit(.exchanged(request.session, response))
        } catch let error as ClientError where error.code == .refused(.unknownSession) {
            emit(.sessionLost(request.session))
        } catch let error as ClientError where error.isOfRequest {
            emit(.exchangeRefused(request.session, number: request.number, message: error.message))
        }
    }

    private func heartbeat(_ request: HeartbeatRequest) async {
        do {
            let response = try await ports.heart.call(.heartbeat, request, retry: .never, timeLimit: .seconds(10))
            emit(.heartbeatAnswered(request.session, attempts: request.attempts.map(\.token), response))
            await lookForBuild()
        } catch let error as ClientError where error.code == .refused(.unknownSession) {
            emit(.sessionLost(request.session))
        } catch {
            logger.debug("heartbeat: \(error)")
            let isRefused = (error as? ClientError)?.answer != nil
            emit(.heartbeatFailed(request.session, isRefused: isRefused))
        }
    }

    /// Who runs an attempt that is to end; where nobody does yet, nobody will.
    private func runner(toEnd token: AttemptToken) -> (any AttemptRunning)? {
        held.withLock { held in
            if let runner = held[token]?.runner { return runner }
            _ = withdraw(token)
            return nil
        }
    }

    /// - Returns: whether it was still to begin.
    private func withdraw(_ token: AttemptToken) -> Bool {
        starts.withLock { starts in
            guard starts[token] != nil else { return false }
            starts[token] = false
            return true
        }
    }

    private func run(_ grant: Grant, _ positions: [Int]) async throws {
        guard starts.withLock({ $0[grant.token] }) == true else { return try abandon(grant.token) }
        let place = folder.attempt(grant.token)
        // An attempt number is never used again, so whatever lies here is of no use.
        try files.remove(place.path)
        // Not waited for: the attempt's anchor does that, once there is something to lose.
        let text = try grant.text.bytes ?? Array(try WireJSON.encode(grant))
        if try !spares.take(place, grant: text) {
            try files.makeUnsyncedFolder(place.path, mode: 0o700)
            try files.write(text, over: place.grant, mode: 0o600)
            try files.makeUnsyncedFolder(place.spool)
        }
        let gpus = positions.map { configuration.gpus[$0] }
        let entry = try hold(grant.token, madeAt: place)
        let runner = ports.trainers.runner(
            grant, at: place, gpus: gpus, points: entry.points, reports: entry.reports, emit: emit)
        let from = grant.resume.map { ", from step \($0.step)" } ?? ""
        let on = gpus.isEmpty ? "" : ", on GPU \(gpus.map(\.index).joined(separator: ","))"
        logger.info("job \(grant.token) of \(grant.job.sweep)\(from)\(on)")
        let ending = Gate()
        let isBegun = held.withLock { held -> Bool in
            guard starts.withLock({ $0[grant.token] }) == true else { return false }
            starts.withLock { $0[grant.token] = nil }
            held[grant.token]?.runner = runner
            held[grant.token]?.ending = ending
            return true
        }
        guard isBegun else { return try abandon(grant.token) }
        await withTaskCancellationHandler {
            await runner.run()
        } onCancel: {
            runner.kill()
        }
        ending.open()
    }

    /// Its end came before its beginning: nothing was run, nothing is left.
    private func abandon(_ token: AttemptToken) throws {
        try files.remove(folder.attempt(token).path)
        held.withLock { $0[token] = nil }
        starts.withLock { $0[token] = nil }
        logger.info("job \(token) was not begun: it was ended before")
        Faults.reach("worker.not-begun")
        emit(.ended(token, .stopped))
    }

    /// - Parameter limit: 0 for the point that says that the first is lost.
    private func sendMetrics(_ token: AttemptToken, from first: UInt64, limit: Int?) async throws {
        guard let entry = attempt(token) else { return }
        var points: [MetricPoint]
        if limit == 0 {
            points = [MetricPoint(key: MetricLimit.lostName, step: Int64(clamping: first), value: .nan)]
        } else {
            points = try entry.points.points(from: first, limit: min(limit ?? Self.batchPoints, Self.batchPoints))
            if let limit { points = Array(points.prefix(limit)) }
        }
        guard !points.isEmpty else { return emit(.metricsAnswered(token, .acknowledged(next: first))) }
        let session = session.withLock { $0 }
        let batch = MetricBatch(
            token: token, session: session, first: first, points: points)
        do {
            let answer = try await client.call(.metrics, batch, retry: .forever, timeLimit: nil)
            emit(.metricsAnswered(token, .acknowledged(next: answer.next)))
        } catch let error as ClientError {
            switch error.code {
            case .refused(.gap): emit(.metricsAnswered(token, .gap(expected: error.answer?.expected ?? 1)))
            case .refused(.superseded): emit(.metricsAnswered(token, .superseded))
            case .refused(.unknownSession):
                // Sent again from the same point in the next session.
                if let session { emit(.sessionLost(session)) }
                emit(.metricsAnswered(token, .gap(expected: first)))
            default:
                emit(.metricsAnswered(token, error.isOfRequest ? .refused(error.message) : .delayed(error.message)))
            }
        }
    }

    private func upload(_ token: AttemptToken, _ number: UInt64) async throws {
        guard let entry = attempt(token) else { return }
        do {
            let blobs = entry.reports.blobs(of: number)
            let total = blobs.reduce(0) { $0 + Int($1.size) }
            var before = 0
            for blob in blobs {
                let sent = before
                try await insist("an upload", atMost: Self.uploadTries) {
                    try await self.client.upload(
                        .file(blob.path), digest: blob.sha256, size: blob.size, in: self.files, retry: .forever
                    ) { done in
                        let extent = ProgressExtent(done: sent + Int(done), total: total, unit: "bytes")
                        self.emit(.progress(token, phase: "uploading", step: nil, extent: extent))
                    }
                }
                before += Int(blob.size)
            }
            Faults.reach("worker.uploaded")
            emit(.uploaded(token, report: number))
        } catch let error as CancellationError {
            throw error
        } catch let error as ClientError where error.code == .local {
            // Written to after it was spooled: what was taken is nowhere any more.
            emit(.uploadVoid(token, report: number, message: error.message))
        } catch {
            // A superseded attempt's files go away under its uploads; nobody asks for them any more.
            emit(.uploadFailed(token, report: number, message: "\(error)"))
        }
    }

    private func discard(_ token: AttemptToken) async throws {
        let found = held.withLock { held -> Held? in
            // One that was still to begin cleans up by itself.
            if withdraw(token) { return nil }
            held[token]?.isLeaving = true
            return held[token]
        }
        guard let entry = found else { return }
        await entry.ending?.wait()
        try spares.giveBack(
            entry.place, isShort: entry.runner != nil && isShort(entry),
            leftNothing: entry.runner?.leftNothing ?? false)
        held.withLock { $0[token] = nil }
        Faults.reach("worker.discarded")
    }

    /// The attempt's spools, opened or made.
    ///
    /// - Parameter made: its folder, where that was just made, with one for the spools.
    func hold(_ token: AttemptToken, madeAt made: AttemptPlace? = nil) throws -> Held {
        if let entry = held.withLock({ $0[token] }) {
            guard !entry.isLeaving else { throw WorkerError(.workFolder, "attempt \(token) is being discarded") }
            return entry
        }
        let (place, isNew) = (made ?? folder.attempt(token), made != nil)
        let logger = logger
        let anchor = AttemptAnchor(folder: place.path, grant: place.grant, files: files)
        let entry = Held(
            place: place,
            points: try PointSpool(
                folder: place.spool, files: files, segmentBytes: ports.segmentBytes, anchor: anchor, isNew: isNew),
            reports: try ReportSpool(folder: place.spool, files: files, anchor: anchor, token: token, isNew: isNew) {
                logger.warning("passed over \($0)")
            }, anchor: anchor, began: time.monotonic())
        return held.withLock { held in
            if let other = held[token] { return other }
            held[token] = entry
            return entry
        }
    }
}
