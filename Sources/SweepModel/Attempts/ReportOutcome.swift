/// What became of one report.
package enum ReportOutcome: Equatable, Sendable {
    /// Stored (or was stored before: a repeat).
    case accepted
    /// Another attempt holds the job, or the job ended. Stop the attempt; nothing of it is merged.
    case superseded
    /// The metric stream is not complete up to the report's position: send the points from `expected` on,
    /// then the report again.
    case gap(expected: UInt64)
    /// These blobs are not in the store: upload them, then send the report again.
    case missingBlobs([String])
    /// The report cannot be right (the text says why). Sending it again is of no use.
    case refused(String)
    /// An earlier report of the same attempt in the same exchange was not accepted: send both again.
    case notTried
}
