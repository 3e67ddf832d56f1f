/// Something of an attempt that could not be taken as it was, counted: the log, `show` and the ledger tell it
/// once.
package struct AttemptNotice: Codable, Equatable, Sendable {
    /// One of ``Kind``'s, as text: a newer worker may know more.
    package var kind: String
    /// How often so far, in this attempt.
    package var count: Int
    /// The first example, and the remedy.
    package var detail: String

    package init(kind: String, count: Int, detail: String) {
        self.kind = kind
        self.count = count
        self.detail = detail
    }

    package enum Kind: String, CaseIterable, Sendable {
        /// A line of metrics that is no JSON object.
        case metricLine = "metric-line"
        /// A line of metrics without a step.
        case metricStep = "metric-step"
        /// A value of a line that is no number.
        case metricValue = "metric-value"
        /// A point whose name is empty or too long.
        case metricName = "metric-name"
        /// A point whose name is one too many.
        case metricNames = "metric-names"
        /// Points that the coordinator refused for good.
        case metricRefused = "metric-refused"
        /// A report that the coordinator refused for good.
        case reportRefused = "report-refused"
        /// A part of a file of metrics that is damaged, or too long.
        case metricRecord = "metric-record"
        /// A file of metrics that is no regular file, or none of its kind.
        case metricFile = "metric-file"
        /// A line of evaluations or artifacts that cannot be read, or holds what cannot be taken.
        case outputLine = "output-line"
        /// Two checkpoints of one number.
        case checkpointNumber = "checkpoint-number"
        /// A link that leads nowhere, in a circle, or out of the attempt's folder to a folder.
        case checkpointLink = "checkpoint-link"
        /// A pipe, socket or device where a checkpoint's file was looked for.
        case checkpointSpecial = "checkpoint-special"
        /// A training state that changed after it was taken and before its trainer ended: it is not gone on
        /// from.
        case stateChanged = "state-changed"
    }

    /// Longest `detail` that is kept, in bytes, and most kinds of one attempt.
    package static let detailBytes = 1000
    package static let kinds = 32
}
