package import RunSpec

/// Everything about one job.
package struct JobDetail: Codable, Equatable, Sendable {
    package struct Attempt: Codable, Equatable, Sendable {
        package var number: Int
        /// Name of the worker.
        package var worker: String
        package var started: Int64
        package var ended: Int64?
        package var outcome: String?
        package var failure: String?
        package var message: String?
        package var resumedStep: Int
        package var workerID: String?
        /// The most that one of its GPUs held, in MB (10⁶ bytes), and how busy they were on average, in
        /// percent; nil without GPUs, or before the trainer logged anything.
        package var gpuMemory: Double?
        package var gpuUtilisation: Double?
        package init(
            number: Int, worker: String, started: Int64, ended: Int64?, outcome: String?, failure: String?,
            message: String?, resumedStep: Int, workerID: String? = nil, gpuMemory: Double? = nil,
            gpuUtilisation: Double? = nil
        ) {
            self.gpuMemory = gpuMemory
            self.gpuUtilisation = gpuUtilisation
            self.number = number
            self.worker = worker
            self.started = started
            self.ended = ended
            self.outcome = outcome
            self.failure = failure
            self.message = message
            self.resumedStep = resumedStep
            self.workerID = workerID
        }
    }
    package struct Event: Codable, Equatable, Sendable {
        package var at: Int64
        package var kind: String
        package var attempt: Int?
        package var detail: String
        package init(at: Int64, kind: String, attempt: Int?, detail: String) {
            self.at = at
            self.kind = kind
            self.attempt = attempt
            self.detail = detail
        }
    }
    /// What of an attempt could not be taken, and what to do about it.
    package struct Notice: Codable, Equatable, Sendable {
        package var attempt: Int
        package var kind: String
        package var count: Int
        package var detail: String
        package init(attempt: Int, kind: String, count: Int, detail: String) {
            self.attempt = attempt
            self.kind = kind
            self.count = count
            self.detail = detail
        }
    }
    /// A base or data set: a place on the machine that launched the sweep, and its content.
    package struct Base: Codable, Equatable, Sendable {
        package var path: String
        package var digest: String
        package init(path: String, digest: String) {
            self.path = path
            self.digest = digest
        }
    }
    /// How the images of its evaluation are drawn.
    package struct Sampling: Codable, Equatable, Sendable {
        package var sampler: String
        package var steps: Int
        package var guidance: Double
        package init(sampler: String, steps: Int, guidance: Double) {
            self.sampler = sampler
            self.steps = steps
            self.guidance = guidance
        }
    }
    /// The job that it was made of.
    package struct Origin: Codable, Equatable, Sendable {
        /// `rerun` or `extend`.
        package var way: String
        package var parent: String
        /// Where it began; 0 from the beginning.
        package var epoch: Int
        package var step: Int
        /// What was set.
        package var changes: [String: ParameterValue]
        /// What becomes of the learning rate, where that must be known.
        package var notice: String?
        package init(
            way: String, parent: String, epoch: Int, step: Int, changes: [String: ParameterValue], notice: String? = nil
        ) {
            self.way = way
            self.parent = parent
            self.epoch = epoch
            self.step = step
            self.changes = changes
            self.notice = notice
        }
    }
    /// A job that was made of it.
    package struct Child: Codable, Equatable, Sendable {
        package var way: String
        package var job: String
        package init(way: String, job: String) {
            self.way = way
            self.job = job
        }
    }
    package var job: JobSummary
    /// All sweeps it belongs to.
    package var sweeps: [String]
    package var attempts: [Attempt]
    package var checkpoints: [StoredCheckpoint]
    /// Newest value of every metric.
    package var latest: [String: Double]
    package var events: [Event]
    /// nil from a coordinator that knows of none.
    package var notices: [Notice]?
    /// nil for a job without one, and from a coordinator that does not tell; likewise below.
    package var base: Base?
    package var sampling: Sampling?
    /// What was trained on.
    package var data: Base?
    package var origin: Origin?
    package var children: [Child]?
    package init(
        job: JobSummary, sweeps: [String], attempts: [Attempt], checkpoints: [StoredCheckpoint],
        latest: [String: Double],
        events: [Event], notices: [Notice]? = nil, base: Base? = nil, sampling: Sampling? = nil,
        data: Base? = nil, origin: Origin? = nil, children: [Child]? = nil
    ) {
        self.origin = origin
        self.children = children
        self.data = data
        self.base = base
        self.sampling = sampling
        self.notices = notices
        self.job = job
        self.sweeps = sweeps
        self.attempts = attempts
        self.checkpoints = checkpoints
        self.latest = latest
        self.events = events
    }
}
