import CSimulatedDisk
import Coordinator
import CoordinatorCore
import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import SweepWire

/// The coordinator's process: the real core and the real ledger, with the routes' few lines in between. It can be killed
/// at any event and starts again.
// @unchecked: one thread uses a world and all that is in it.
final class SimulatedCoordinator: @unchecked Sendable {
    /// nil: the connection broke.
    typealias Answer = (Result<Data, WireError>?) -> Void

    let world: World
    let plan: Plan
    let disk: SimulatedDisk
    let random: SeededRandom
    private let secrets: SeededRandom
    let translator = LedgerTranslator()
    private(set) var ledger: Ledger?
    private(set) var core: CoordinatorCore?
    var waiting: [ReplyID: (CoordinatorReply) -> Void] = [:]
    /// Every request not answered yet, to be broken when the process dies.
    var open: [UInt64: Answer] = [:]
    var lastReply: UInt64 = 0
    var life = 0
    private var isCommitComing = false
    private var outcomes: [() -> Void] = []
    private var fatal: LedgerError?
    private(set) var pausedUntil: Int64 = 0
    private(set) var starts = 0
    /// The newest event of the ledger at each start.
    private(set) var startEvents: [Int] = []
    private var lastTick: Int64 = 0
    /// Requests that were answered, to be sent again at the end.
    var history: [Asked] = []
    var tokens: TokenBook?
    private(set) var sessions = WorkerSessionBook()
    static let scopes = Dictionary(uniqueKeysWithValues: Route.all.map { ($0.name, $0.scopes) })

    struct Asked {
        let name: String
        let parameters: [String: String]
        let body: Data
        let badge: Badge
    }

    /// One thing that is about to be done to a ledger; it may be done to any other in the same state. The completion hears
    /// whether it was done.
    typealias Deed = (_ ledger: Ledger, _ done: @escaping (Bool) -> Void) -> Void
    /// Hears of every deed before it is done.
    var witness: ((_ name: String, _ deed: @escaping Deed) -> Void)?
    private var inspector: LedgerInspector?
    /// Attempts granted by an exchange: sent again, it must grant the same.
    var granted: [SessionID: [UInt64: [AttemptToken]]] = [:]
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

    var folder: String { disk.root + "/data" }
    var isUp: Bool { core != nil }

    init(_ world: World, _ plan: Plan) {
        self.world = world
        self.plan = plan
        disk = SimulatedDisk(number: 0, seed: world.seed ^ 0xD15C)
        random = world.random("coordinator")
        secrets = world.random("secrets")
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
        guard core == nil else { return }
        life += 1
        fatal = nil
        do {
            let ledger = try Ledger(
                folder: folder, time: world, random: secrets, files: disk, isStepped: true,
                checkpointBytes: checkpointBytes, onFatal: { [weak self] error in self?.fatal = error })
            let settings = CoordinatorSettings(
                ledger: ledger.id, epoch: ledger.epoch, lease: .seconds(plan.leaseSeconds))
            let book = TokenBook(time: world)
            book.replace(try badges(ledger))
            let start = try ledger.snapshotNow(at: world.wall())
            let newest = try inspect { try $0.rows("SELECT coalesce(max(id), 0) FROM event")[0][0].int }
            self.ledger = ledger
            tokens = book
            sessions = WorkerSessionBook(try ledger.sessionOwnersNow())
            core = CoordinatorCore(settings: settings, start: start, now: world.monotonic())
            starts += 1
            leases?.started()
            trials.started()
            started?(ledger.epoch)
            startEvents.append(newest)
            world.trace("coordinator starts, epoch \(ledger.epoch)")
            lastTick = world.now
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
        guard core != nil else { return }
        if let keep { disk.powerCut(keep: keep) } else { disk.processGone() }
        gone()
        world.after(restart) { [weak self] in self?.start() }
    }

    private func gone() {
        world.trace("coordinator gone")
        core = nil
        inspector = nil
        ledger = nil
        waiting = [:]
        outcomes = []
        isCommitComing = false
        life += 1
        pausedUntil = 0
        aside = []
        let broken = open.sorted { $0.key < $1.key }
        open = [:]
        for (_, answer) in broken { answer(nil) }
    }

    /// The world ends.
    func vanish() {
        disk.processGone()
        life += 1
        core = nil
        inspector = nil
        witness = nil
        waiting = [:]
        outcomes = []
        open = [:]
        ledger = nil
    }

    func pause(seconds: Double) {
        let end = max(pausedUntil, world.now + Int64(seconds * 1e9))
        leases?.stalled(from: max(world.now, pausedUntil), to: end)
        pausedUntil = end
    }

    /// A backup is put in the ledger's place.
    ///
    /// - Returns: the new epoch.
    func restore(_ backup: String) throws -> Int {
        disk.processGone()
        gone()
        granted = [:]
        startEvents = []
        let result = try Ledger.restore(backup: backup, to: folder, now: world.wall(), random: secrets, files: disk)
        disk.processGone()
        world.trace("restored; epoch \(result.epoch)")
        world.after(.seconds(2)) { [weak self] in self?.start() }
        return result.epoch
    }

    private func tick(_ life: Int) {
        guard life == self.life, core != nil else { return }
        if pausedUntil > world.now {
            world.after(.nanoseconds(pausedUntil - world.now)) { [weak self] in self?.tick(life) }
            return
        }
        tell(.tick)
        world.after(.seconds(1)) { [weak self] in self?.tick(life) }
    }

    // MARK: Events and commits

    func tell(_ event: CoordinatorEvent) {
        guard core != nil, let ledger else { return }
        let now =
            Mutant.isOn("deadline-from-wall-clock")
            ? MonotonicTime(nanoseconds: world.wall().milliseconds &* 1_000_000) : world.monotonic()
        if let core { leases?.heard(event, core) }
        let effects = core?.handle(event, now: now) ?? []
        for effect in effects {
            switch effect {
            case .commit(let id, let command):
                trials.asked(id, command)
                if case .expire(let tokens) = command { leases?.expire(tokens) }
                if let witness {
                    let now = world.wall()
                    witness("\(command)".prefix { $0 != "(" }.description) { [translator] ledger, done in
                        // Unsafe by hand: a stepped ledger answers on this thread.
                        nonisolated(unsafe) let done = done
                        translator.submit(command, to: ledger, now: now) { outcome in
                            // Whether it was done is all the witness asks; an error is "no".
                            done((try? outcome()) != nil)
                        }
                    }
                }
                translator.submit(command, to: ledger, now: world.wall()) { [weak self] outcome in
                    self?.outcomes.append { [weak self] in
                        do {
                            let outcome = try outcome()
                            self?.trials.committed(id, outcome)
                            self?.tell(.committed(id, outcome))
                        } catch {
                            self?.tell(.refused(id, WireError.from(error)))
                        }
                    }
                }
                commitSoon()
            case .reply(let id, let reply):
                leases?.replied(reply)
                waiting.removeValue(forKey: id)?(reply)
            case .log(let text): world.trace("coordinator: \(text)")
            }
        }
    }

    func perform<Verb: LedgerVerb>(
        _ verb: Verb, _ priority: LedgerWriter.Priority = .control,
        _ done: @escaping (Result<Verb.Outcome, any Error>) -> Void
    ) {
        witness?("\(Verb.self)") { ledger, done in
            // Unsafe by hand: a stepped ledger answers on this thread.
            nonisolated(unsafe) let done = done
            ledger.writer.submit(verb, priority) { result in
                if case .success = result { done(true) } else { done(false) }
            }
        }
        // Unsafe by hand: the completion is called in `step`, on this thread.
        nonisolated(unsafe) let done = done
        ledger?.writer.submit(verb, priority) { [weak self] result in self?.outcomes.append { done(result) } }
        commitSoon()
    }

    private func commitSoon() {
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
