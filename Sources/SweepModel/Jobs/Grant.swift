package import RunSpec

/// A job given to a worker, as the worker reads it: durable in the ledger before it is sent.
package struct Grant: Equatable, Sendable {
    package var token: AttemptToken
    /// All values resolved: nothing is left to look up but the inputs (by digest) and blobs.
    package var job: ResolvedJob
    package var leaseSeconds: Double
    /// The newest complete training state; nil for a start from the beginning.
    package var resume: StoredCheckpoint?
    /// Checkpoints earlier attempts trained that stay valid: their adapters are restored, not trained again.
    package var trained: [StoredCheckpoint]
    /// Checkpoints whose evaluation is complete already (`base` may be among them).
    package var evaluated: [String]
    /// True where its rule has decided that it has trained enough: what is there is to become its result.
    package var isEnough: Bool?
    /// What was made for it on another machine, by the job that made it.
    package var prepared: [PreparedFiles]?
    /// As it came over the wire, where it did; no part of what it says.
    package var text = Text()

    package struct Text: Equatable, Sendable {
        package var bytes: [UInt8]?
        package static func == (one: Text, other: Text) -> Bool { true }
    }

    package init(
        token: AttemptToken, job: ResolvedJob, leaseSeconds: Double, resume: StoredCheckpoint? = nil,
        trained: [StoredCheckpoint] = [], evaluated: [String] = [], isEnough: Bool? = nil,
        prepared: [PreparedFiles]? = nil
    ) {
        self.prepared = prepared
        self.token = token
        self.job = job
        self.leaseSeconds = leaseSeconds
        self.resume = resume
        self.trained = trained
        self.evaluated = evaluated
        self.isEnough = isEnough
    }
}

/// What a preparation made once for all machines.
package struct PreparedFiles: Codable, Equatable, Sendable {
    /// Id of the job that made it.
    package var job: String
    package var files: [BlobFile]

    package init(job: String, files: [BlobFile]) {
        self.job = job
        self.files = files
    }
}

/// A job that the ledger gave to a worker. A coordinator hands its JSON on and does not read it.
package struct ClaimedJob: Equatable, Sendable {
    /// Row of the job.
    package var row: Int64
    package var token: AttemptToken
    /// The resolved job as JSON: a `ResolvedJob` with sorted keys.
    package var spec: String
    package var priority: Int
    /// What it needs of a worker.
    package var needs: RequirementSpec
    /// Newest complete training state.
    package var resume: StoredCheckpoint?
    /// Checkpoints with a deliverable that stay valid.
    package var trained: [StoredCheckpoint]
    /// Checkpoints whose evaluation is complete.
    package var evaluated: [String]
    /// Whether its rule has decided that it has trained enough.
    package var isEnough = false
    /// What was made for it on another machine.
    package var prepared: [PreparedFiles] = []

    package init(
        row: Int64, token: AttemptToken, spec: String, priority: Int, needs: RequirementSpec = RequirementSpec(),
        resume: StoredCheckpoint? = nil, trained: [StoredCheckpoint] = [], evaluated: [String] = []
    ) {
        self.row = row
        self.token = token
        self.spec = spec
        self.priority = priority
        self.needs = needs
        self.resume = resume
        self.trained = trained
        self.evaluated = evaluated
    }
}
