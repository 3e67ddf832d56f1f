import CSimulatedDisk
import Foundation
import Ports
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
    private lazy var checker = Checker(self)
    private let random: SeededRandom
    private let user = Peer(machine: 0)
    private var truths: [JobID: JobTruth] = [:]
    private(set) var isHealed = false
    /// Whether it came to its end before the most events it might take.
    private(set) var isWhole = false
    private(set) var wasRestored = false
    private(set) var wallJumped = false
    /// Jobs whose sweep a user paused or canceled: what else ends their attempts is not looked at.
    private(set) var pauses: Set<String> = []
    private var backup: (path: String, promises: Shadow.Promises)?
    private var launches = 0
    private let text: String

    package init(seed: UInt64, plan: Plan? = nil) {
        world = World(seed: seed)
        self.plan = plan ?? Plan(seed: seed)
        random = world.random("faults")
        network = Network(world, self.plan)
        coordinator = SimulatedCoordinator(world, self.plan)
        network.coordinator = coordinator
        let seeds = (1...self.plan.jobs).map(String.init).joined(separator: ", ")
        text = """
            name: simulated
            seeds: [\(seeds)]
            trainer:
              command: [train, "{out}"]
              resume: ["{checkpoint}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              checkpoints:
                - { glob: "{out}/state-*", step: "state-([0-9]+)", kind: state }
                - { glob: "{out}/adapter-*", step: "adapter-([0-9]+)", kind: adapter }
            timeout: \(Shadow.timeout)s
            groups:
              - list: [ { lr: 1e-4 } ]
            """
        for number in 1...self.plan.workers { workers.append(SimulatedWorker(number, self)) }
    }

    func truth(_ id: JobID) -> JobTruth {
        if let known = truths[id] { return known }
        let truth = JobTruth(id, poison: plan.poison, seed: world.seed)
        truths[id] = truth
        return truth
    }

    /// Runs to the end. What is wrong, if anything, is in `world.violation`.
    package func run(mostEvents: Int = 1_000_000) {
        csd_seed_sqlite(world.seed)
        coordinator.start()
        launch()
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

    private func launch() {
        launches += 1
        let request = LaunchRequest(
            key: random.hexadecimal(bytes: 16), bundle: LaunchBundle(fileName: "simulated.yaml", text: text))
        let epoch = shadow.epoch
        network.insist(.launch, request, from: user) { [weak self] result in
            guard let self, shadow.epoch == epoch else { return }
            guard case .success(let response) = result else { return world.fail("wire", "launch: \(result)") }
            if response.jobs != plan.jobs {
                world.fail("I8", "\(response.jobs) jobs after \(launches) launches of \(plan.jobs)")
            }
            if response.added == 0 { world.probe("launched again") }
            shadow.promises.launched.formUnion(jobIDs)
        }
    }

    private lazy var jobIDs: [JobID] = {
        do {
            let request = LaunchRequest(key: "", bundle: LaunchBundle(fileName: "simulated.yaml", text: text))
            return try SimulatedCoordinator.jobIDs(request)
        } catch {
            preconditionFailure("the simulated sweep cannot be read: \(error)")
        }
    }()

    private func act(_ action: ActionRequest.Action, _ target: String? = nil) {
        world.trace("user: \(action.rawValue) \(target?.prefix(8) ?? "all")")
        if action == .pause || action == .cancel { pauses.formUnion(jobIDs.map(\.text)) }
        let request = ActionRequest(action: action, target: target ?? "simulated")
        network.insist(.action, request, from: user) { [weak self] result in
            if case .failure(let error) = result, error.code != .refused(.notFound) {
                self?.world.fail("wire", "action: \(error)")
            }
        }
    }

    private func setDrain(_ worker: SimulatedWorker, _ drain: Bool) {
        // A worker that has never run, or whose disk is broken now, has no identity to name.
        guard let identity = try? worker.identity() else { return }
        network.insist(.drain, DrainRequest(worker: identity, drain: drain), from: user) { _ in }
    }

    // MARK: Faults

    private func schedule(_ fault: Plan.Fault) {
        let mean: Double? =
            switch fault {
            case .requestLost, .answerLost, .duplicate, .delay, .slowSync, .killInCommit, .trainerCrash, .trainerHang,
                .trainerDeaf, .trainerEmpty:
                nil
            case .restore, .workerReinstalled, .coordinatorDiskFull, .workerDiskFull: plan.pace * 4
            default: plan.pace
            }
        guard let mean else { return }
        world.after(random.exponential(mean, cap: mean * 8)) { [weak self] in
            guard let self, !self.isHealed else { return }
            self.happen(fault)
            self.schedule(fault)
        }
    }

    private func happen(_ fault: Plan.Fault) {
        let worker = workers[random.integer(below: workers.count)]
        let keep = random.pick([0, 0, 0.5, 0.9, 1.0])
        let rest = Duration.seconds(random.pick([1, 5, 20, plan.leaseSeconds * 1.5, plan.leaseSeconds * 3]))
        switch fault {
        case .coordinatorKill where coordinator.isUp: coordinator.kill(restart: rest)
        case .coordinatorPowerCut where coordinator.isUp: coordinator.kill(keep: keep, restart: rest)
        case .coordinatorPause where coordinator.isUp:
            coordinator.pause(seconds: random.pick([2, 10, plan.leaseSeconds * 2, 600]))
        case .coordinatorDisk where coordinator.isUp:
            let kind = random.pick([CSD_READ, CSD_WRITE, CSD_SYNC, CSD_SYNC, CSD_OPEN])
            csd_fail(coordinator.disk.disk, Int32(kind), Int64(random.integer(below: 20)), random.pick([1, 1, 3, -1]))
        case .coordinatorDiskFull: fill(coordinator.disk)
        case .workerKill where worker.life != nil: worker.kill(restart: rest)
        case .workerPowerCut where worker.life != nil: worker.kill(keep: keep, restart: rest)
        case .workerPause where worker.life != nil:
            worker.pause(seconds: random.pick([5, plan.leaseSeconds * 1.2, plan.leaseSeconds * 3]))
        case .workerDiskFull where worker.life != nil: fill(worker.disk)
        case .workerReinstalled where worker.life != nil: worker.reinstall()
        case .twin where workers.count > 1 && worker.life != nil:
            let other = workers[worker.number % workers.count]
            // As in setDrain.
            guard let identity = try? worker.identity(), other.life != nil else { return }
            other.become(identity)
            world.after(.seconds(random.between(5, 90))) { [weak other] in
                if other?.isTwin ?? false { other?.become(nil) }
            }
        case .partition: partition()
        case .wallJump:
            wallJumped = true
            let day: Int64 = 86_400_000
            world.wallOffset += random.pick([-3650 * day, -day, -3_600_000, 3_600_000, day, 3650 * day])
        case .userAction:
            let target = random.chance(0.4) ? nil : random.pick(jobIDs).text
            act(random.pick([.pause, .unpause, .unpause, .cancel, .resume, .resume]), target)
        case .drain:
            setDrain(worker, true)
            world.after(.seconds(60)) { [weak self] in self?.setDrain(worker, false) }
        case .relaunch: launch()
        case .collect:
            // So long that grace periods end.
            if random.chance(0.3) {
                wallJumped = true
                world.wallOffset += 90_000_000
            }
            coordinator.collect()
        case .restore: restoreOrBackUp()
        default: return
        }
        world.fault(fault.rawValue)
    }

    private func fill(_ disk: SimulatedDisk) {
        csd_set_capacity(disk.disk, csd_used(disk.disk) + Int64(random.integer(below: 4000)))
        world.after(.seconds(random.between(5, 90))) { csd_set_capacity(disk.disk, -1) }
    }

    private func partition() {
        // Swizzled: cut one after the other, healed in another order.
        for worker in workers where random.chance(0.6) {
            let number = worker.number
            let (up, down) = random.pick([(true, true), (true, true), (true, false), (false, true)])
            let begin = random.between(0, 5)
            let length = random.pick([5, plan.leaseSeconds * 1.5, plan.leaseSeconds * 4])
            world.after(.seconds(begin)) { [network] in
                if up { network.lostUp.insert(number) }
                if down { network.lostDown.insert(number) }
            }
            world.after(.seconds(begin + length * random.between(0.5, 1.5))) { [network] in
                network.lostUp.remove(number)
                network.lostDown.remove(number)
            }
        }
    }

    private func restoreOrBackUp() {
        guard coordinator.isUp, let ledger = coordinator.ledger else { return }
        do {
            if let backup, random.chance(0.5) {
                world.probe("backup restored")
                wasRestored = true
                shadow.promises = backup.promises
                checker.forget()
                shadow.epoch = try coordinator.restore(backup.path)
            } else {
                let path = coordinator.disk.root + "/backup-\(world.now)"
                try ledger.copyNow(to: path)
                backup = (path, shadow.promises)
                world.probe("backup made")
            }
        } catch {
            world.trace("backup or restore: \(error)")
            if !coordinator.isUp { world.after(.seconds(2)) { [weak self] in self?.coordinator.start() } }
        }
    }

    // MARK: Watching

    private func watch() {
        world.after(.seconds(7)) { [weak self] in
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
        world.after(.seconds(60)) { [weak self] in self?.act(.unpause) }
        for job in jobIDs { world.after(.seconds(30)) { [weak self] in self?.act(.unpause, job.text) } }
    }

    /// I17: without faults everything comes to its end.
    private func settle(_ mostEvents: Int) {
        let work = jobIDs.reduce(0.0) { $0 + Double(truth($1).steps) * truth($1).stepSeconds * 1.3 }
        // Delayed messages of up to 10 minutes, pauses of 10 minutes, backoffs of up to 15 minutes for what failed before.
        let limit = world.now + Int64((work * 2 + 3 * Double(Shadow.timeout) + 2 * plan.leaseSeconds + 3600) * 1e9)
        var quarantineLifted = world.now
        while world.violation == nil, world.now < limit {
            world.run(until: world.now + 20_000_000_000, mostEvents: mostEvents)
            if world.eventCount >= mostEvents { return }
            let open = openJobs()
            if open.isEmpty { return }
            if world.now - quarantineLifted > 300_000_000_000 {
                quarantineLifted = world.now
                for worker in workers { setDrain(worker, false) }
                // A wish to pause may have been under way for minutes.
                act(.unpause)
                for job in jobIDs { act(.unpause, job.text) }
            }
        }
        guard world.violation == nil else { return }
        world.fail("I17", "not ended an hour after everything was healed: \(openJobs().joined(separator: "; "))")
    }

    private func openJobs() -> [String] {
        guard coordinator.isUp else { return ["the coordinator is down"] }
        do {
            return try coordinator.inspect { ledger in
                try ledger.rows(
                    """
                    SELECT substr(identity, 1, 8), state, attempt, coalesce(failure, ''), coalesce(stop, '') FROM job
                    WHERE state IN ('waiting', 'running', 'paused') ORDER BY id
                    """
                ).map { row in "\(row[0].string) \(row[1].string) #\(row[2].int) \(row[3].string)\(row[4].string)" }
            }
        } catch {
            return ["\(error)"]
        }
    }

    private func finish() {
        checker.check(isEnd: true)
        guard world.violation == nil else { return }
        replay()
        guard world.violation == nil else { return }
        // A restart finds everything as it was.
        coordinator.kill(restart: .seconds(1))
        world.run(until: world.now + 30_000_000_000, mostEvents: .max)
        checker.check(isEnd: true)
        guard world.violation == nil else { return }
        collectAll()
    }

    /// I8: every request of the run once more changes nothing.
    private func replay() {
        guard coordinator.isUp else { return }
        for worker in workers { worker.kill(restart: .seconds(100_000_000)) }
        do {
            let before = try content()
            for request in coordinator.history
            where request.name != "drain" && request.name != "action" && request.name != "register" {
                _ = coordinator.receive(request.name, request.parameters, request.body) { _ in }
            }
            world.run(until: world.now + 2_000_000_000, mostEvents: .max)
            let after = try content()
            if let changed = zip(before, after).first(where: { $0.1 != $1.1 }) {
                world.fail("I8", "sending everything again changed \(changed.0.0)")
            }
        } catch {
            world.fail("I8", "\(error)")
        }
    }

    private func content() throws -> [(String, [[LedgerInspector.Value]])] {
        try coordinator.inspect { ledger in
            try [
                "SELECT identity, state, attempt, epoch, failure FROM job ORDER BY id",
                "SELECT job, number, epoch, worker, outcome, failure, resumed_step, points FROM attempt ORDER BY id",
                "SELECT attempt, key, step, value FROM metric ORDER BY 1, 2, 3",
                "SELECT attempt, name, step, resumable FROM checkpoint ORDER BY id",
                "SELECT attempt, checkpoint, metric, value FROM evaluation ORDER BY 1, 2, 3",
                "SELECT sweep, state, jobs FROM sweep_count WHERE jobs > 0 ORDER BY 1, 2",
            ].map { ($0, try ledger.rows($0)) }
        }
    }

    /// I15: a day later nothing unreferenced is left.
    private func collectAll() {
        wallJumped = true
        world.wallOffset += 200 * 365 * 86_400_000
        coordinator.collect()
        world.run(until: world.now + 10_000_000_000, mostEvents: .max)
        checker.check()
        guard coordinator.isUp, world.violation == nil else { return }
        do {
            let left = try coordinator.inspect { ledger in
                try ledger.rows(
                    "SELECT count(*) FROM blob WHERE sha256 NOT IN (SELECT sha256 FROM checkpoint_file)"
                )[0][0].int
            }
            if left > 0 { world.fail("I15", "\(left) unreferenced blobs are left") }
        } catch {
            world.fail("I15", "\(error)")
        }
    }

    /// Lets go of everything: the world's coming events hold all that is in it.
    package func dismantle() {
        coordinator.vanish()
        for worker in workers { worker.vanish() }
        world.forgetEvents()
        for disk in [coordinator.disk] + workers.map(\.disk) { disk.dispose() }
    }

    package var summary: (starts: Int, checks: Int, hours: Double) {
        (coordinator.starts, checker.checks, Double(world.now) / 3.6e12)
    }
}
