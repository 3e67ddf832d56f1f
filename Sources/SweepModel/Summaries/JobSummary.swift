package import RunSpec

/// One job in lists. Times are milliseconds since 1970 on the coordinator's wall clock, for people only.
package struct JobSummary: Codable, Equatable, Sendable {
    package var id: String
    package var sweep: String
    package var group: String
    package var configuration: String
    package var state: String
    package var seed: Int
    package var attempts: Int
    /// Name of the worker that has it, or had it last.
    package var worker: String?
    package var failure: String?
    package var message: String?
    /// What the sweep file set for this point.
    package var parameters: [String: ParameterValue]
    package var created: Int64
    package var updated: Int64
    /// Id of that worker.
    package var workerID: String?
    /// A sentence: why it waits, for one that does.
    package var waitsFor: String?
    /// Id of the job that it was made of; the group says how (`rerun`, `extend`).
    package var parent: String?
    /// What people say of it; nil for nothing.
    package var tags: [String]?
    package var note: String?
    /// `evaluate` and others; nil for one that trains.
    package var kind: String?
    /// What it fell back to when memory ran out; nil for what the sweep file says.
    package var fallback: [String: ParameterValue]?
    package init(
        id: String, sweep: String, group: String, configuration: String, state: String, seed: Int, attempts: Int,
        worker: String?, failure: String?, message: String?, parameters: [String: ParameterValue], created: Int64,
        updated: Int64, workerID: String? = nil, waitsFor: String? = nil, parent: String? = nil,
        tags: [String]? = nil, note: String? = nil, kind: String? = nil,
        fallback: [String: ParameterValue]? = nil
    ) {
        self.fallback = fallback
        self.tags = tags
        self.note = note
        self.parent = parent
        self.id = id
        self.sweep = sweep
        self.group = group
        self.configuration = configuration
        self.state = state
        self.seed = seed
        self.attempts = attempts
        self.worker = worker
        self.failure = failure
        self.message = message
        self.parameters = parameters
        self.created = created
        self.updated = updated
        self.workerID = workerID
        self.waitsFor = waitsFor
        self.kind = kind
    }

    /// Whether its configuration is one that the sweep compares.
    package var isCompared: Bool { kind == nil || kind == JobKind.edit.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, sweep, group, configuration, state, seed, attempts, worker, failure, message, parameters, created,
            updated
        case workerID, parent, tags, note, kind, fallback
        case waitsFor = "waits_for"
    }
}

/// A job in few words.
package struct JobBrief: Codable, Equatable, Sendable {
    package var id: String
    package var sweep: String
    package var state: String
    /// A sentence: why it waits.
    package var waitsFor: String?
    package init(id: String, sweep: String, state: String, waitsFor: String? = nil) {
        self.id = id
        self.sweep = sweep
        self.state = state
        self.waitsFor = waitsFor
    }

    private enum CodingKeys: String, CodingKey {
        case id, sweep, state
        case waitsFor = "waits_for"
    }
}

/// A job as the ledger lists it, and what it knows of why it waits; the rest is for the coordinator to say.
package struct ListedJob: Equatable, Sendable {
    package var job: JobSummary
    /// nil for one that has ended.
    package var wait: WaitingJob?

    package init(job: JobSummary, wait: WaitingJob?) {
        self.job = job
        self.wait = wait
    }
}
