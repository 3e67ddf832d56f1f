/// A worker as the ledger lists it, with what decides its state besides how long it has been silent.
package struct ListedWorker: Equatable, Sendable {
    package struct Suspension: Equatable, Sendable {
        /// Milliseconds since 1970.
        package var since: Int64
        package var reason: String

        package init(since: Int64, reason: String) {
            self.since = since
            self.reason = reason
        }
    }

    /// Its state as long as nothing else is known: `connected`.
    package var worker: WorkerSummary
    package var standing: WorkerStanding
    /// When it stopped politely, and when a user drained it; milliseconds since 1970.
    package var saidGoodbye: Int64?
    package var drainedAt: Int64?
    package var suspension: Suspension?

    package init(
        worker: WorkerSummary, standing: WorkerStanding, saidGoodbye: Int64?, drainedAt: Int64?,
        suspension: Suspension?
    ) {
        self.worker = worker
        self.standing = standing
        self.saidGoodbye = saidGoodbye
        self.drainedAt = drainedAt
        self.suspension = suspension
    }

    /// What people are told of it: its state, why, since when, and the command that undoes it.
    ///
    /// - Parameters:
    ///   - lastSeen: when it was last heard from, in milliseconds since 1970.
    ///   - isSilent: whether that is longer ago than a worker may be silent.
    package func summary(lastSeen: Int64, isSilent: Bool) -> WorkerSummary {
        var summary = worker
        summary.lastSeen = lastSeen
        let id = worker.id.prefix(WorkerID.shortestPrefix)
        let back = "`radiata drain \(id) --undo`"
        func tell(_ state: String, _ reason: String, since: Int64?, remedy: String) {
            summary.state = state
            summary.reason = reason
            summary.since = since
            summary.remedy = remedy
        }
        if let saidGoodbye {
            tell(
                "stopped", "it was stopped politely", since: saidGoodbye,
                remedy: "start it again, or `radiata workers forget \(id)`")
        } else if isSilent {
            let more = suspension.map { "; before that it was suspended: \($0.reason)" } ?? ""
            tell(
                "silent", "it has not been heard from\(more)", since: lastSeen,
                remedy: "look at its machine and start it again, or `radiata workers forget \(id)`")
        } else if standing == .draining {
            tell("draining", "a user drained it", since: drainedAt, remedy: back)
        } else if let suspension {
            tell("suspended", suspension.reason, since: suspension.since, remedy: back)
        }
        return summary
    }
}
