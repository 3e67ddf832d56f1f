package import RunSpec

/// What follows from a failure of one class.
package struct FailurePolicy: Equatable, Sendable {
    /// Tries after the first failure; nil for no limit.
    package let budget: Int?
    /// Whether it counts against the job at all.
    package let counts: Bool
    /// Whether the next try should be on another worker, as long as another fitting one is connected.
    package let elsewhere: Bool
    /// Seconds before the next try, doubled with every further failure of the class.
    package let backoffSeconds: Double
    package let backoffCapSeconds: Double

    package init(budget: Int?, counts: Bool = true, elsewhere: Bool, backoffSeconds: Double, backoffCapSeconds: Double)
    {
        self.budget = budget
        self.counts = counts
        self.elsewhere = elsewhere
        self.backoffSeconds = backoffSeconds
        self.backoffCapSeconds = backoffCapSeconds
    }

    /// Seconds before try `failures` + 1, jitter apart.
    package func backoff(afterFailures failures: Int) -> Double {
        min(backoffCapSeconds, backoffSeconds * Double(1 << min(max(failures - 1, 0), 30)))
    }
}

extension FailureClass {
    /// The usual policy; a sweep's `retries` overrides the budget.
    package var policy: FailurePolicy {
        switch self {
        case .oom: FailurePolicy(budget: 2, elsewhere: true, backoffSeconds: 5, backoffCapSeconds: 300)
        // The same numbers on the same seed: once more rules out a flipped bit, more is waste.
        case .nan: FailurePolicy(budget: 1, elsewhere: true, backoffSeconds: 0, backoffCapSeconds: 0)
        case .crash: FailurePolicy(budget: 3, elsewhere: true, backoffSeconds: 5, backoffCapSeconds: 300)
        case .killed: FailurePolicy(budget: 5, elsewhere: false, backoffSeconds: 5, backoffCapSeconds: 300)
        case .timeout: FailurePolicy(budget: 1, elsewhere: true, backoffSeconds: 0, backoffCapSeconds: 0)
        case .lost: FailurePolicy(budget: nil, counts: false, elsewhere: false, backoffSeconds: 0, backoffCapSeconds: 0)
        case .badConfig: FailurePolicy(budget: 0, elsewhere: false, backoffSeconds: 0, backoffCapSeconds: 0)
        // The machine's fault: it never uses the job up, unless the sweep sets a budget.
        case .diskFull:
            FailurePolicy(budget: nil, counts: false, elsewhere: true, backoffSeconds: 10, backoffCapSeconds: 900)
        case .canceled:
            FailurePolicy(budget: nil, counts: false, elsewhere: false, backoffSeconds: 0, backoffCapSeconds: 0)
        }
    }

    /// Whether a sweep may set a budget for it. Those that are nobody's fault, or never get another try, have
    /// none to set; a full disk never uses a job up, unless the sweep wants it so.
    package var takesBudget: Bool { (policy.counts && self != .badConfig) || self == .diskFull }

    /// Whether a worker that fails different jobs in a row this way is suspect; a wrong job is not the
    /// worker's fault.
    package var countsAgainstWorker: Bool { policy.counts && self != .badConfig && self != .nan }
}

/// What to do with a job whose attempt just failed.
package enum FailureDecision: Equatable, Sendable {
    case retry(afterSeconds: Double, elsewhere: Bool)
    /// The budget is spent, or another try would change nothing.
    case fail
    /// It fails alike on two workers: poison.
    case park

    /// The event that this decision is for the job.
    package var event: JobEvent {
        switch self {
        case .retry: .retry
        case .fail: .exhaust
        case .park: .park
        }
    }

    /// - Parameters:
    ///   - failure: the class of the failure that just happened.
    ///   - worker: where.
    ///   - past: the job's earlier failures since it was launched or last resumed, oldest first.
    ///   - budgets: the sweep's own.
    package static func decide(
        _ failure: FailureClass, on worker: WorkerID, past: [PastFailure], budgets: RetrySpec
    ) -> FailureDecision {
        let policy = failure.policy
        if failure == .badConfig { return .fail }
        let alike = past.filter { $0.failure == failure }
        if policy.counts, alike.contains(where: { $0.worker != worker }) { return .park }
        let budget = budgets.budgets[failure] ?? policy.budget ?? .max
        guard alike.count < budget else { return .fail }
        return .retry(afterSeconds: policy.backoff(afterFailures: alike.count + 1), elsewhere: policy.elsewhere)
    }
}

/// One earlier failure of a job.
package struct PastFailure: Codable, Equatable, Sendable {
    package let failure: FailureClass
    package let worker: WorkerID

    package init(failure: FailureClass, worker: WorkerID) {
        self.failure = failure
        self.worker = worker
    }
}
