package import RunSpec
package import SweepModel

/// A change that a user asks for, of a sweep (exact name) or a job (id or unique prefix of at least eight
/// digits).
package struct ActionRequest: Codable, Equatable, WireRequest {
    package var action: JobAction
    package var target: String
    /// For `resume`: only jobs that failed with this class.
    package var failure: FailureClass?
    /// For `resume` of a sweep: what it may take from now on, instead of what its file says. What is not
    /// named stays.
    package var budget: SweepBudget?
    package init(action: JobAction, target: String, failure: FailureClass? = nil, budget: SweepBudget? = nil) {
        self.action = action
        self.target = target
        self.failure = failure
        self.budget = budget
    }
}

package struct ActionResponse: Codable, Equatable, WireResponse {
    /// Jobs whose state changed at once.
    package var changed: Int
    /// Running jobs that were asked to stop and change when they do.
    package var stopping: Int
    /// Jobs left alone because another active sweep wants them, or because their state does not allow it.
    package var untouched: Int
    /// What else the user should know.
    package var notice: String?
    package init(changed: Int, stopping: Int, untouched: Int, notice: String? = nil) {
        self.changed = changed
        self.stopping = stopping
        self.untouched = untouched
        self.notice = notice
    }
}

/// A worker that is gone, to be removed: its id, the first 8 digits of it, or its name.
package struct ForgetRequest: Codable, Equatable, WireRequest {
    package var worker: String
    package init(worker: String) { self.worker = worker }
}

/// Stops a worker politely (`drain: true`), or lets a drained or suspended worker work again.
package struct DrainRequest: Codable, Equatable, WireRequest {
    /// Id of the worker, the first 8 digits of it, or its name.
    package var worker: String
    package var drain: Bool
    package init(worker: String, drain: Bool = true) {
        self.worker = worker
        self.drain = drain
    }
}
