package import Foundation
package import SweepModel

/// A sweep by name; an empty name means all.
package struct SweepRequest: Equatable, WireRequest {
    package var sweep: String
    package init(sweep: String) { self.sweep = sweep }
    package var parameters: [String: String] { ["sweep": sweep] }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws { sweep = parameters["sweep"] ?? "" }
}

/// The whole ledger at a glance.
package struct StatusResponse: Codable, Equatable, WireResponse {
    package var sweeps: [SweepSummary]
    package var workers: [WorkerSummary]
    /// What people should know and do something about: a disk that fills up.
    package var notice: String?
    /// Jobs that have not ended, those that wait first, and why; the first few hundred.
    package var jobs: [JobBrief]?
    /// What the slots do now; the first few hundred.
    package var running: [RunningJob]?
    package init(
        sweeps: [SweepSummary], workers: [WorkerSummary], notice: String? = nil, jobs: [JobBrief]? = nil,
        running: [RunningJob]? = nil
    ) {
        self.sweeps = sweeps
        self.workers = workers
        self.notice = notice
        self.jobs = jobs
        self.running = running
    }

    /// Most jobs in it: of one sweep, or of all.
    package static let mostJobs = 200
}
