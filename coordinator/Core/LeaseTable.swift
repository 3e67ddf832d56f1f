import Ports
import SweepModel

/// The leases by job, and which jobs each session has: what is asked of a session in every exchange must not
/// look at the leases of thousands of others.
struct LeaseTable: Sendable {
    typealias Lease = CoordinatorCore.Lease

    private var byJob: [JobID: Lease] = [:]
    private var jobs: [SessionID: Set<JobID>] = [:]

    var count: Int { byJob.count }
    var values: Dictionary<JobID, Lease>.Values { byJob.values }

    subscript(_ job: JobID) -> Lease? {
        get { byJob[job] }
        set {
            let old = byJob[job]?.session
            byJob[job] = newValue
            guard old != newValue?.session else { return }
            if let old {
                jobs[old]?.remove(job)
                if jobs[old]?.isEmpty == true { jobs[old] = nil }
            }
            if let newValue { jobs[newValue.session, default: []].insert(job) }
        }
    }

    /// Those of a session, in no order.
    func leases(of session: SessionID) -> [Lease] { (jobs[session] ?? []).compactMap { byJob[$0] } }

    /// Puts all deadlines off.
    mutating func shiftDeadlines(by delay: Duration) {
        for (job, lease) in byJob { byJob[job]?.deadline = lease.deadline + delay }
    }
}
