/// What a user asks of a sweep or a job.
package enum JobAction: String, CaseIterable, Codable, Sendable {
    case pause, unpause, cancel
    /// With a fresh budget.
    case resume
}
