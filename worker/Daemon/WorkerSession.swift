import Foundation
import Glibc
import Logging
import Ports
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import WorkerCore

/// One run of the worker: feeds what happens to the core, and does what it says.
final class WorkerSession: Sendable {
    /// What belongs to one attempt held.
    struct Held: Sendable {
        let place: AttemptPlace
        let points: PointSpool
        let reports: ReportSpool
        /// nil for an attempt of an earlier run, or one that never began.
        var runner: AttemptRunner?
        /// Ends when the runner has.
        var running: Task<Void, Never>?
        /// Its folder is being removed: nothing is to be done for it any more.
        var isLeaving = false
    }

    let configuration: WorkerConfiguration
    let folder: WorkFolder
    let client: SweepClient
    /// A client of its own: a heartbeat never waits behind an upload.
    let heart: SweepClient
    let guards: GuardKeeper
    let maker: AttemptFolderMaker
    let files: any FileStore = DiskFiles()
    let held = Mutex<[AttemptToken: Held]>([:])
    /// Attempts that were granted and have no runner yet, as while a full disk is waited out, and whether each is still
    /// wanted: what says otherwise may come first. Taken inside `held` where both are needed.
    let starts = Mutex<[AttemptToken: Bool]>([:])
    /// The newest one, as it was registered.
    let session = Mutex<SessionID?>(nil)
    let events: AsyncStream<WorkerEvent>
    let emit: @Sendable (WorkerEvent) -> Void
    private let endEvents: @Sendable () -> Void
    /// Why the worker cannot go on.
    private let failure = Mutex<(any Error)?>(nil)

    var logger: Logger { configuration.logger }
    var time: any TimeSource { configuration.time }

    /// Takes the work folder.
    init(_ configuration: WorkerConfiguration) throws {
        self.configuration = configuration
        folder = try WorkFolder.open(configuration.work, random: configuration.random)
        client = SweepClient(configuration.client, time: configuration.time, random: configuration.random)
        heart = SweepClient(configuration.client, time: configuration.time, random: configuration.random)
        guards = GuardKeeper(record: folder.guardRecord, logger: configuration.logger)
        let blobs = BlobCache(folder: folder.blobs, client: client)
        let inputs = InputStore(
            folder: folder, client: client, places: configuration.inputs.map(Self.canonical), blobs: blobs, files: files
        )
        maker = AttemptFolderMaker(configuration: configuration, inputs: inputs, blobs: blobs, files: files)
        let (stream, continuation) = AsyncStream.makeStream(of: WorkerEvent.self)
        events = stream
        emit = { continuation.yield($0) }
        endEvents = { continuation.finish() }
    }

    func run(stop: StopSignal) async throws {
        let name = configuration.name ?? Self.hostName()
        logger.info(
            "worker \(name) (\(folder.worker.prefix(8))): \(configuration.slots) slots, coordinator \(configuration.client.coordinator), work folder \(folder.path)"
        )
        let (folder, files) = (folder, files)
        // The patience covers the grace a trainer has by default, and then some.
        try await BlockingWork.run { try Leftovers.end(folder, files: files, patience: .seconds(40)) }
        _ = try await guards.current()
        try await recoverAttempts()
        let emit = emit
        stop.listen { emit(.stopRequested) }
        emit(.begin)
        do {
            try await decide()
        } catch {
            await guards.close()
            throw error
        }
        await sayGoodbye()
        await guards.close()
        logger.info("worker \(name) stopped")
    }

    private func decide() async throws {
        var core = WorkerCore(settings: WorkerSettings(slots: configuration.slots), random: configuration.random)
        // Discarding: an ordinary group keeps every ended task until somebody asks for its result, which for a worker that
        // runs for weeks is a leak.
        try await withThrowingDiscardingTaskGroup { group in
            defer { group.cancelAll() }
            group.addTask { await self.watchDisk() }
            for await event in events {
                for effect in core.handle(event, now: time.monotonic()) {
                    if effect == .finish { return }
                    if case .run(let grant) = effect { starts.withLock { $0[grant.token] = true } }
                    group.addTask { await self.performOrFail(effect) }
                }
            }
            try Task.checkCancellation()
            if let error = failure.withLock({ $0 }) { throw error }
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
                isWaiting = true
                do {
                    try await time.sleep(for: DiskWatch.pace)
                } catch {
                    return  // stopping: what is in the spool already is sent at the next start
                }
            } catch {
                // Effects run side by side: this attempt was discarded and its files went away under the effect.
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
            try await time.sleep(for: DiskWatch.pace)
        }
    }

    /// nil too for one that is being discarded.
    func attempt(_ token: AttemptToken) -> Held? { held.withLock { $0[token].flatMap { $0.isLeaving ? nil : $0 } } }

    /// The one name of a folder, once: below it paths are compared. One that is not there yet keeps its name.
    private static func canonical(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "worker" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
