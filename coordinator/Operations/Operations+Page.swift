import CoordinatorCore
import Ports
import RunSpec
package import SweepLedger
import SweepModel
package import SweepWire

/// What the page for people does beside the calls of the contract.
extension Operations {
    /// What people should know and do something about: a disk that fills up.
    package var notice: String? { gauge.notice }

    /// What an action did, or would do.
    package struct ActionEffect: Sendable, Equatable {
        package var changed: Int
        package var stopping: Int
        /// Of those that changed: they were about to stop, and go on.
        package var continuing: Int
        /// Of those that changed: they ran.
        package var canceledRunning: Int
        package var untouched: Int
        package var notice: String?
    }

    /// - Parameter isTrial: nothing is changed.
    package func change(
        _ request: ActionRequest, principal: Principal, isTrial: Bool
    ) async throws -> ActionEffect {
        let verb = ChangeJobs(
            action: request.action, target: request.target, failure: request.failure, ledgerID: ledger.id, now: wall)
        let outcome: ChangeJobs.Outcome
        if isTrial {
            outcome = try await work.commit(Trial(verb))
        } else {
            let detail = "\(request.action.rawValue) \(request.target)"
            outcome = try await work.commit(
                Audited(verb, AuditEntry(actor: principal.id, call: "action", detail: detail, now: wall)))
            engine.tell(
                .changed(outcome.changes, stopping: outcome.stopping, continuing: outcome.continuing))
        }
        return ActionEffect(
            changed: outcome.changes.count + outcome.continuing.count, stopping: outcome.stopping.count,
            continuing: outcome.continuing.count,
            canceledRunning: request.action == .cancel ? outcome.changes.count { $0.ended != nil } : 0,
            untouched: outcome.untouched, notice: outcome.notice)
    }

    /// - Returns: how many jobs have, or would have, another priority.
    package func setPriority(
        _ target: String, _ priority: Int, principal: Principal, isTrial: Bool
    ) async throws -> Int {
        let verb = SetPriority(target: target, priority: priority, now: wall)
        guard !isTrial else { return try await work.commit(Trial(verb)).changed }
        let outcome = try await work.commit(
            Audited(verb, AuditEntry(actor: principal.id, call: "priority", detail: "\(target) \(priority)", now: wall))
        )
        engine.tell(.changed(outcome.waiting, stopping: [], continuing: []))
        return outcome.changed
    }

    package func drain(_ worker: String, _ drain: Bool, principal: Principal) async throws {
        let verb = SetWorkerState(worker: worker, drain: drain, now: wall)
        let entry = AuditEntry(actor: principal.id, call: "drain", detail: "\(worker): \(drain)", now: wall)
        let id = try await work.commit(Audited(verb, entry))
        engine.tell(.workerChanged(id, drain ? .draining : .active))
    }

    /// Stores a vote.
    package func vote(_ vote: CastVote, principal: Principal, detail: String) async throws {
        try await work.commit(
            Audited(vote, AuditEntry(actor: principal.id, call: "vote", detail: detail, now: wall)))
    }

    /// Stores what the votes of a sweep say.
    package func store(_ scores: [StoreVoteScores.Score]) async throws {
        _ = try await work.commit(StoreVoteScores(scores: scores))
    }
}
