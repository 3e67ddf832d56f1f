import CSimulatedDisk
import Foundation
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Worker
import WorkerCore

/// A worker's process: the real core and the real spools; trainers and machine are simulated.
final class SimulatedWorker {
    /// One run of the process.
    final class Life {
        let peer: Peer
        var core: WorkerCore
        /// The newest that it registered.
        var session: SessionID?
        var held: [AttemptToken: Held] = [:]
        /// Granted, not yet begun, and whether still wanted: as in the daemon, what says otherwise may come first.
        var starts: [AttemptToken: Bool] = [:]
        var queue: [WorkerEvent] = []
        var isPumping = false
        var isAlive: Bool { peer.isAlive }

        func withdraw(_ token: AttemptToken) { if starts[token] != nil { starts[token] = false } }

        init(_ machine: Int, _ slots: Int, _ random: any RandomSource) {
            peer = Peer(machine: machine, .workers)
            core = WorkerCore(settings: WorkerSettings(slots: slots), random: random)
        }
    }

    final class Held {
        let points: PointSpool
        let reports: ReportSpool
        let place: String
        var trainer: SimulatedTrainer?

        init(points: PointSpool, reports: ReportSpool, place: String) {
            self.points = points
            self.reports = reports
            self.place = place
        }
    }

    let number: Int
    unowned let cluster: Cluster
    let disk: SimulatedDisk
    let random: SeededRandom
    private(set) var life: Life?
    private(set) var pausedUntil: Int64 = 0
    /// Small, so that segments roll and are trimmed within a run.
    private static let segmentBytes: Int64 = 600

    var world: World { cluster.world }
    var plan: Plan { cluster.plan }
    var network: Network { cluster.network }
    var root: String { disk.root + "/work" }
    var attempts: String { root + "/attempts" }

    init(_ number: Int, _ cluster: Cluster) {
        self.number = number
        self.cluster = cluster
        disk = SimulatedDisk(number: number, seed: cluster.world.seed ^ UInt64(number) << 32)
        random = cluster.world.random("worker \(number)")
    }

    // MARK: Life

    func start() {
        guard life == nil, !isRetired else { return }
        let life = Life(number, plan.slots, random)
        do {
            try disk.makeFolder(attempts)
            if try !disk.exists(root + "/id") {
                try disk.writeAtomically(Array(random.hexadecimal(bytes: 16).utf8), to: root + "/id")
            }
            self.life = life
            world.trace("worker \(number) starts")
            try recover(life)
            emit(.begin, life)
        } catch {
            world.trace("worker \(number) cannot start: \(error)")
            self.life = nil
            life.peer.isAlive = false
            csd_heal(disk.disk)
            world.after(.seconds(5)) { [weak self] in self?.start() }
        }
    }

    func identity() throws -> String { try disk.readText(root + "/id") }

    /// - Parameter keep: what a power cut leaves; nil for SIGKILL.
    func kill(keep: Double? = nil, restart: Duration = .seconds(10)) {
        guard let life else { return }
        world.trace("worker \(number) gone")
        life.peer.isAlive = false
        for held in life.held.values { held.trainer?.vanish() }
        self.life = nil
        pausedUntil = 0
        if let keep { disk.powerCut(keep: keep) } else { disk.processGone() }
        world.after(restart) { [weak self] in self?.start() }
    }

    private var isRetired = false

    /// The run is over: it ends, and never starts again.
    func retire() {
        isRetired = true
        kill()
    }

    /// The world ends.
    func vanish() {
        guard let life else { return }
        life.peer.isAlive = false
        for held in life.held.values {
            held.trainer?.vanish()
            held.trainer = nil
        }
        life.held = [:]
        life.queue = []
        self.life = nil
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

    private(set) var isTwin = false

    /// Starts anew under another's identity, as a copied machine does, or under a new one of its own.
    func become(_ identity: String?) {
        kill(restart: .seconds(1))
        do {
            try disk.makeFolder(root)
            try disk.writeAtomically(Array((identity ?? random.hexadecimal(bytes: 16)).utf8), to: root + "/id")
            isTwin = identity != nil
        } catch {
            world.trace("worker \(number) keeps its identity: \(error)")
            if isTwin { world.after(.seconds(5)) { [weak self] in self?.become(nil) } }
        }
    }

    func pause(seconds: Double) { pausedUntil = max(pausedUntil, world.now + Int64(seconds * 1e9)) }

    /// Runs a body in this life only; while the machine is paused, after that.
    func later(_ delay: Duration, _ life: Life, _ body: @escaping () -> Void) {
        world.after(delay) { [weak self] in
            guard let self, life.isAlive else { return }
            if pausedUntil > world.now { return later(.nanoseconds(pausedUntil - world.now), life, body) }
            body()
        }
    }

    /// Does something with the disk; a full disk is waited out, any other error ends the process.
    func attempt(_ life: Life, _ what: @autoclosure @escaping () -> String, _ body: @escaping () throws -> Void) {
        guard life.isAlive else { return }
        if pausedUntil > world.now {
            return later(.nanoseconds(pausedUntil - world.now), life) { [weak self] in self?.attempt(life, what(), body)
            }
        }
        do {
            try body()
        } catch let error as PortsError where error.code == .diskFull {
            world.probe("worker waits for space")
            later(.seconds(1), life) { [weak self] in self?.attempt(life, what(), body) }
        } catch {
            guard life.isAlive else { return }
            world.trace("worker \(number) ends itself: \(what()): \(error)")
            csd_heal(disk.disk)
            kill()
        }
    }

    // MARK: Core

    func emit(_ event: WorkerEvent, _ life: Life) {
        guard life.isAlive else { return }
        life.queue.append(event)
        guard !life.isPumping else { return }
        life.isPumping = true
        pump(life)
    }

    private func pump(_ life: Life) {
        guard life.isAlive else { return }
        if pausedUntil > world.now {
            return later(.nanoseconds(pausedUntil - world.now), life) { [weak self] in self?.pump(life) }
        }
        while !life.queue.isEmpty, life.isAlive {
            let event = life.queue.removeFirst()
            cluster.shadow.heard(event, by: number)
            for effect in life.core.handle(event, now: world.monotonic()) {
                guard life.isAlive else { return }
                perform(effect, life)
            }
        }
        life.isPumping = false
    }

    private func perform(_ effect: WorkerEffect, _ life: Life) {
        switch effect {
        case .register: register(life)
        case .exchange(let request): exchange(request, life)
        case .heartbeat(let request): heartbeat(request, life)
        case .run(let grant): run(grant, life)
        case .stop(let token):
            cluster.shadow.stopped(token, by: number)
            life.withdraw(token)
            life.held[token]?.trainer?.stop()
        case .kill(let token):
            cluster.shadow.killed(token, by: number)
            life.withdraw(token)
            life.held[token]?.trainer?.kill()
        case .spool(let token, let body):
            attempt(life, "spool \(token)") { [self] in
                let entry = try hold(token, life)
                emit(.reportSpooled(token, try entry.reports.append(Report(token: token, body))), life)
            }
        case .sendMetrics(let token, let first, let limit): sendMetrics(token, first, limit, life)
        case .passOver(let token, let point): sendMetrics(token, point, 0, life)
        case .upload(let token, let number): upload(token, number, life)
        case .trimPoints(let token, let number):
            attempt(life, "trim") { try life.held[token]?.points.trim(below: number) }
        case .settle(let token, let number):
            attempt(life, "settle") { _ = try life.held[token]?.reports.settle(number) }
        case .discard(let token): discard(token, life)
        case .wake(let due):
            later(due - world.monotonic(), life) { [weak self] in self?.emit(.tick, life) }
        case .log(let line): world.trace("worker \(number): \(line.text)")
        case .finish: break
        }
    }

    private func run(_ grant: Grant, _ life: Life) {
        cluster.shadow.runs(grant, on: number)
        life.starts[grant.token] = true
        attempt(life, "run \(grant.token)") { [self] in
            let place = folder(grant.token)
            try disk.remove(place)
            guard life.starts[grant.token] == true else {
                world.probe("ended before it began")
                life.starts[grant.token] = nil
                life.held[grant.token] = nil
                return emit(.ended(grant.token, .stopped), life)
            }
            try disk.makeFolder(place)
            try disk.writeAtomically(Array(try WireJSON.encode(grant)), to: place + "/attempt.json")
            let entry = try hold(grant.token, life)
            life.starts[grant.token] = nil
            let trainer = SimulatedTrainer(
                grant, self, life, points: entry.points, reports: entry.reports, place: place)
            entry.trainer = trainer
            later(.milliseconds(200), life) { trainer.begin() }
        }
    }

    private func discard(_ token: AttemptToken, _ life: Life) {
        // One that was still to begin cleans up by itself.
        guard life.starts[token] == nil else { return life.withdraw(token) }
        guard let entry = life.held[token] else { return }
        if let trainer = entry.trainer, trainer.isRunning {
            return later(.milliseconds(100), life) { [weak self] in self?.discard(token, life) }
        }
        life.held[token] = nil
        attempt(life, "discard") { [self] in try disk.remove(entry.place) }
    }

    func folder(_ token: AttemptToken) -> String { "\(attempts)/\(WorkFolder.attemptName(token))" }

    func hold(_ token: AttemptToken, _ life: Life) throws -> Held {
        if let entry = life.held[token] { return entry }
        let place = folder(token)
        let entry = Held(
            points: try PointSpool(folder: place + "/spool", files: disk, segmentBytes: Self.segmentBytes),
            reports: try ReportSpool(folder: place + "/spool", files: disk) { [world, plan] in
                world.probe("damaged report passed over")
                world.trace("damaged: \($0)")
                // A power cut leaves what was spooled whole, or not there at all.
                if !plan.has(.spoolDamage) { world.fail("I2", "a spooled report cannot be read: \($0)") }
            }, place: place)
        life.held[token] = entry
        return entry
    }

    /// As the daemon does at its start: what an earlier life left is handed in and given back.
    private func recover(_ life: Life) throws {
        for name in try disk.list(attempts) {
            let place = "\(attempts)/\(name)"
            let grant: Grant
            do {
                grant = try WireJSON.decode(
                    Grant.self, from: Data(try disk.read(place + "/attempt.json", limit: 1 << 20)))
            } catch {
                world.probe("unfinished attempt folder removed")
                try disk.remove(place)
                continue
            }
            let entry = try hold(grant.token, life)
            emit(.recovered(grant.token, pointsFrom: entry.points.firstHeld, fault: entry.reports.damage), life)
            if !entry.reports.pending.contains(where: \.isFinal) {
                _ = try entry.reports.append(Report(token: grant.token, .released(ReleaseReport(reason: .restart))))
            }
            world.probe("attempt recovered")
            emit(.pointsSpooled(grant.token, total: entry.points.total), life)
            for report in entry.reports.pending { emit(.reportSpooled(grant.token, report), life) }
        }
    }

    /// Trainers that run, for I19.
    var running: [AttemptToken] {
        (life?.held.filter { $0.value.trainer?.isRunning ?? false }.map(\.key) ?? []).sorted { $0.job < $1.job }
    }

    /// Whether it is done with an attempt and has the next one of the same job.
    func runsLater(_ token: AttemptToken) -> Bool {
        guard let held = life?.held, held[token] == nil else { return false }
        return held.keys.contains { $0.job == token.job && $0.attempt > token.attempt }
    }

    /// What it holds, for people.
    var summary: String {
        guard let life else { return "worker \(number) does not run" }
        let held = life.held.sorted { $0.key.job < $1.key.job }.map { token, entry in
            let trainer = entry.trainer.map { $0.isRunning ? "trains" : "has ended" } ?? "is left over"
            return "\(token) \(trainer), \(entry.points.total) points, \(entry.reports.pending.count) reports"
        }
        return
            "worker \(number), session \(life.session?.rawValue.prefix(8) ?? "none"): \(held.joined(separator: "; "))"
    }
}
