import Foundation
package import RunSpec
package import SweepModel

/// What a worker says of itself when it starts, and its secret.
package struct RegisterRequest: Equatable, WireRequest {
    package var record: WorkerRecord
    /// A secret made with the worker's id (256 bits as 64 hex digits): an id that came with one belongs to
    /// it.
    package var key: String?

    package var worker: WorkerID { record.worker }
    package var session: SessionID { record.session }

    package init(_ record: WorkerRecord, key: String? = nil) {
        self.record = record
        self.key = key
    }
}

/// One object: the record's fields, and the key beside them.
extension RegisterRequest: Codable {
    private enum CodingKeys: String, CodingKey { case key }

    /// - Throws: `DecodingError`.
    package init(from decoder: any Decoder) throws {
        record = try WorkerRecord(from: decoder)
        key = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(String.self, forKey: .key)
    }

    /// - Throws: `EncodingError`.
    package func encode(to encoder: any Encoder) throws {
        try record.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(key, forKey: .key)
    }
}

package struct RegisterResponse: Codable, Equatable, WireResponse {
    /// Id and epoch of the ledger; tokens of another ledger or epoch are superseded.
    package var ledger: String
    package var epoch: Int
    package var leaseSeconds: Double
    /// How often the worker should send a heartbeat (with ±20 % jitter).
    package var heartbeatSeconds: Double
    /// Attempts the ledger still holds open for this worker from earlier sessions: it ends what is left of
    /// them, sends their spool and releases each one.
    package var leftovers: [AttemptToken]
    /// The coordinator's build, for people; nil from one of before.
    package var program: String?

    package init(
        ledger: String, epoch: Int, leaseSeconds: Double, heartbeatSeconds: Double, leftovers: [AttemptToken],
        program: String? = nil
    ) {
        self.ledger = ledger
        self.epoch = epoch
        self.leaseSeconds = leaseSeconds
        self.heartbeatSeconds = heartbeatSeconds
        self.leftovers = leftovers
        self.program = program
    }
}

/// The worker's process ends. Since protocol 2: an older worker just falls silent.
package struct GoodbyeRequest: Codable, Equatable, WireRequest {
    package var session: SessionID
    package init(session: SessionID) { self.session = session }
}

/// Reports in order, and how many more jobs the worker can take.
package struct ExchangeRequest: Codable, Equatable, WireRequest {
    package var session: SessionID
    /// Counts the exchanges of a session from 1. A repeat of a number gets the same answer again.
    package var number: UInt64
    package var reports: [Report]
    package var freeSlots: Int
    /// Positions in the worker's list of GPUs that are free, one of several places once for each; nil of a
    /// worker without GPUs, or from the time before this.
    package var freeGPUs: [Int]?
    /// Longest wait for a grant in seconds, when there are no reports; 0 answers at once.
    package var waitSeconds: Double

    package init(
        session: SessionID, number: UInt64, reports: [Report], freeSlots: Int, freeGPUs: [Int]? = nil,
        waitSeconds: Double
    ) {
        self.session = session
        self.number = number
        self.reports = reports
        self.freeSlots = freeSlots
        self.freeGPUs = freeGPUs
        self.waitSeconds = waitSeconds
    }
}

/// All attempts a worker holds. Sent on a connection of its own; never waits behind bulk data.
package struct HeartbeatRequest: Codable, Equatable, WireRequest {
    package var session: SessionID
    package var attempts: [AttemptProgress]
    package init(session: SessionID, attempts: [AttemptProgress]) {
        self.session = session
        self.attempts = attempts
    }
}

package struct AttemptProgress: Codable, Equatable, Sendable {
    package var token: AttemptToken
    /// Newest step, for people.
    package var step: Int?
    /// What it does now, for people: `preparing`, `training`, `drawing`, `evaluating`, `uploading`.
    package var phase: String?
    /// How far that is, for people.
    package var extent: ProgressExtent?
    package init(token: AttemptToken, step: Int? = nil, phase: String? = nil, extent: ProgressExtent? = nil) {
        self.token = token
        self.step = step
        self.phase = phase
        self.extent = extent
    }
}

package struct HeartbeatResponse: Codable, Equatable, WireResponse {
    /// One verdict per attempt, in order.
    package var verdicts: [AttemptVerdict]
    /// The worker should take no more jobs.
    package var isDraining: Bool
    /// Somebody watches: when to say the next time how far the attempts are. nil: as when it was registered.
    package var watchedSeconds: Double?
    /// Many wait: when one that holds nothing and waits for a job should send the next. nil: as usual.
    package var waitSeconds: Double?

    package init(verdicts: [AttemptVerdict], isDraining: Bool, waitSeconds: Double? = nil) {
        self.verdicts = verdicts
        self.isDraining = isDraining
        self.waitSeconds = waitSeconds
    }
}

/// `fine`: go on. `superseded`: end the process group at once. The others: stop politely, then release.
package enum AttemptVerdict: String, Codable, Sendable {
    case fine, superseded, pause, cancel, drain
    /// It has trained enough: what is there is its result.
    case finish

    package init(stop: StopReason) {
        self =
            switch stop {
            case .pause: .pause
            case .cancel: .cancel
            case .drain: .drain
            case .finish: .finish
            }
    }
}
