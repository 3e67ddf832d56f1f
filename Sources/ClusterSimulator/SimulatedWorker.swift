import CSimulatedDisk
import Foundation
import Logging
import Ports
import SweepClient
import SweepModel
import SweepWire
import Worker
import WorkerCore

/// A worker's machine: the worker's own session runs on it, with its spools on a simulated disk, and
/// simulated trainers.
// @unchecked: one thread uses a world and all that is in it.
final class SimulatedWorker: @unchecked Sendable {
    /// One run of the process.
    // @unchecked: as above.
    final class Life: @unchecked Sendable {
        let process: SimulatedProcess
        let peer: Peer
        var session: WorkerSession?
        var trainers: SimulatedTrainers?
        /// When the machine's end is so near that it stops by itself; nil for one that stays.
        var leaves: Int64?
        var isAlive: Bool { process.isAlive }

        init(_ world: World, _ machine: Int) {
            process = SimulatedProcess(world)
            peer = Peer(machine: machine, .workers)
        }
    }

    let number: Int
    unowned let cluster: Cluster
    let disk: SimulatedDisk
    let random: SeededRandom
    private(set) var life: Life?
    private var isRetired = false
    private(set) var isTwin = false
    /// Small, so that segments roll and are trimmed within a run.
    private static let segmentBytes: Int64 = 600

    var world: World { cluster.world }
    var plan: Plan { cluster.plan }
    var network: Network { cluster.network }
    var root: String { disk.root + "/work" }
    var pausedUntil: Int64 { life?.process.pausedUntil ?? 0 }

    init(_ number: Int, _ cluster: Cluster) {
        self.number = number
        self.cluster = cluster
        disk = SimulatedDisk(number: number, seed: cluster.world.seed ^ UInt64(number) << 32)
        random = cluster.world.random("worker \(number)")
    }

    // MARK: Life

    func start() {
        guard life == nil, !isRetired else { return }
        let life = Life(world, number)
        self.life = life
        world.trace("worker \(number) starts")
        life.process.start { [self] in
            do {
                try await session(life).run(stop: StopSignal())
                guard life.isAlive else { return }
                returned()
            } catch {
                guard life.isAlive else { return }
                world.trace("worker \(number) ends itself: \(error)")
                csd_heal(disk.disk)
                kill()
            }
        }
    }

    /// Its time was over and it ended politely: the next machine has an empty disk.
    private func returned() {
        cluster.lives += 1
        do {
            let left = try disk.list(root + "/attempts")
            if left.isEmpty {
                world.probe("rented machine left nothing behind")
            } else {
                cluster.cutLives += 1
                lose(.cut)
            }
        } catch {
            world.trace("worker \(number): its folder cannot be read: \(error)")
        }
        kill(restart: .seconds(world.random("rent \(number) \(world.now)").between(5, 120)))
        do {
            try disk.remove(root)
        } catch {
            world.fail("simulator", "\(error)")
        }
    }

    private func session(_ life: Life) throws -> WorkerSession {
        let files = ProcessDisk(disk: disk, process: life.process)
        let time = ProcessTime(world: world, process: life.process)
        let log = WorldLog(world, "worker \(number)", life.process)
        var configuration = WorkerConfiguration(
            client: try ClientConfiguration(coordinator: "http://simulated"), slots: plan.slots, threads: 1,
            gpus: plan.devices(of: number), gpuShare: plan.gpuShare, work: root,
            logger: Logger(label: "worker") { _ in log }, handlesSignals: false, time: time, random: random)
        if let rent = plan.rent, !cluster.isHealed {
            let length = world.random("rent \(number) \(world.now)").between(rent.lowerBound, rent.upperBound)
            configuration.leaving.after = .seconds(length)
            configuration.leaving.margin = .seconds(60)
            life.leaves = world.now + Int64((Double(length) - min(60, Double(length) / 10)) * 1e9)
        }
        let calls = WorkerCalls(
            time: time, random: network.jitter, worker: self, process: life.process, peer: life.peer)
        let trainers = SimulatedTrainers(self, life)
        life.trainers = trainers
        var ports = WorkerPorts(
            folder: try WorkFolder.open(root, random: random, files: files, machine: "simulated"), files: files,
            client: calls, heart: calls, trainers: trainers,
            machine: MachineFacts(name: "w\(number)", cores: 1, memory: 1 << 30))
        ports.spacePace = .seconds(1_000_000)
        ports.segmentBytes = Self.segmentBytes
        ports.watch = { [self] event, effects in watch(event, effects, life) }
        let session = WorkerSession(configuration, ports)
        life.session = session
        return session
    }

    /// What the session heard and decided.
    private func watch(_ event: WorkerEvent, _ effects: [WorkerEffect], _ life: Life) {
        guard life.isAlive else { return }
        let shadow = cluster.shadow
        shadow.heard(event, by: number)
        switch event {
        case .sessionLost: world.probe("session unknown")
        case .metricsAnswered(_, .refused): world.probe("metrics refused for good")
        case .recovered(_, _, .some(let fault)) where !plan.has(.spoolDamage):
            // A power cut leaves what was spooled whole, or not there at all.
            world.fail("I2", "a spooled report cannot be read: \(fault)")
        default: break
        }
        for effect in effects {
            switch effect {
            case .run(let grant, _): shadow.runs(grant, on: number)
            case .stop(let token): shadow.stopped(token, by: number)
            case .kill(let token): shadow.killed(token, by: number)
            case .exchange(let request) where request.freeSlots > plan.slots: world.probe("jobs claimed ahead")
            default: break
            }
        }
    }

    func identity() throws -> String { String(try disk.readText(root + "/id").prefix { $0 != "\n" }) }

    /// - Parameter keep: what a power cut leaves; nil for SIGKILL.
    func kill(keep: Double? = nil, restart: Duration = .seconds(10)) {
        guard life != nil else { return }
        world.trace("worker \(number) gone")
        if !running.isEmpty { lose(.kill) }
        vanish()
        if let keep { disk.powerCut(keep: keep) } else { disk.processGone() }
        world.after(restart) { [weak self] in self?.start() }
    }

    private func lose(_ loss: Cluster.Loss) {
        for token in life?.session?.heldAttempts ?? [] { cluster.losses[token.job] = loss }
    }

    /// The run is over: it ends, and never starts again.
    func retire() {
        isRetired = true
        kill()
    }

    /// The process is gone, or the world ends.
    func vanish() {
        guard let life else { return }
        self.life = nil
        life.peer.isAlive = false
        life.trainers?.vanish()
        life.process.kill()
        // What it holds holds it, too.
        life.session = nil
        life.trainers = nil
    }

    /// The machine loses its work folder: a new worker, as far as anybody can tell.
    func reinstall() {
        kill(restart: .seconds(20))
        do {
            try disk.remove(root)
        } catch {
            world.fail("simulator", "\(error)")
        }
    }

    /// One bit of a report in its spool flips while the process is down.
    ///
    /// - Returns: whether there was a report.
    func damage() -> Bool {
        do {
            let attempts = root + "/attempts"
            let reports = try disk.list(attempts).flatMap { name -> [String] in
                let spool = "\(attempts)/\(name)/spool"
                guard try disk.exists(spool) else { return [] }
                return try disk.list(spool).filter { $0.hasSuffix(".json") }.map { "\(spool)/\($0)" }
            }
            guard !reports.isEmpty else { return false }
            let path = random.pick(reports)
            kill(restart: .seconds(5))
            return csd_flip(disk.disk, path, UInt64(random.integer(below: 1 << 20))) == 0
        } catch {
            world.trace("worker \(number): nothing to damage: \(error)")
            return false
        }
    }

    /// Starts anew under another's identity, as a copied machine does, or under a new one of its own.
    func become(_ other: SimulatedWorker?) {
        kill(restart: .seconds(1))
        let (identity, key) = (root + "/id", root + "/key")
        csd_suspend(disk.disk, 1)
        defer { csd_suspend(disk.disk, 0) }
        do {
            let texts = try [("id", 16), ("key", 32)].map { name, bytes in
                guard let other else { return Array(random.hexadecimal(bytes: bytes).utf8) }
                return try other.disk.read("\(other.root)/\(name)", limit: 1 << 10)
            }
            try disk.makeFolder(root)
            // An identity belongs to its key: on a full disk there is neither, and the worker makes new ones.
            try disk.remove(identity)
            try disk.writeAtomically(texts[1], to: key)
            try disk.writeAtomically(texts[0], to: identity)
            isTwin = other != nil
        } catch {
            world.trace("worker \(number) keeps its identity: \(error)")
            if isTwin { world.after(.seconds(5)) { [weak self] in self?.become(nil) } }
        }
    }

    func pause(seconds: Double) { life?.process.pause(until: world.now + Int64(seconds * 1e9)) }

    /// Runs a body in this life only; while the machine is paused, after that.
    func later(_ delay: Duration, _ life: Life, _ body: @escaping () -> Void) {
        world.after(delay) { [weak self] in
            guard let self, life.isAlive else { return }
            if pausedUntil > world.now { return later(.nanoseconds(pausedUntil - world.now), life, body) }
            body()
        }
    }

    /// Does something with the disk for a trainer; a full disk is waited out, any other error ends the
    /// process.
    func attempt(_ life: Life, _ what: @autoclosure @escaping () -> String, _ body: @escaping () throws -> Void) {
        guard life.isAlive else { return }
        if pausedUntil > world.now {
            return later(.nanoseconds(pausedUntil - world.now), life) { [weak self] in self?.attempt(life, what(), body)
            }
        }
        do {
            try body()
        } catch let error as PortsError where error.code == .diskFull {
            later(.seconds(1), life) { [weak self] in self?.attempt(life, what(), body) }
        } catch {
            guard life.isAlive else { return }
            world.trace("worker \(number) ends itself: \(what()): \(error)")
            csd_heal(disk.disk)
            kill()
        }
    }

    // MARK: What others look at

    /// Trainers that run, for I19.
    var running: [AttemptToken] { life?.trainers?.running ?? [] }

    /// Whether it is done with an attempt and has the next one of the same job.
    func runsLater(_ token: AttemptToken) -> Bool {
        guard let held = life?.session?.heldAttempts, !held.contains(token) else { return false }
        return held.contains { $0.job == token.job && $0.attempt > token.attempt }
    }

    /// What it holds, for people.
    var summary: String {
        guard let session = life?.session else { return "worker \(number) does not run" }
        let running = Set(running)
        let held = session.heldAttempts.sorted { $0.job < $1.job }.map { token in
            "\(token) \(running.contains(token) ? "trains" : "has ended or is left over")"
        }
        return
            "worker \(number), session \(session.registered?.rawValue.prefix(8) ?? "none"): \(held.joined(separator: "; "))"
    }
}
