/// What became of one report.
package struct ReportOutcome: Codable, Equatable, Sendable {
    package enum Code: String, Codable, Sendable {
        /// Stored (or was stored before: a repeat).
        case accepted
        /// Another attempt holds the job, or the job ended. Stop the attempt; nothing of it is merged.
        case superseded
        /// The metric stream is not complete up to the report's position: send the points from `expected` on, then the
        /// report again.
        case gap
        /// These blobs are not in the store: upload them, then send the report again.
        case missingBlobs
        /// The report cannot be right (message says why). Sending it again is of no use.
        case refused
        /// An earlier report of the same attempt in this list was not accepted: send both again.
        case notTried
    }

    package var code: Code
    package var expected: UInt64?
    package var blobs: [String]?
    package var message: String?

    package init(_ code: Code, expected: UInt64? = nil, blobs: [String]? = nil, message: String? = nil) {
        self.code = code
        self.expected = expected
        self.blobs = blobs
        self.message = message
    }

    package static let accepted = ReportOutcome(.accepted)
    package static let superseded = ReportOutcome(.superseded)
}
