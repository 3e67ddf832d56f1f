package import RunSpec

/// What a worker tells about one attempt. Every report carries the token; repeating a report is harmless.
package struct Report: Equatable, Sendable {
    package var token: AttemptToken
    package var body: Body

    package enum Body: Equatable, Sendable {
        case checkpoint(CheckpointReport)
        case evaluations(EvaluationReport)
        case artifacts(ArtifactReport)
        case log(LogReport)
        case finished(FinishReport)
        case failed(FailureReport)
        case released(ReleaseReport)
    }

    package init(token: AttemptToken, _ body: Body) {
        self.token = token
        self.body = body
    }
}

/// A checkpoint whose files are all committed blobs.
///
/// Rule: answered `gap` until the coordinator holds the attempt's metric stream up to `streamPosition`;
/// answered `missingBlobs` while a file is not in the blob store. Natural key: (attempt, name).
package struct CheckpointReport: Codable, Equatable, Sendable {
    /// Name of its folder, `step-00000120`.
    package var name: String
    /// Files with size and SHA-256 (required here).
    package var manifest: CheckpointManifest
    /// Number of the last metric point spooled when the checkpoint was made; 0 for none.
    package var streamPosition: UInt64
    package init(name: String, manifest: CheckpointManifest, streamPosition: UInt64) {
        self.name = name
        self.manifest = manifest
        self.streamPosition = streamPosition
    }
}

/// Measured numbers. Natural key of a row: (attempt, checkpoint, class, prompts, metric); the last one wins.
package struct EvaluationReport: Codable, Equatable, Sendable {
    package var rows: [EvaluationRow]
    /// Checkpoints whose evaluation is complete with these rows: a later attempt skips them.
    package var completed: [String]
    package init(rows: [EvaluationRow], completed: [String]) {
        self.rows = rows
        self.completed = completed
    }
}

/// Files for people whose blobs are committed.
package struct ArtifactReport: Codable, Equatable, Sendable {
    package var rows: [StoredArtifact]
    package init(rows: [StoredArtifact]) { self.rows = rows }
}

/// A piece of the attempt's log at a byte offset of its text; what the coordinator already has is skipped, so
/// overlaps are harmless. Between two pieces there may be a gap: of a long log only the newest part is sent.
package struct LogReport: Codable, Equatable, Sendable {
    package var offset: UInt64
    package var text: String
    /// The line that is not ended yet, such as a progress bar's, as it stands now; nil: as it was before.
    package var line: String?
    /// What could not be taken so far. Counts are of the whole attempt, so a repeat is harmless.
    package var notices: [AttemptNotice]?

    package init(offset: UInt64, text: String, line: String? = nil, notices: [AttemptNotice]? = nil) {
        self.offset = offset
        self.text = text
        self.line = line
        self.notices = notices
    }
}

/// The attempt is complete; makes the job done. Answered `gap` until the metric stream is complete.
package struct FinishReport: Codable, Equatable, Sendable {
    /// Number of the attempt's last metric point; 0 for none.
    package var streamPosition: UInt64
    package init(streamPosition: UInt64) { self.streamPosition = streamPosition }
}

/// The attempt failed; the coordinator decides by class whether the job waits again, fails or is parked.
package struct FailureReport: Codable, Equatable, Sendable {
    package var failure: FailureClass
    /// One or a few lines: what happened.
    package var message: String
    package var exitCode: Int?
    package init(failure: FailureClass, message: String, exitCode: Int? = nil) {
        self.failure = failure
        self.message = message
        self.exitCode = exitCode
    }
}

/// The worker gives the attempt back without fault of the job. After `pause` the job becomes paused, after
/// `cancel` canceled, else waiting.
package struct ReleaseReport: Codable, Equatable, Sendable {
    package enum Reason: String, Codable, Sendable { case pause, cancel, drain, restart }
    package var reason: Reason
    package init(reason: Reason) { self.reason = reason }
}
