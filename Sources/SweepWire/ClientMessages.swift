package import Foundation
package import RunSpec

/// One sweep in lists. Times are milliseconds since 1970 on the coordinator's wall clock, for people only.
package struct SweepSummary: Codable, Equatable, Sendable, WireResponse {
    package var name: String
    package var created: Int64
    package var priority: Int
    package var configurations: Int
    /// Jobs by state (`JobState` raw value); states without a job are absent.
    package var states: [String: Int]
    package var checkpoints: Int
    /// active, stopped (by itself), paused, finished (no job can move by itself) or canceled.
    package var state: String
    /// Why it stopped itself, and when.
    package var reason: String?
    package var since: Int64?
    /// The command that makes it go on.
    package var remedy: String?
    package var jobs: Int { states.values.reduce(0, +) }
    /// Whether no job can change by itself any more.
    package var isFinished: Bool { (states["waiting"] ?? 0) + (states["running"] ?? 0) + (states["paused"] ?? 0) == 0 }
    /// Whether it was stopped by itself and nothing of it runs any more.
    package var isStopped: Bool { state == "stopped" && (states["running"] ?? 0) == 0 }
    package init(
        name: String, created: Int64, priority: Int, configurations: Int, states: [String: Int], checkpoints: Int,
        state: String = "active", reason: String? = nil, since: Int64? = nil, remedy: String? = nil
    ) {
        self.name = name
        self.created = created
        self.priority = priority
        self.configurations = configurations
        self.states = states
        self.checkpoints = checkpoints
        self.state = state
        self.reason = reason
        self.since = since
        self.remedy = remedy
    }

    /// A coordinator of protocol 1 says nothing of states.
    package init(from decoder: any Decoder) throws {
        let keyed = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try keyed.decode(String.self, forKey: .name), created: try keyed.decode(Int64.self, forKey: .created),
            priority: try keyed.decode(Int.self, forKey: .priority),
            configurations: try keyed.decode(Int.self, forKey: .configurations),
            states: try keyed.decode([String: Int].self, forKey: .states),
            checkpoints: try keyed.decode(Int.self, forKey: .checkpoints),
            state: try keyed.decodeIfPresent(String.self, forKey: .state) ?? "active",
            reason: try keyed.decodeIfPresent(String.self, forKey: .reason),
            since: try keyed.decodeIfPresent(Int64.self, forKey: .since),
            remedy: try keyed.decodeIfPresent(String.self, forKey: .remedy))
    }
}

/// The whole ledger at a glance.
package struct StatusResponse: Codable, Equatable, WireResponse {
    package var sweeps: [SweepSummary]
    package var workers: [WorkerSummary]
    /// What people should know and do something about: a disk that fills up.
    package var notice: String?
    /// Jobs that have not ended, those that wait first, and why; the first few hundred.
    package var jobs: [JobBrief]?
    package init(
        sweeps: [SweepSummary], workers: [WorkerSummary], notice: String? = nil, jobs: [JobBrief]? = nil
    ) {
        self.sweeps = sweeps
        self.workers = workers
        self.notice = notice
        self.jobs = jobs
    }

    /// Most jobs in it: of one sweep, or of all.
    package static let mostJobs = 200
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

/// A sweep by name; an empty name means all.
package struct SweepRequest: Equatable, WireRequest {
    package var sweep: String
    package init(sweep: String) { self.sweep = sweep }
    package var parameters: [String: String] { ["sweep": sweep] }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws { sweep = parameters["sweep"] ?? "" }
}

/// Jobs, in the order of their sweeps; `after` is the last id of the page before.
package struct JobsRequest: Equatable, WireRequest {
    package var sweep: String?
    package var state: String?
    package var limit: Int
    package var after: String?
    package init(sweep: String? = nil, state: String? = nil, limit: Int = 1000, after: String? = nil) {
        self.sweep = sweep
        self.state = state
        self.limit = limit
        self.after = after
    }
    package var parameters: [String: String] {
        var result = ["limit": String(limit)]
        result["sweep"] = sweep
        result["state"] = state
        result["after"] = after
        return result
    }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws {
        sweep = parameters["sweep"]
        state = parameters["state"]
        after = parameters["after"]
        limit = min(try parameters.integer("limit", default: 1000), 10_000)
    }
}

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
    package init(
        id: String, sweep: String, group: String, configuration: String, state: String, seed: Int, attempts: Int,
        worker: String?, failure: String?, message: String?, parameters: [String: ParameterValue], created: Int64,
        updated: Int64, workerID: String? = nil, waitsFor: String? = nil
    ) {
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
    }

    private enum CodingKeys: String, CodingKey {
        case id, sweep, group, configuration, state, seed, attempts, worker, failure, message, parameters, created,
            updated
        case workerID
        case waitsFor = "waits_for"
    }
}

/// A job by its id or a unique prefix of at least eight digits.
package struct JobRequest: Equatable, WireRequest {
    package var job: String
    package init(job: String) { self.job = job }
    package var parameters: [String: String] { ["job": job] }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws { job = try parameters.required("job") }
}

package struct JobDetail: Codable, Equatable, WireResponse {
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
        package init(
            number: Int, worker: String, started: Int64, ended: Int64?, outcome: String?, failure: String?,
            message: String?, resumedStep: Int, workerID: String? = nil
        ) {
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
    package struct Checkpoint: Codable, Equatable, Sendable {
        package var name: String
        package var attempt: Int
        package var step: Int
        package var epoch: Int
        package var files: [BlobFile]
        package init(name: String, attempt: Int, step: Int, epoch: Int, files: [BlobFile]) {
            self.name = name
            self.attempt = attempt
            self.step = step
            self.epoch = epoch
            self.files = files
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
    package var job: JobSummary
    /// All sweeps it belongs to.
    package var sweeps: [String]
    package var attempts: [Attempt]
    package var checkpoints: [Checkpoint]
    /// Newest value of every metric.
    package var latest: [String: Double]
    package var events: [Event]
    /// nil from a coordinator that knows of none.
    package var notices: [Notice]?
    package init(
        job: JobSummary, sweeps: [String], attempts: [Attempt], checkpoints: [Checkpoint], latest: [String: Double],
        events: [Event], notices: [Notice]? = nil
    ) {
        self.notices = notices
        self.job = job
        self.sweeps = sweeps
        self.attempts = attempts
        self.checkpoints = checkpoints
        self.latest = latest
        self.events = events
    }
}

/// Log text of a job's newest attempt (or of `attempt`) from a byte offset. With `waitSeconds` the answer waits for new
/// text.
package struct LogRequest: Equatable, WireRequest {
    package var job: String
    package var attempt: Int?
    package var offset: UInt64
    package var waitSeconds: Double
    package init(job: String, attempt: Int? = nil, offset: UInt64 = 0, waitSeconds: Double = 0) {
        self.job = job
        self.attempt = attempt
        self.offset = offset
        self.waitSeconds = waitSeconds
    }
    package var parameters: [String: String] {
        var result = ["job": job, "offset": String(offset), "wait": String(waitSeconds)]
        result["attempt"] = attempt.map(String.init)
        return result
    }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws {
        job = try parameters.required("job")
        attempt = parameters["attempt"] == nil ? nil : try parameters.integer("attempt")
        offset = UInt64(try parameters.integer("offset", default: 0))
        waitSeconds = try parameters.seconds("wait")
    }
}

package struct LogText: Codable, Equatable, WireResponse {
    package var attempt: Int
    package var offset: UInt64
    package var text: String
    /// Where to read on.
    package var next: UInt64
    /// The attempt ended and there is no more text.
    package var isComplete: Bool
    /// The line that is not ended yet, as it stands now; a progress bar's changes without the text growing.
    package var line: String?
    package init(
        attempt: Int, offset: UInt64, text: String, next: UInt64, isComplete: Bool, line: String? = nil
    ) {
        self.line = line
        self.attempt = attempt
        self.offset = offset
        self.text = text
        self.next = next
        self.isComplete = isComplete
    }
}

package struct WorkerSummary: Codable, Equatable, Sendable {
    package var id: String
    package var name: String
    /// connected, silent, draining, stopped, suspended.
    package var state: String
    package var slots: Int
    package var busy: Int
    package var labels: [String: String]
    package var gpus: Int
    package var lastSeen: Int64
    /// Ids of the jobs it runs now.
    package var jobs: [String]
    /// Why it is in its state, since when, and the command that undoes it.
    package var reason: String?
    package var since: Int64?
    package var remedy: String?
    /// Bytes; 0 when not known.
    package var memory: Int64?
    package var coreVersions: [String]?
    package init(
        id: String, name: String, state: String, slots: Int, busy: Int, labels: [String: String], gpus: Int,
        lastSeen: Int64, jobs: [String], reason: String? = nil, since: Int64? = nil, remedy: String? = nil,
        memory: Int64? = nil, coreVersions: [String]? = nil
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.slots = slots
        self.busy = busy
        self.labels = labels
        self.gpus = gpus
        self.lastSeen = lastSeen
        self.jobs = jobs
        self.reason = reason
        self.since = since
        self.remedy = remedy
        self.memory = memory
        self.coreVersions = coreVersions
    }
}

/// A change that a user asks for, of a sweep (exact name) or a job (id or unique prefix of at least eight digits).
package struct ActionRequest: Codable, Equatable, WireRequest {
    package enum Action: String, Codable, Sendable { case pause, unpause, cancel, resume }
    package var action: Action
    package var target: String
    /// For `resume`: only jobs that failed with this class.
    package var failure: FailureClass?
    package init(action: Action, target: String, failure: FailureClass? = nil) {
        self.action = action
        self.target = target
        self.failure = failure
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
