import Ports

/// One process of a simulated machine. Its tasks run on the world's thread, in the order in which they became
/// ready.
///
/// A stopped one (SIGSTOP) runs nothing until it goes on. A killed one only unwinds: whatever it still waits
/// for or asks of its disk or the network fails at once, so that its tasks end and nothing of it stays in
/// memory.
// @unchecked: one thread uses a world and all that is in it.
final class SimulatedProcess: TaskExecutor, @unchecked Sendable {
    private let world: World
    private(set) var isAlive = true
    /// No task runs before.
    private(set) var pausedUntil: Int64 = 0
    private var jobs: [UnownedJob] = []
    private var isWaking = false
    private var lastWait: UInt64 = 0
    /// Breaks off each wait that is under way.
    private var waits: [UInt64: () -> Void] = [:]
    private var tasks: [Task<Void, Never>] = []

    init(_ world: World) { self.world = world }

    func start(_ body: @escaping @Sendable () async -> Void) {
        guard isAlive else { return }
        tasks.append(Task(executorPreference: self) { await body() })
    }

    func pause(until time: Int64) { pausedUntil = max(pausedUntil, time) }

    /// SIGKILL.
    func kill() {
        guard isAlive else { return }
        isAlive = false
        for task in tasks { task.cancel() }
        tasks = []
        for wait in waits.sorted(by: { $0.key < $1.key }) { waits.removeValue(forKey: wait.key)?() }
        world.isReady(self)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.append(UnownedJob(job))
        world.isReady(self)
    }

    /// Runs what is ready, and what becomes ready by it.
    func runJobs() {
        var next = 0
        while next < jobs.count {
            if isAlive, pausedUntil > world.now {
                jobs.removeFirst(next)
                return wakeLater()
            }
            next += 1
            jobs[next - 1].runSynchronously(on: asUnownedTaskExecutor())
        }
        jobs = []
    }

    private func wakeLater() {
        guard !isWaking else { return }
        isWaking = true
        world.after(.nanoseconds(pausedUntil - world.now)) { [weak self] in
            guard let self else { return }
            isWaking = false
            world.isReady(self)
        }
    }

    /// Waits until `resume` is called.
    ///
    /// - Throws: what `resume` was given, or `CancellationError` when the task is cancelled or the process
    ///   killed.
    func wait<Value: Sendable>(
        _ begin: (_ resume: @escaping (Result<Value, any Error>) -> Void) -> Void
    ) async throws -> Value {
        lastWait += 1
        let id = lastWait
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                guard isAlive, !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                waits[id] = { continuation.resume(throwing: CancellationError()) }
                begin { [weak self] result in
                    guard self?.waits.removeValue(forKey: id) != nil else { return }
                    continuation.resume(with: result)
                }
            }
        } onCancel: {
            waits.removeValue(forKey: id)?()
        }
    }
}

/// The world's clocks, as a process sees them.
struct ProcessTime: TimeSource {
    let world: World
    let process: SimulatedProcess

    func monotonic() -> MonotonicTime { world.monotonic() }
    func wall() -> WallTime { world.wall() }

    func sleep(for duration: Duration) async throws {
        try await process.wait { resume in world.after(duration) { resume(.success(())) } }
    }
}

/// A disk in the hands of a process: after its end nothing is done any more.
struct ProcessDisk: FileStore {
    let disk: SimulatedDisk
    let process: SimulatedProcess

    private func live() throws -> SimulatedDisk {
        guard process.isAlive else { throw CancellationError() }
        return disk
    }

    func open(reading path: String) throws -> any StoredFile { try live().open(reading: path) }
    func open(writing path: String, truncate: Bool, mode: UInt32) throws -> any StoredFile {
        try live().open(writing: path, truncate: truncate, mode: mode)
    }
    func makeSingleFolder(_ path: String, mode: UInt32) throws -> Bool {
        try live().makeSingleFolder(path, mode: mode)
    }
    func rename(_ path: String, to target: String) throws { try live().rename(path, to: target) }
    func synchronizeFolder(_ path: String) throws { try live().synchronizeFolder(path) }
    func link(_ path: String, as target: String) throws { try live().link(path, as: target) }
    func remove(_ path: String) throws { try live().remove(path) }
    func list(_ path: String) throws -> [String] { try live().list(path) }
    func canonical(_ path: String) throws -> String { try live().canonical(path) }
    func information(_ path: String) throws -> FileInformation? { try live().information(path) }
    func space(at path: String) throws -> DiskSpace { try live().space(at: path) }
    func lock(_ path: String) throws -> (any Sendable)? { try live().lock(path) }
    func temporaryName(for path: String) -> String { disk.temporaryName(for: path) }
}
