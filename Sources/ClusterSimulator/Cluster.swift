import CSimulatedDisk
import Foundation
import Ports
import RunSpec
import SweepClient
import SweepLedger
import SweepModel
import SweepWire

/// A whole cluster in one world: coordinator, workers, a user, and the faults of a plan.
package final class Cluster {
    package let world: World
    package let plan: Plan
    let network: Network
    let coordinator: SimulatedCoordinator
    private(set) var workers: [SimulatedWorker] = []
    private(set) lazy var shadow = Shadow(self)
    lazy var checker = Checker(self)
    let random: SeededRandom
    private let user = Peer(machine: 0, .user)
    lazy var stranger = Stranger(self)
    private var truths: [JobID: JobTruth] = [:]
    /// Polite ends of rented machines.
    var lives = 0
    /// Of these, ends that came before the coordinator had everything: it was away meanwhile.
    var cutLives = 0
    /// Seconds of training that were spent on steps that somebody had trained already, by what took the first
    /// training away.
    private(set) var repeated: [Loss: Double] = [:]
    /// Of each job, the last one.
    var losses: [JobID: Loss] = [:]
    private var furthest: [JobID: Int] = [:]
    private(set) var isHealed = false
    /// Whether it came to its end before the most events it might take.
    private(set) var isWhole = false
    var wasRestored = false
    var isOneGone = false
    /// How often the wall clock jumped.
    var jumps = 0
    /// Jobs whose sweep a user paused or canceled: what else ends their attempts is not looked at.
    private(set) var pauses: Set<String> = []
    var backup: (path: String, promises: Shadow.Promises)?
    private var launches = 0
    private var openLaunches = 0
    /// Wishes of users that are on their way; while the coordinator is away they are sent again and again.
    private var openActions = 0
    /// Of one GPU each, or none; and those of several.
    private let texts: [(name: String, text: String, gpus: Int)]
    /// Of the sweeps whose jobs all fail, and of one trainer; empty where the plan has none.
    private var brokenTexts: [String] = []

    package init(seed: UInt64, plan: Plan? = nil) {
        world = World(seed: seed)
        self.plan = plan ?? Plan(seed: seed)
        random = world.random("faults")
        network = Network(world, self.plan)
        coordinator = SimulatedCoordinator(world, self.plan)
        network.coordinator = coordinator
        coordinator.leases = LeaseWatch(world, lease: self.plan.leaseSeconds)
        texts = Self.texts(self.plan)
        if self.plan.broken > 0 {
            let seeds = (1...self.plan.broken).map(String.init).joined(separator: ", ")
            brokenTexts = (1...self.plan.brokenSweeps).map { number in
                """
                name: \(number == 1 ? "broken" : "broken-\(number)")
                seeds: [\(seeds)]
                trainer: { command: [typo, "{out}"] }
                timeout: \(self.plan.timeoutSeconds)s
                groups:
                  - list: [ { lr: \(number)e-4 } ]
                """
            }
        }
        coordinator.started = { [unowned self] in shadow.started(epoch: $0) }
        for number in 1...self.plan.workers { workers.append(SimulatedWorker(number, self)) }
    }

    /// Where jobs end early their trainer writes its adapter when it is asked to, as the core does.
    private static func deliverable(_ plan: Plan) -> String {
        guard let rule = plan.stopRule else {
            return "    - { glob: \"{out}/adapter-*\", step: \"adapter-([0-9]+)\", kind: adapter }"
        }
        return """
            stop_when:
              { metric: \(rule.metric), better: \(rule.better.rawValue), patience: \(rule.patience),
                min_delta: \(rule.minDelta), after: \(rule.after) }
            """
    }

    private static func texts(_ plan: Plan) -> [(name: String, text: String, gpus: Int)] {
        let wide = plan.wide.sorted { $0.key > $1.key }.map { gpus, jobs in
            let memory = gpus == 2 && plan.needsLargeGPUs ? ", gpu_memory: 20GB" : ""
            let more = "requires: { gpus: \(gpus)\(memory) }\npriority: \(plan.areWideUrgent ? 1 : 0)"
            let name = "simulated-\(gpus)"
            return (name, text(name, jobs: jobs, more: more, rate: gpus, plan), gpus)
        }
        return wide + [("simulated", text("simulated", jobs: plan.jobs, more: "", rate: 1, plan), 1)]
    }

    private static func text(_ name: String, jobs: Int, more: String, rate: Int, _ plan: Plan) -> String {
        let seeds = (1...jobs).map(String.init).joined(separator: ", ")
        return """
            name: \(name)
            seeds: [\(seeds)]
            \(more)
            trainer:
              command: [train, "{out}"]
              \(plan.isPrepared ? "prepare: { command: [cache, \"{lr}\"], scope: fleet }" : "")
              resume: ["{checkpoint}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              checkpoints:
                - { glob: "{out}/state-*", step: "state-([0-9]+)", kind: state }
            \(deliverable(plan))
            timeout: \(plan.timeoutSeconds)s
            groups:
              - list: [ { lr: \(rate)e-4 } ]
            """
    }

    /// Why steps are trained again.
    package enum Loss: String, CaseIterable, Sendable { case kill, cut, other }

    func trained(_ job: JobID, step: Int, seconds: Double) {
        if step <= furthest[job, default: 0] {
            repeated[losses[job] ?? .other, default: 0] += seconds
        } else {
            furthest[job] = step
        }
    }

    /// Seconds from one state to the next, on average over all jobs.
    var stateInterval: Double {
        jobIDs.reduce(0) { $0 + Double(truth($1).stateEvery) * truth($1).stepSeconds } / Double(max(1, jobIDs.count))
    }

    func truth(_ id: JobID) -> JobTruth {
        if let known = truths[id] { return known }
        let broken: JobTruth.Fate? =
            brokenIDs.contains(id) ? (plan.isBadlyConfigured ? .brokenConfig : .broken) : nil
        // What all others wait for has no fate of its own.
        let poison = preparationIDs.contains(id) ? 0 : plan.poison
        let truth = JobTruth(id, poison: poison, stretch: plan.stretch, seed: world.seed, broken: broken)
        truths[id] = truth
        return truth
    }

    /// Runs to the end. What is wrong, if anything, is in `world.violation`.
    package func run(mostEvents: Int = 1_000_000) {
        csd_seed_sqlite(world.seed)
        coordinator.start()
        launch()
        let first = world.random("broken")
        for text in brokenTexts {
            for _ in 0..<3 { world.after(.seconds(first.between(0, 900))) { [weak self] in self?.launchBroken(text) } }
        }
        for worker in workers {
            world.after(.seconds(random.between(0, 20))) { [weak worker] in worker?.start() }
        }
        for fault in Plan.Fault.allCases where plan.has(fault) { schedule(fault) }
        watch()
        let end = Int64(plan.seconds * 1e9)
        world.run(until: end, mostEvents: mostEvents)
        guard world.violation == nil else { return }
        heal()
        settle(mostEvents)
        guard world.violation == nil, world.eventCount < mostEvents else { return }
        isWhole = true
        finish()
    }

    // MARK: Users

    func launch() {
        launches += 1
        for one in texts { launch(one.name, one.text) }
    }

    private func launch(_ name: String, _ text: String) {
        let request = LaunchRequest(
            key: random.hexadecimal(bytes: 16), bundle: LaunchBundle(fileName: "\(name).yaml", text: text))
        let epoch = shadow.epoch
        openLaunches += 1
        network.insist(.launch, request, from: user) { [weak self] result in
            self?.openLaunches -= 1
            guard let self, shadow.epoch == epoch else { return }
            guard case .success(let response) = result else { return world.fail("wire", "launch: \(result)") }
            let own = members[name] ?? []
            if response.jobs != own.count {
                world.fail("I8", "\(response.jobs) jobs after \(launches) launches of \(own.count)")
            }
            if response.added == 0 { world.probe("launched again") }
            shadow.promises.launched.formUnion(own)
            shadow.promises.keys.insert(request.key)
        }
    }

    /// A script with a typo is launched, and launched again in the hope that it was the machine's fault.
    private func launchBroken(_ text: String) {
        guard !isHealed else { return }
        let request = LaunchRequest(
            key: world.random("broken \(world.now)").hexadecimal(bytes: 16),
            bundle: LaunchBundle(fileName: "broken.yaml", text: text))
        openLaunches += 1
        network.insist(.launch, request, from: user) { [weak self] result in
            self?.openLaunches -= 1
            if case .failure(let error) = result { self?.world.fail("wire", "launch of the broken sweep: \(error)") }
        }
    }

    lazy var brokenIDs: Set<JobID> = {
        do {
            let requests = brokenTexts.map {
                LaunchRequest(key: "", bundle: LaunchBundle(fileName: "broken.yaml", text: $0))
            }
            return Set(try requests.flatMap(SimulatedCoordinator.jobIDs))
        } catch {
            preconditionFailure("a broken sweep cannot be read: \(error)")
        }
    }()

    /// The jobs of each sweep that can come to its end.
    private lazy var members: [String: [JobID]] = {
        do {
            return try Dictionary(
                uniqueKeysWithValues: texts.map { name, text, _ in
                    let bundle = LaunchBundle(fileName: "\(name).yaml", text: text)
                    return (name, try SimulatedCoordinator.jobIDs(LaunchRequest(key: "", bundle: bundle)))
                })
        } catch {
            preconditionFailure("a simulated sweep cannot be read: \(error)")
        }
    }()

    lazy var jobIDs: [JobID] = texts.flatMap { members[$0.name] ?? [] }

    /// Those that others wait for.
    lazy var preparationIDs: Set<JobID> = {
        guard plan.isPrepared else { return [] }
        do {
            return Set(
                try texts.flatMap { name, text, _ in
                    let bundle = LaunchBundle(fileName: "\(name).yaml", text: text)
                    return try SimulatedCoordinator.preparationIDs(LaunchRequest(key: "", bundle: bundle))
                })
        } catch {
            preconditionFailure("a simulated sweep cannot be read: \(error)")
        }
    }()

    /// How many GPUs each job needs that needs more than one.
    lazy var wideJobs: [JobID: Int] = Dictionary(
        uniqueKeysWithValues: texts.filter { $0.gpus > 1 }.flatMap { one in
            (members[one.name] ?? []).map { ($0, one.gpus) }
        })

    func act(_ action: JobAction, _ target: String? = nil) {
        // After the end of all faults it is said again and again, and would push all else out.
        if !isHealed { world.trace("user: \(action.rawValue) \(target?.prefix(8) ?? "all")") }
        if action == .pause || action == .cancel { pauses.formUnion(jobIDs.map(\.text)) }
        for target in target.map({ [$0] }) ?? texts.map(\.name) { say(action, target) }
    }

    private func say(_ action: JobAction, _ target: String) {
        let request = ActionRequest(action: action, target: target)
        openActions += 1
        network.insist(.action, request, from: user) { [weak self] result in
            self?.openActions -= 1
            if case .failure(let error) = result, error.code != .refused(.notFound) {
                self?.world.fail("wire", "action: \(error)")
            }
        }
    }

    func setDrain(_ worker: SimulatedWorker, _ drain: Bool) {
        // A worker that has never run, or whose disk is broken now, has no identity to name.
        guard let identity = try? worker.identity() else { return }
        network.insist(.drain, DrainRequest(worker: identity, drain: drain), from: user) { _ in }
    }

    // MARK: Watching

    private func watch() {
        world.after(.seconds(plan.checkSeconds)) { [weak self] in
            guard let self else { return }
            self.checker.check()
            self.watch()
        }
    }

    // MARK: Healing

    private func heal() {
        world.trace("HEALED")
        isHealed = true
        network.isHealed = true
        coordinator.isHealed = true
        network.lostUp = []
        network.lostDown = []
        csd_heal(coordinator.disk.disk)
        csd_set_capacity(coordinator.disk.disk, -1)
        for worker in workers {
            csd_heal(worker.disk.disk)
            csd_set_capacity(worker.disk.disk, -1)
            if worker.isTwin { worker.become(nil) }
            setDrain(worker, false)
        }
        act(.unpause)
        if mustGoOn, isStopped() { act(.resume) }
        world.after(.seconds(60)) { [weak self] in self?.act(.unpause) }
        for job in jobIDs { world.after(.seconds(30)) { [weak self] in self?.act(.unpause, job.text) } }
    }

    /// I17: without faults everything comes to its end.
    private func settle(_ mostEvents: Int) {
        let work = jobIDs.reduce(0.0) { $0 + Double(truth($1).steps) * truth($1).stepSeconds * 1.3 }
        // Delayed messages of up to 10 minutes, pauses of 10 minutes, backoffs of up to 15 minutes for what
        // failed before. Each that hangs takes its slot for its whole time, once and once more.
        let timeouts = Double(3 + 2 * jobIDs.count { truth($0).fate == .hangs })
        let limit =
            world.now + Int64((work * 2 + timeouts * Double(plan.timeoutSeconds) + 2 * plan.leaseSeconds + 3600) * 1e9)
        var suspicionsLifted = world.now
        while world.violation == nil, world.now < limit {
            world.run(until: world.now + 20_000_000_000, mostEvents: mostEvents)
            if world.eventCount >= mostEvents { return }
            let open = openJobs()
            // A launch under way may bring more, and a resume may begin what has ended.
            if open.isEmpty, openLaunches == 0, openActions == 0 { return }
            if world.now - suspicionsLifted > 300_000_000_000 {
                suspicionsLifted = world.now
                // What its host or chance stopped before can do well now.
                if mustGoOn, isStopped() { act(.resume) }
                for worker in workers { setDrain(worker, false) }
                // A wish to pause may have been under way for minutes.
                act(.unpause)
                for job in jobIDs { act(.unpause, job.text) }
            }
        }
        guard world.violation == nil else { return }
        for worker in workers { world.trace(worker.summary) }
        world.fail("I17", "not ended an hour after everything was healed: \(openJobs().joined(separator: "; "))")
    }

    /// Whether nothing is wrong with the sweep itself.
    var mustGoOn: Bool { plan.poison == 0 }

    private func isStopped() -> Bool {
        guard coordinator.isUp else { return false }
        do {
            return try coordinator.inspect {
                try !$0.rows(
                    "SELECT 1 FROM sweep_stop p JOIN sweep s ON s.id = p.sweep WHERE s.name LIKE 'simulated%'"
                ).isEmpty
            }
        } catch {
            return false  // looked at again soon
        }
    }

    private func openJobs() -> [String] {
        guard coordinator.isUp else { return ["the coordinator is down"] }
        do {
            return try coordinator.inspect { ledger in
                try ledger.rows(
                    """
                    SELECT substr(identity, 1, 8), state, attempt, coalesce(failure, ''), coalesce(stop, '') FROM job
                    WHERE state IN ('waiting', 'running', 'paused') AND NOT (state = 'waiting' AND EXISTS (
                        SELECT 1 FROM member m JOIN sweep_stop p ON p.sweep = m.sweep JOIN sweep s ON s.id = m.sweep
                        WHERE m.job = job.id AND (s.name LIKE 'broken%' OR \(mustGoOn ? 0 : 1))))
                    AND NOT (state = 'waiting' AND EXISTS (
                        SELECT 1 FROM prepare_need n JOIN job p ON p.id = n.prepare
                        WHERE n.job = job.id AND p.state IN ('failed', 'parked', 'canceled'))) ORDER BY id
                    """
                ).map { row in "\(row[0].string) \(row[1].string) #\(row[2].int) \(row[3].string)\(row[4].string)" }
            }
        } catch {
            return ["\(error)"]
        }
    }

    /// Lets go of everything: the world's coming events hold all that is in it.
    package func dismantle() {
        coordinator.vanish()
        for worker in workers { worker.vanish() }
        world.runReady()
        world.forgetEvents()
        for disk in [coordinator.disk] + workers.map(\.disk) { disk.dispose() }
    }

    package var summary: (starts: Int, checks: Int, hours: Double) {
        (coordinator.starts, checker.checks, Double(world.now) / 3.6e12)
    }
}
