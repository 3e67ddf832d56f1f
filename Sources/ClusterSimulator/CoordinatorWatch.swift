import CoordinatorCore
import CoordinatorOperations
import SweepModel
import SweepWire

/// Watches what a coordinator's core hears and decides: leases, trial jobs, grants.
// @unchecked: one thread uses a world and all that is in it.
final class CoordinatorWatch: EngineWatch, @unchecked Sendable {
    private let world: World
    private let leases: LeaseWatch?
    private let trials: TrialWatch
    /// Exchanges that wait for their answer.
    private var asked: [ReplyID: SessionID] = [:]
    /// Attempts granted by an exchange: sent again, it must grant the same.
    private var granted: [SessionID: [UInt64: [AttemptToken]]] = [:]

    init(_ world: World, _ leases: LeaseWatch?, _ trials: TrialWatch) {
        self.world = world
        self.leases = leases
        self.trials = trials
    }

    /// A new process numbers its requests anew.
    func started() { asked = [:] }

    /// A restored backup may grant other attempts.
    func forget() { granted = [:] }

    func hears(_ event: CoordinatorEvent, _ core: CoordinatorCore) {
        leases?.heard(event, core)
        switch event {
        case .exchange(let request, let reply): asked[reply] = request.session
        case .disconnected(let reply): asked[reply] = nil
        case .committed(let id, let outcome): trials.committed(id, outcome)
        case .workerChanged(let worker, .active): trials.lifted(worker)
        default: break
        }
    }

    func decides(_ effect: CoordinatorEffect, _ core: CoordinatorCore) {
        switch effect {
        case .commit(let id, let command):
            trials.asked(id, command)
            if case .expire(let tokens) = command { leases?.expire(tokens) }
        case .reply(let id, let reply):
            leases?.replied(reply)
            if let session = asked.removeValue(forKey: id), case .exchanged(let response) = reply {
                checkGrants(session, response, core)
            }
        case .log: break
        }
    }

    /// R19: a claim that is sent again gives the same attempts, as long as it is one of the newest.
    private func checkGrants(_ session: SessionID, _ response: ExchangeResponse, _ core: CoordinatorCore) {
        let tokens = response.grants.map(\.token)
        guard !tokens.isEmpty else { return }
        if let worker = core.worker(of: session) {
            for token in tokens { leases?.granted(token, to: worker) }
        }
        let known = granted[session] ?? [:]
        guard let before = known[response.number] else {
            granted[session, default: [:]][response.number] = tokens
            return
        }
        world.probe("grant given again")
        let isNew = !Set(tokens).isSubset(of: before)
        if isNew, known.keys.filter({ $0 > response.number }).count < 16 {
            world.fail("R19", "exchange \(response.number) was sent again and granted \(tokens) after \(before)")
        }
    }
}
