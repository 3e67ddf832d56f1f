import Logging
import Ports
import SweepClient
package import SweepModel
import SweepWire
import Synchronization
import WorkerCore

/// One run of the worker: feeds what happens to the core, and does what it says. It touches the machine and
/// the network only through its ports, and starts no task outside of its own: so the simulator runs it too,
/// on one thread.
package final class WorkerSession: Sendable {
    /// What belongs to one attempt held.
    struct Held: Sendable {
        let place: AttemptPlace
        let points: PointSpool
        let reports: ReportSpool
        let anchor: AttemptAnchor
        let began: MonotonicTime
        /// nil for an attempt of an earlier run, or one that never began.
        var runner: (any AttemptRunning)?
        /// Open when the runner has ended.
        var ending: Gate?
        /// Its folder is being removed: nothing is to be done for it any more.
        var isLeaving = false
    }

    let configuration: WorkerConfiguration
    let ports: WorkerPorts
    let held = Mutex<[AttemptToken: Held]>([:])
    /// Attempts that were granted and have no runner yet, as while a full disk is waited out, and whether
    /// each is still wanted: what says otherwise may come first. Taken inside `held` where both are needed.
    let starts = Mutex<[AttemptToken: Bool]>([:])
    /// The newest one, as it was registered.
    let session = Mutex<SessionID?>(nil)
    /// When to look whether the coordinator is of another build, and how long after that again: once a lease.
    let buildLook = Mutex<(next: MonotonicTime, pause: Duration)>((.zero, .seconds(60)))
    let exchanges: ExchangeCalls
    let spares: SpareFolders
    let events: AsyncStream<WorkerEvent>
    let emit: @Sendable (WorkerEvent) -> Void
    private let endEvents: @Sendable () -> Void
    /// Why the worker cannot go on.
    private let failure = Mutex<(any Error)?>(nil)

    var logger: Logger { configuration.logger }
    var time: any TimeSource { configuration.time }
    var folder: WorkFolder { ports.folder }
    var files: any FileStore { ports.files }
    var client: any CoordinatorCalls { ports.client }
    private var name: String { configuration.name ?? ports.machine.name }

    package init(_ configuration: WorkerConfiguration, _ ports: WorkerPorts) {
        self.configuration = configuration
        self.ports = ports
        exchanges = ExchangeCalls(ports.client)
        spares = SpareFolders(folder: ports.folder.spares, files: ports.files)
        let (stream, continuation) = AsyncStream.makeStream(of: WorkerEvent.self)
        events = stream
        emit = { continuation.yield($0) }
        endEvents = { continuation.finish() }
    }

    /// Runs until `stop` is requested and everything is handed in, as far as the coordinator can be reached.
    ///
    /// - Throws: ``WorkerError``, `PortsError`, or the `ClientError` of a refusal that repeating would not
    ///   change.
    package func run(stop: StopSignal) async throws {
        let places = "coordinator \(client.address), work folder \(folder.path)"
        let gpus = configuration.gpus.isEmpty ? "" : ", GPUs \(configuration.gpus.text)"
        logger.info("worker \(name) (\(folder.worker.prefix(8))): \(configuration.slots) slots\(gpus), \(places)")
        let started = time.monotonic()
        try await ports.trainers.begin()
        try spares.clear()
        try recoverAttempts()
        let emit = emit
        stop.listen { emit(.stopRequested) }
        emit(.begin)
        do {
            try await decide(from: started)
        } catch {
            await ports.trainers.end()
            throw error
        }
        await sayGoodbye()
        await ports.trainers.end()
        logger.info("worker \(name) stopped")
    }

    /// The newest session that the coordinator knows of.
    package var registered: SessionID? { session.withLock { $0 } }

    /// Attempts whose folders are here and stay.
    package var heldAttempts: [AttemptToken] { held.withLock { $0.filter { !$0.value.isLeaving }.map(\.key) } }

    private func decide(from started: MonotonicTime) async throws {
        var settings = WorkerSettings(
            slots: configuration.slots, gpus: configuration.gpus, gpuShare: configuration.gpuShare,
            farewell: configuration.leaving.farewell)
        let leaving = configuration.leaving
        settings.exitWhenIdle = leaving.whenIdle
        settings.end = leaving.after.map { started + $0 }
        settings.leave = leaving.after.map { started + ($0 - min(leaving.margin, $0 / 10)) }
        var core = WorkerCore(settings: settings, random: configuration.random)
        // Discarding: an ordinary group keeps every ended task until somebody asks for its result, which for
        // a worker that runs for weeks is a leak.
        try await withThrowingDiscardingTaskGroup { group in
            defer { group.cancelAll() }
            group.addTask { await self.watchDisk() }
            for await event in events {
                var turn = [event]
                while !turn.isEmpty {
                    let event = turn.removeFirst()
                    let effects = core.handle(event, now: time.monotonic())
                    ports.watch?(event, effects)
                    var brief: [WorkerEffect] = []
                    for effect in effects {
                        if effect == .finish { return }
                        if case .run(let grant, _) = effect { starts.withLock { $0[grant.token] = true } }
                        if let spooled = spooledNow(effect) {
                            turn.append(spooled)
                        } else if isBrief(effect) {
                            brief.append(effect)
                        } else {
                            group.addTask { await self.performOrFail(effect) }
                        }
                    }
                    guard !brief.isEmpty else { continue }
                    group.addTask { [brief] in for effect in brief { await self.performOrFail(effect) } }
                }
            }
            try Task.checkCancellation()
            if let error = failure.withLock({ $0 }) { throw error }
        }
    }

    /// The end of a short attempt does not wait for the disk: it is spooled, and heard of, in the same turn.
    ///
    /// - Returns: nil for all else, and where it could not be written: a task of its own waits for space.
    private func spooledNow(_ effect: WorkerEffect) -> WorkerEvent? {
        guard case .spool(let token, let body) = effect, let entry = attempt(token), isShort(entry),
            let report = try? entry.reports.append(Report(token: token, body), isDurable: false)
        else { return nil }
        return .reportSpooled(token, report)
    }

    /// What waits for nothing and needs no space: the ends of many attempts are one task.
    private func isBrief(_ effect: WorkerEffect) -> Bool {
        switch effect {
        case .settle: true
        case .discard(let token): held.withLock { $0[token]?.ending?.isOpen ?? false }
        default: false
        }
    }

    /// A full disk is waited out: what the effect wanted is done once there is space.
    private func performOrFail(_ effect: WorkerEffect) async {
        var isWaiting = false
        let token = effect.attempt
        let wasHeld = token.map { token in held.withLock { $0[token] != nil } } ?? false
        while true {
            do {
                try await perform(effect)
                return
            } catch is CancellationError {
                return
            } catch let error as PortsError where error.code == .diskFull {
                if !isWaiting { logger.warning("\(error.message); this worker waits") }
                Faults.reach("worker.waits-for-space")
                isWaiting = true
                do {
                    try await time.sleep(for: DiskWatch.pace)
                } catch {
                    return  // stopping: what is in the spool already is sent at the next start
                }
            } catch {
                // Effects run side by side: this attempt was discarded and its files went away under the
                // effect.
                if wasHeld, let token, attempt(token) == nil {
                    return logger.debug("attempt \(token) is discarded: \(error)")
                }
                return fail(error)
            }
        }
    }

    private func fail(_ error: any Error) {
        failure.withLock { $0 = $0 ?? error }
        endEvents()
    }

    private func watchDisk() async {
        do {
            try await tellOfDisk()
        } catch is CancellationError {
            return  // the worker ends
        } catch {
            fail(error)
        }
    }

    /// Tells the core while the disk is nearly full, and people what to do.
    private func tellOfDisk() async throws {
        let watch = DiskWatch(folder: folder.path, files: files)
        var last = DiskWatch.Level.enough
        while !Task.isCancelled {
            let (level, space) = try watch.level()
            if level != last {
                emit(.diskChanged(isLow: level < .enough))
                let free = "\(folder.path): \(space.free >> 10) KiB free of \(space.total >> 10) KiB"
                switch level {
                case .full: logger.warning("\(free); trainers are held, free some space there")
                case .low: logger.warning("\(free); no new jobs are taken, free some space there")
                case .enough: logger.info("\(free); enough again")
                }
                last = level
            }
            try await time.sleep(for: ports.spacePace)
        }
    }

    /// nil too for one that is being discarded.
    func attempt(_ token: AttemptToken) -> Held? { held.withLock { $0[token].flatMap { $0.isLeaving ? nil : $0 } } }
}
