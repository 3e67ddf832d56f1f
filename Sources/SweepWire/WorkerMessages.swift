package import Foundation
package import SweepModel

/// One start of a worker. Made by the worker (128 random bits as 32 hex digits); every start makes a new one.
package struct SessionID: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
    /// Whether this is 32 lower-case hex digits.
    package var isValid: Bool { rawValue.utf8.count == 32 && rawValue.utf8.allSatisfy { $0.isHexDigit } }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool { (48...57).contains(self) || (97...102).contains(self) }
}

/// What a worker says of itself when it starts.
package struct RegisterRequest: Codable, Equatable, WireRequest {
    /// Random id kept in the worker's folder: the identity of the worker.
    package var worker: WorkerID
    /// For people: the host's name, or what the user gave.
    package var name: String
    package var session: SessionID
    package var slots: Int
    package var threads: Int
    package var labels: [String: String]
    package var gpus: Int
    /// Bytes of memory a job may use; 0 when not known.
    package var memory: UInt64
    /// Version of the program, for people.
    package var version: String
    /// A secret made with the worker's id (256 bits as 64 hex digits): an id that came with one belongs to it.
    package var key: String?
    /// Versions of the core's numerics that it runs, since protocol 2: jobs of the core go only to workers of their
    /// version. One that says nothing runs `CoreVersions.unnamed`.
    package var coreVersions: [String]?

    package init(
        worker: WorkerID, name: String, session: SessionID, slots: Int, threads: Int, labels: [String: String] = [:],
        gpus: Int = 0, memory: UInt64 = 0, version: String = "", key: String? = nil, coreVersions: [String]? = nil
    ) {
        self.worker = worker
        self.name = name
        self.session = session
        self.slots = slots
        self.threads = threads
        self.labels = labels
        self.gpus = gpus
        self.memory = memory
        self.version = version
        self.key = key
        self.coreVersions = coreVersions
    }

    /// What it has, for jobs.
    package var offer: WorkerOffer {
        WorkerOffer(
            labels: labels, gpus: gpus, memory: memory, coreVersions: coreVersions ?? CoreVersions.unnamed)
    }
}

package struct RegisterResponse: Codable, Equatable, WireResponse {
    /// Id and epoch of the ledger; tokens of another ledger or epoch are superseded.
    package var ledger: String
    package var epoch: Int
    package var leaseSeconds: Double
    /// How often the worker should send a heartbeat (with ±20 % jitter).
    package var heartbeatSeconds: Double
    /// Attempts the ledger still holds open for this worker from earlier sessions: it ends what is left of them, sends
    /// their spool and releases each one.
    package var leftovers: [AttemptToken]

    package init(
        ledger: String, epoch: Int, leaseSeconds: Double, heartbeatSeconds: Double, leftovers: [AttemptToken]
    ) {
        self.ledger = ledger
        self.epoch = epoch
        self.leaseSeconds = leaseSeconds
        self.heartbeatSeconds = heartbeatSeconds
        self.leftovers = leftovers
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
    /// Longest wait for a grant in seconds, when there are no reports; 0 answers at once.
    package var waitSeconds: Double

    package init(session: SessionID, number: UInt64, reports: [Report], freeSlots: Int, waitSeconds: Double) {
        self.session = session
        self.number = number
        self.reports = reports
        self.freeSlots = freeSlots
        self.waitSeconds = waitSeconds
    }
}

/// One outcome per report, in the same order; new jobs; and what should stop.
package struct ExchangeResponse: Codable, Equatable, WireResponse {
    package var number: UInt64
    package var outcomes: [ReportOutcome]
    package var grants: [Grant]
    /// Attempts of this session that should stop (also said in heartbeats).
    package var stops: [StopOrder]

    package init(number: UInt64, outcomes: [ReportOutcome] = [], grants: [Grant] = [], stops: [StopOrder] = []) {
        self.number = number
        self.outcomes = outcomes
        self.grants = grants
        self.stops = stops
    }

    /// The same JSON as the synthesized coding writes, except that jobs which are text go in unread: the answer that a
    /// coordinator gives most often.
    package func body() throws -> Data {
        var data = Data("{\"grants\":[".utf8)
        for (index, grant) in grants.enumerated() {
            if index > 0 { data.append(UInt8(ascii: ",")) }
            data.append(try grant.json())
        }
        data.append(contentsOf: "],\"number\":\(number),\"outcomes\":".utf8)
        if outcomes.allSatisfy({ $0 == .accepted }) {
            let accepted = Array(repeating: "{\"code\":\"accepted\"}", count: outcomes.count)
            data.append(contentsOf: "[\(accepted.joined(separator: ","))]".utf8)
        } else {
            data.append(try WireJSON.encode(outcomes))
        }
        data.append(contentsOf: ",\"stops\":".utf8)
        data.append(stops.isEmpty ? Data("[]".utf8) : try WireJSON.encode(stops))
        data.append(UInt8(ascii: "}"))
        return data
    }
}

package struct StopOrder: Codable, Equatable, Sendable {
    package var token: AttemptToken
    package var reason: StopReason
    package init(token: AttemptToken, reason: StopReason) {
        self.token = token
        self.reason = reason
    }
}

/// Why an attempt should stop politely: save a training state, then release. `cancel` need not save.
package enum StopReason: String, Codable, Sendable {
    case pause, cancel, drain
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
    /// What it does now, for people: `preparing`, `training`, `evaluating`, `uploading`.
    package var phase: String?
    package init(token: AttemptToken, step: Int? = nil, phase: String? = nil) {
        self.token = token
        self.step = step
        self.phase = phase
    }
}

package struct HeartbeatResponse: Codable, Equatable, WireResponse {
    /// One verdict per attempt, in order.
    package var verdicts: [AttemptVerdict]
    /// The worker should take no more jobs.
    package var isDraining: Bool
    package init(verdicts: [AttemptVerdict], isDraining: Bool) {
        self.verdicts = verdicts
        self.isDraining = isDraining
    }
}

/// `fine`: go on. `superseded`: end the process group at once. The others: stop politely, then release.
package enum AttemptVerdict: String, Codable, Sendable {
    case fine, superseded, pause, cancel, drain

    package init(stop: StopReason) {
        self =
            switch stop {
            case .pause: .pause
            case .cancel: .cancel
            case .drain: .drain
            }
    }
}
