import CoordinatorCore
import SweepModel
import SweepWire

/// R14: no lease ends before its worker was silent for its length, not counting the time in which the
/// coordinator itself stood still.
final class LeaseWatch {
    private let world: World
    private let lease: Int64
    /// When the coordinator last heard of an attempt, and how long it had stood still until then.
    private var heardAt: [AttemptToken: (time: Int64, stalled: Int64)] = [:]
    private var start: (time: Int64, stalled: Int64) = (0, 0)
    private var stalled: Int64 = 0
    private var holders: [AttemptToken: WorkerID] = [:]
    /// Shorter ones are nobody's business: R14 begins at 5 s.
    private static let shortestStall: Int64 = 6_500_000_000
    /// A tick may be this much early or late.
    private static let tolerance: Int64 = 1_500_000_000

    init(_ world: World, lease: Double) {
        self.world = world
        self.lease = Int64(lease * 1e9)
    }

    func started() {
        start = (world.now, stalled)
        heardAt = [:]
    }

    func stalled(from begin: Int64, to end: Int64) {
        if end - begin > Self.shortestStall { stalled += end - begin }
    }

    /// A sign of life that reached the coordinator, of attempts that its sender holds.
    func heard(_ event: CoordinatorEvent, _ core: CoordinatorCore) {
        switch event {
        case .heartbeat(let request, _): note(request.attempts.map(\.token), core.worker(of: request.session))
        case .exchange(let request, _): note(request.reports.map(\.token), core.worker(of: request.session))
        default: break
        }
    }

    func replied(_ reply: CoordinatorReply) {
        guard case .exchanged(let response) = reply else { return }
        for grant in response.grants where heardAt[grant.token] == nil { heardAt[grant.token] = (world.now, stalled) }
    }

    func granted(_ token: AttemptToken, to worker: WorkerID) { holders[token] = worker }

    private func note(_ tokens: [AttemptToken], _ worker: WorkerID?) {
        // Whose grant never reached anybody can only be named by one who must not.
        for token in tokens where worker != nil && holders[token] == worker {
            heardAt[token] = (world.now, stalled)
        }
    }

    func expire(_ tokens: [AttemptToken]) {
        for token in tokens {
            let last = heardAt[token] ?? start
            let silence = world.now - last.time - (stalled - last.stalled)
            guard silence < lease - Self.tolerance else { continue }
            world.fail(
                "R14",
                "the lease of \(token) ended after \(silence / 1_000_000) ms of silence, \(lease / 1_000_000) promised"
            )
        }
    }
}
