import Foundation
import Ports
import SweepClient
import SweepWire

/// One process that sends requests; what reaches it after its end is lost.
final class Peer {
    /// Of the machine, for partitions.
    let machine: Int
    let badge: Badge
    var isAlive = true

    init(machine: Int, _ badge: Badge) {
        self.machine = machine
        self.badge = badge
    }
}

/// Carries requests and answers as bytes, late, twice, or not at all.
final class Network {
    private let world: World
    private let plan: Plan
    private let random: SeededRandom
    /// Of waits between tries.
    let jitter: SeededRandom
    weak var coordinator: SimulatedCoordinator?
    /// I24: what was refused for good, and when its sender heard of it.
    private var refused: [Refusal: [Int64]] = [:]
    /// Blobs are named by what they hold: several attempts of one machine may bring the same one, each of
    /// them refused once.
    private static let ofContent: Set<String> = ["beginBlob", "putChunk", "commitBlob", "getBlob"]

    private struct Refusal: Hashable {
        let machine: Int
        let name: String
        let parameters: [String: String]
        let body: Data
    }

    /// Machines whose requests, or whose answers, are lost.
    var lostUp: Set<Int> = []
    var lostDown: Set<Int> = []
    var isHealed = false
    /// What is still under way is lost: a user's wish that comes ten minutes late would be taken for an
    /// effect of what is looked at.
    var isCut = false

    init(_ world: World, _ plan: Plan) {
        self.world = world
        self.plan = plan
        random = world.random("network")
        jitter = world.random("retry")
    }

    /// Sends once; `done` hears of the answer, or that there is none.
    func call<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, from peer: Peer, patience: Duration,
        done: @escaping (Result<Response, ClientError>) -> Void
    ) {
        let body: Data
        do {
            body = try request.body()
        } catch {
            preconditionFailure("\(endpoint.name) cannot be encoded: \(error)")
        }
        let parameters = request.parameters
        let what = Refusal(machine: peer.machine, name: endpoint.name, parameters: parameters, body: body)
        let limit = Self.ofContent.contains(endpoint.name) ? 3 : 1
        let recent = (refused[what] ?? []).filter { world.now - $0 < 1_000_000_000 }
        if peer.badge == .workers, recent.count >= limit {
            world.fail("I24", "\(endpoint.name) was refused and sent again within a second, the same")
        }
        var isOver = false
        var given: [UInt64] = []
        let finish: (Result<Response, ClientError>) -> Void = { result in
            guard !isOver else { return }
            isOver = true
            if peer.isAlive { done(result) }
        }
        world.after(patience) { [weak self] in
            guard !isOver else { return }
            // The connection is closed; a poll that still waits is given up.
            if let coordinator = self?.coordinator { for id in given { coordinator.abandon(id) } }
            finish(.failure(Self.silence))
        }
        let copies = happens(.duplicate) ? 2 + random.integer(below: 2) : 1
        for _ in 0..<copies {
            if lostUp.contains(peer.machine) || happens(.requestLost) { continue }
            world.after(latency()) { [weak self] in
                guard let self, !isCut else { return }
                guard let coordinator, coordinator.isUp else {
                    self.world.after(.milliseconds(1)) { finish(.failure(Self.silence)) }
                    return
                }
                if !given.isEmpty { world.probe("request received twice: \(endpoint.name)") }
                let asked = SimulatedCoordinator.Asked(
                    name: endpoint.name, parameters: parameters, body: body, badge: peer.badge)
                let id = coordinator.receive(asked) { [weak self] answer in
                    guard let self else { return }
                    if self.lostDown.contains(peer.machine) || self.happens(.answerLost) { return }
                    self.world.after(self.answerLatency(endpoint.name)) {
                        switch answer {
                        case .none: finish(.failure(Self.silence))
                        case .some(.failure(let error)):
                            // Whoever has given up does not hear of it.
                            if !isOver, !error.isTransient {
                                let before = Array((self.refused[what] ?? []).suffix(2))
                                self.refused[what] = before + [self.world.now]
                            }
                            finish(.failure(ClientError(.refused(error.code), error.message, answer: error)))
                        case .some(.success(let bytes)):
                            do {
                                finish(.success(try Response(body: bytes)))
                            } catch {
                                self.world.fail("wire", "\(endpoint.name): its answer cannot be read: \(error)")
                            }
                        }
                    }
                }
                given.append(id)
            }
        }
    }

    /// Sends again and again, by the client's own policy.
    func insist<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, from peer: Peer,
        patience: Duration = .seconds(30), repeats: Int = 0, done: @escaping (Result<Response, ClientError>) -> Void
    ) {
        call(endpoint, request, from: peer, patience: patience) { [self] result in
            guard case .failure(let error) = result,
                let wait = RetryPolicy.forever.wait(before: repeats, error: error, random: jitter)
            else { return done(result) }
            world.after(wait) { [self] in
                guard peer.isAlive else { return }
                insist(endpoint, request, from: peer, patience: patience, repeats: repeats + 1, done: done)
            }
        }
    }

    private func happens(_ fault: Plan.Fault) -> Bool {
        guard !isHealed, plan.has(fault), random.chance(plan.loss) else { return false }
        world.fault(fault.rawValue)
        return true
    }

    private func latency() -> Duration {
        guard !isHealed, plan.has(.delay), random.chance(plan.delayShare ?? plan.loss) else {
            return .milliseconds(1 + random.integer(below: 20))
        }
        world.fault("delay")
        return random.exponential(plan.delaySeconds, cap: 600)
    }

    private func answerLatency(_ name: String) -> Duration {
        guard !isHealed, plan.has(.delay), name == Endpoint<HeartbeatRequest, HeartbeatResponse>.heartbeat.name,
            random.chance(plan.lateHeartbeats)
        else {
            return latency()
        }
        world.fault("late-heartbeat")
        return .seconds(random.between(1, 9.9))
    }

    static let silence = ClientError(.unreachable, "no answer")
}
