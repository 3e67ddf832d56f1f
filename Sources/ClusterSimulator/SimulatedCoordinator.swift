import CSimulatedDisk
import CoordinatorCore
import CoordinatorOperations
import Foundation
import Logging
import Ports
import SweepLedger
import SweepModel
import SweepWire

/// The coordinator's process: its own operations, engine, core and ledger, on a simulated disk and network.
/// It can be killed at any event and starts again.
// @unchecked: one thread uses a world and all that is in it.
final class SimulatedCoordinator: @unchecked Sendable {
    /// nil: the connection broke.
    typealias Answer = (Result<Data, WireError>?) -> Void

    let world: World
    let plan: Plan
    let disk: SimulatedDisk
    let random: SeededRandom
    private let secrets: SeededRandom
    /// How many of those that wait are read before it answers, and at one time afterwards.
    private let starting: SeededRandom
    let translator = LedgerTranslator()
    private(set) var ledger: Ledger?
    private(set) var process: SimulatedProcess
    private(set) var operations: Operations?
    /// Every request not answered yet, to be broken when the process dies.
    var open: [UInt64: Answer] = [:]
    /// What is done when the caller of a waiting request goes away.
    var abandonments: [UInt64: @Sendable () -> Void] = [:]
    var lastRequest: UInt64 = 0
    var life = 0
    private var isCommitComing = false
    private var outcomes: [() -> Void] = []
    private var fatal: LedgerError?
    private(set) var starts = 0
    /// The newest event of the ledger at each start.
    private(set) var startEvents: [Int] = []
    /// Requests that were taken, to be sent again at the end.
    var history: [Asked] = []
    let endpoints = EndpointTable()
    static let scopes = Dictionary(uniqueKeysWithValues: Route.all.map { ($0.name, $0.scopes) })

    struct Asked {
        let name: String
        let parameters: [String: String]
        let body: Data
        let badge: Badge
    }

    /// One thing that is about to be done to a ledger; it may be done to any other in the same state. The
    /// completion hears whether it was done.
    typealias Deed = (_ ledger: Ledger, _ done: @escaping (Bool) -> Void) -> Void
    /// Hears of every deed before it is done.
    var witness: ((_ name: String, _ deed: @escaping Deed) -> Void)?
    private var inspector: LedgerInspector?
    /// Small, so that the log begins again often.
    let checkpointBytes: Int
    var isHealed = false
    /// The newest wall-clock time at which garbage was collected.
    var lastCollection = Int64.min
    /// Blobs that are being removed, or put back: for a moment they have no name.
    var aside: Set<ContentDigest> = []
    /// Hears of the ledger's epoch at every start.
    var started: ((Int) -> Void)?
    /// Sees to it that no lease ends early.
    var leases: LeaseWatch?
    /// Sees to it that no trial job comes early.
    private(set) lazy var trials = TrialWatch(world)
    private lazy var watch = CoordinatorWatch(world, leases, trials)

    var folder: String { disk.root + "/data" }
    var isUp: Bool { operations != nil }
    var pausedUntil: Int64 { isUp ? process.pausedUntil : 0 }

    init(_ world: World, _ plan: Plan) {
        self.world = world
        self.plan = plan
        disk = SimulatedDisk(number: 0, seed: world.seed ^ 0xD15C)
        random = world.random("coordinator")
        secrets = world.random("secrets")
        starting = world.random("starting")
        process = SimulatedProcess(world)
        checkpointBytes = world.random("log").pick([64, 256, 1024]) << 10
    }

    /// Looks at the ledger in ways of its own; nothing fails meanwhile.
    func inspect<Result>(_ body: (LedgerInspector) throws -> Result) throws -> Result {
        csd_suspend(disk.disk, 1)
        defer { csd_suspend(disk.disk, 0) }
        let inspector = try inspector ?? LedgerInspector(folder + "/ledger.db")
        self.inspector = inspector
        return try body(inspector)
    }

    // MARK: Life

    func start() {
        guard operations == nil else { return }
        life += 1
        fatal = nil
        do {
            let ledger = try Ledger(
                folder: folder, time: world, random: secrets, files: disk, isStepped: true,
                checkpointBytes: checkpointBytes, onFatal: { [weak self] error in self?.fatal = error })
            var settings = CoordinatorSettings(
                ledger: ledger.id, epoch: ledger.epoch, lease: .seconds(plan.leaseSeconds))
            settings.waitingPart = starting.pick([1, 2, 5])
            // In some runs a handful of workers that wait is many.
            settings.renewals = starting.pick([100, 0.05])
            let book = TokenBook(time: world)
            book.replace(try badges(ledger))
            let start = try ledger.snapshotNow(at: world.wall(), most: starting.pick([1, 3, 100]))
            let newest = try inspect { try $0.rows("SELECT coalesce(max(id), 0) FROM event")[0][0].int }
            self.ledger = ledger
            process = SimulatedProcess(world)
            let (process, log) = (process, WorldLog(world, "coordinator", process, level: .warning))
            let engine = CoordinatorEngine(
                SimulatedLedgerWork(self, ledger, process), settings: settings, start: start,
                time: ProcessTime(world: world, process: process), logger: Logger(label: "coordinator") { _ in log },
                watch: watch)
            var operations = Operations(
                engine: engine, tokens: book,
                workerSessions: WorkerSessionBook(try ledger.sessionOwnersNow()),
                gauge: DiskGauge(folder: folder) { [disk] in try disk.space(at: $0) },
                registrations: RegistrationQuota(time: world), lease: settings.lease)
            operations.launchSlice = random.pick([2, 5, 100])
            operations.mount(on: endpoints)
            self.operations = operations
            starts += 1
            leases?.started()
            trials.started()
            watch.started()
            started?(ledger.epoch)
            startEvents.append(newest)
            world.trace("coordinator starts, epoch \(ledger.epoch)")
            tick(life)
        } catch {
            world.trace("coordinator cannot start: \(error)")
            world.probe("coordinator could not start")
            disk.processGone()
            csd_heal(disk.disk)
            world.after(.seconds(5)) { [weak self] in self?.start() }
        }
    }

    /// The tokens of the ledger, made at its first start.
    private func badges(_ ledger: Ledger) throws -> [TokenRecord] {
        if try ledger.tokensNow().isEmpty {
            for badge in Badge.allCases {
                guard let record = badge.record else { continue }
                ledger.writer.submit(StoreToken(token: record)) { _ in }
                guard badge == .revoked else { continue }
                ledger.writer.submit(RevokeToken(id: record.token.id, now: world.wall())) { _ in }
            }
            while ledger.writer.step() {}
            if let fatal { throw fatal }
        }
        return try ledger.tokensNow()
    }

    /// SIGKILL. `keep`: what a power cut leaves of what was not synced; nil for no power cut.
    func kill(keep: Double? = nil, restart: Duration = .seconds(3)) {
        guard isUp else { return }
        if let keep { disk.powerCut(keep: keep) } else { disk.processGone() }
        gone()
        world.after(restart) { [weak self] in self?.start() }
    }

    private func gone() {
        world.trace("coordinator gone")
        let broken = open.sorted { $0.key < $1.key }
        vanish()
        aside = []
        for (_, answer) in broken { answer(nil) }
    }

    /// The process is gone, or the world ends.
    func vanish() {
        life += 1
        open = [:]
        abandonments = [:]
        outcomes = []
        isCommitComing = false
        inspector = nil
        ledger = nil
        process.kill()
        operations?.engine.close()
        operations = nil
        endpoints.clear()
    }

    func pause(seconds: Double) {
        let end = max(pausedUntil, world.now + Int64(seconds * 1e9))
        leases?.stalled(from: max(world.now, pausedUntil), to: end)
        process.pause(until: end)
    }

    /// A backup is put in the ledger's place.
    ///
    /// - Returns: the new epoch.
    func restore(_ backup: String) throws -> Int {
        disk.processGone()
        gone()
        watch.forget()
        startEvents = []
        let result = try Ledger.restore(backup: backup, to: folder, now: world.wall(), random: secrets, files: disk)
        disk.processGone()
        world.trace("restored; epoch \(result.epoch)")
        world.after(.seconds(2)) { [weak self] in self?.start() }
        return result.epoch
    }

    private func tick(_ life: Int) {
        guard life == self.life, let operations else { return }
        if pausedUntil > world.now {
            world.after(.nanoseconds(pausedUntil - world.now)) { [weak self] in self?.tick(life) }
            return
        }
        operations.engine.tell(.tick)
        world.after(.seconds(1)) { [weak self] in self?.tick(life) }
    }

    // MARK: Requests

    /// - Parameter answer: called once, unless the process dies first.
    /// - Returns: by which the request can be given up.
    func receive(_ request: Asked, answer: @escaping Answer) -> UInt64 {
        lastRequest += 1
        let id = lastRequest
        open[id] = answer
        process.start { [self, process] in
            guard process.isAlive, let operations else { return }
            if history.count < 4000 { history.append(request) }
            let result: Result<Data, WireError>
            do {
                let header = request.badge.text.map { "Bearer \($0)" }
                let principal = try operations.tokens.check(header, wants: Self.scopes[request.name] ?? [.admin])
                let call = Call(principal) { [self] body, gone in
                    abandonments[id] = gone
                    defer { abandonments[id] = nil }
                    return await body()
                }
                result = .success(try await endpoints.answer(request.name, request.parameters, request.body, call))
            } catch {
                let told = WireError.from(error)
                if told.code == .gap { world.probe("metric gap answered") }
                result = .failure(told)
            }
            open.removeValue(forKey: id)?(result)
        }
        return id
    }

    /// The caller has gone away.
    func abandon(_ id: UInt64) {
        guard open.removeValue(forKey: id) != nil else { return }
        abandonments.removeValue(forKey: id)?()
    }

    // MARK: Commits

    /// Something that was submitted to the ledger is to be committed soon.
    ///
    /// - Parameter delivery: called after the commit that it was part of.
    func deliver(_ delivery: @escaping () -> Void) { outcomes.append(delivery) }

    func commitSoon() {
        guard !isCommitComing else { return }
        isCommitComing = true
        var delay = Duration.microseconds(200 + random.integer(below: 800))
        if !isHealed, plan.has(.slowSync), random.chance(plan.slowness) {
            world.fault("slow-sync")
            delay = .seconds(random.between(0.1, 10))
        }
        let life = life
        world.after(delay) { [weak self] in self?.commit(life) }
    }

    private func commit(_ life: Int) {
        guard life == self.life, let ledger else { return }
        if pausedUntil > world.now {
            world.after(.nanoseconds(pausedUntil - world.now)) { [weak self] in self?.commit(life) }
            return
        }
        isCommitComing = false
        let isDoomed = !isHealed && plan.has(.killInCommit) && random.chance(0.004)
        if isDoomed, random.chance(0.3) {
            world.fault("kill-in-commit", "before")
            // In the middle: a part of what the commit writes is on its way to the disk.
            csd_fail(disk.disk, Int32(random.chance(0.5) ? CSD_WRITE : CSD_SYNC), Int64(random.integer(below: 4)), -1)
        }
        while ledger.writer.step() {}
        let ready = outcomes
        outcomes = []
        if let fatal {
            world.trace("the ledger is lost for this process: \(fatal.message)")
            world.probe("coordinator ended by an error of its disk")
            // Whatever was answered before the error was answered.
            for deliver in ready { deliver() }
            let keep: Double? = random.chance(0.5) ? random.pick([0, 0.5, 1]) : nil
            csd_heal(disk.disk)
            return kill(keep: keep)
        }
        if isDoomed {
            csd_heal(disk.disk)
            world.fault("kill-in-commit", "after")
            world.probe("killed between COMMIT and reply")
            let keep: Double? = random.chance(0.5) ? random.pick([0, 0.5, 1]) : nil
            return kill(keep: keep)
        }
        for deliver in ready where life == self.life { deliver() }
    }
}
