import Foundation
import Ports
import RunSpec
import SweepModel
import SweepWire
import Worker

/// I21: somebody who calls without being asked to: with other tokens than it takes, under others' sessions,
/// for others' attempts; or a worker of the cluster that has gone mad. Nothing of it may be taken.
final class Stranger {
    private unowned let cluster: Cluster
    private let random: SeededRandom
    /// Its own, under an identity of its own: that much it may have.
    private var session: SessionID?
    private var number: UInt64 = 0

    private var coordinator: SimulatedCoordinator { cluster.coordinator }
    private var world: World { cluster.world }

    init(_ cluster: Cluster) {
        self.cluster = cluster
        random = cluster.world.random("stranger")
    }

    func act() {
        do {
            switch random.integer(below: 4) {
            case 0: try register()
            case 1: try goMad()
            default: try random.chance(0.4) ? speakForOthers() : repeatUnderAnotherName()
            }
        } catch {
            world.fail("wire", "what the stranger sends cannot be written: \(error)")
        }
    }

    private static let needsWorker: Set<String> = ["register", "exchange", "heartbeat", "metrics"]
    private static let needsSubmit: Set<String> = ["launch", "action", "drain"]

    /// What somebody else sent, with a token that does not fit.
    private func repeatUnderAnotherName() {
        guard !coordinator.history.isEmpty else { return }
        let asked = random.pick(coordinator.history)
        var badges: [Badge] = [.none, .forged, .revoked]
        if asked.name != "getBlob" { badges.append(.reader) }
        if Self.needsWorker.contains(asked.name) { badges.append(.user) }
        // An identity that was asked for and never given is anybody's.
        if Self.needsWorker.contains(asked.name), asked.name != "register" { badges.append(.stranger) }
        if Self.needsSubmit.contains(asked.name) { badges += [.workers, .stranger] }
        // What was asked with its own badge before is no fraud.
        guard asked.badge == .workers || asked.badge == .user else { return }
        let badge = random.pick(badges)
        send(asked.name, asked.parameters, asked.body, badge) { [world] result in
            switch result {
            case .none: break
            case .some(.success): world.fail("I21", "\(asked.name) was taken from \(badge)")
            case .some(.failure(let error)): world.probe("uninvited: \(error.code.rawValue)")
            }
        }
    }

    private func register() throws {
        let session = SessionID(rawValue: random.hexadecimal(bytes: 16))
        let isOwn = random.chance(0.5)
        let worker = random.pick(cluster.workers)
        // A worker that never ran, or whose disk is broken now, has no identity to take.
        guard let identity = isOwn ? "stranger" : try? worker.identity() else { return }
        // Of one that is not known (yet, or in the backup that was restored) anybody may be the first.
        guard isOwn || (cluster.shadow.registered.contains(identity) && !cluster.wasRestored) else { return }
        let request = RegisterRequest(
            WorkerRecord(
                worker: WorkerID(identity), name: "stranger", session: session, slots: 4, threads: 1))
        send("register", request.parameters, try request.body(), .stranger) { [weak self] result in
            guard case .some(.success) = result else { return }
            if isOwn {
                self?.session = session
            } else {
                self?.world.fail("I21", "worker \(identity.prefix(8)) was registered by a stranger")
            }
        }
    }

    /// Under its own session, with reports, points and signs of life of attempts that are not its own.
    private func speakForOthers() throws {
        guard let session else { return try register() }
        let stolen = coordinator.history.suffix(200).filter { $0.badge == .workers }
        guard !stolen.isEmpty else { return }
        let asked = random.pick(Array(stolen))
        number += 1
        switch asked.name {
        case "exchange":
            let reports = try ExchangeRequest(parameters: asked.parameters, body: asked.body).reports
            guard !reports.isEmpty else { return }
            let request = ExchangeRequest(
                session: session, number: number, reports: reports, freeSlots: 0, waitSeconds: 0)
            send("exchange", request.parameters, try request.body(), .stranger) { [world] result in
                guard case .some(.success(let data)) = result else { return }
                guard let answer = try? ExchangeResponse(body: data) else {
                    return world.fail("wire", "an answer to a stranger cannot be read")
                }
                world.probe("stranger's reports refused")
                if answer.outcomes.contains(.accepted) {
                    world.fail("I21", "a stranger's report on another's attempt was accepted")
                }
            }
        case "heartbeat":
            let attempts = try HeartbeatRequest(parameters: asked.parameters, body: asked.body).attempts
            let request = HeartbeatRequest(session: session, attempts: attempts)
            send("heartbeat", request.parameters, try request.body(), .stranger) { [world] result in
                guard case .some(.success(let data)) = result else { return }
                guard let answer = try? HeartbeatResponse(body: data) else {
                    return world.fail("wire", "an answer to a stranger cannot be read")
                }
                world.probe("stranger's heartbeat refused")
                if answer.verdicts.contains(where: { $0 != .superseded }) {
                    world.fail("I21", "a stranger keeps another's attempt alive")
                }
            }
        case "metrics":
            var batch = try MetricBatch(parameters: asked.parameters, body: asked.body)
            batch.session = session
            send("metrics", batch.parameters, try batch.body(), .stranger) { [world] result in
                switch result {
                case .some(.success): world.fail("I21", "a stranger's points of another's attempt were stored")
                case .some(.failure): world.probe("stranger's points refused")
                case .none: break
                }
            }
        default: return
        }
    }

    /// A worker of the cluster sends what no worker in its right mind would: none of it may have an effect.
    private func goMad() throws {
        let worker = random.pick(cluster.workers)
        guard let session = worker.life?.session?.registered, let token = worker.running.first else { return }
        if random.chance(0.5) {
            let batch = MetricBatch(
                token: token, session: session, first: 100_000, points: [MetricPoint(key: "loss", step: 1, value: 0)])
            return send("metrics", batch.parameters, try batch.body(), .workers) { [world] result in
                if case .some(.success) = result { world.fail("I9", "points after a gap were taken") }
            }
        }
        let file = CheckpointManifest.File(
            name: "state.bin", kind: .state, bytes: 1, sha256: ContentDigest.of(random.hexadecimal(bytes: 8)).text)
        let nowhere = CheckpointReport(
            name: AttemptFolder.checkpointName(step: 1),
            manifest: CheckpointManifest(step: 1, epoch: 0, final: false, files: [file]), streamPosition: 0)
        let finish = Report(token: token, .finished(FinishReport(streamPosition: 1_000_000)))
        let reports = random.chance(0.5) ? [finish, finish] : [Report(token: token, .checkpoint(nowhere)), finish]
        let request = ExchangeRequest(session: session, number: 0, reports: reports, freeSlots: 0, waitSeconds: 0)
        send("exchange", request.parameters, try request.body(), .workers) { [world] result in
            guard case .some(.success(let data)) = result else { return }
            guard let answer = try? ExchangeResponse(body: data) else {
                return world.fail("wire", "an answer to a stranger cannot be read")
            }
            for outcome in answer.outcomes {
                switch outcome {
                case .accepted: world.fail("I9", "a report without its points or blobs was accepted")
                case .gap: world.probe("report before its points")
                case .missingBlobs: world.probe("report without its blobs")
                case .notTried: world.probe("report behind a refused one")
                default: break
                }
            }
        }
    }

    private func send(
        _ name: String, _ parameters: [String: String], _ body: Data, _ badge: Badge,
        _ answer: @escaping SimulatedCoordinator.Answer
    ) {
        guard coordinator.isUp else { return }
        _ = coordinator.receive(
            SimulatedCoordinator.Asked(name: name, parameters: parameters, body: body, badge: badge), answer: answer)
    }
}
