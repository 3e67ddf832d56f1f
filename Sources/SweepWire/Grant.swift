package import SweepModel

/// A job given to a worker, durable in the ledger before it is sent.
package struct Grant: Codable, Equatable, Sendable {
    package var token: AttemptToken
    /// All values resolved: nothing is left to look up but the inputs (by digest) and blobs.
    package var job: ResolvedJob
    package var leaseSeconds: Double
    /// The newest complete training state; nil for a start from the beginning.
    package var resume: ResumePoint?
    /// Checkpoints earlier attempts trained that stay valid: their adapters are restored, not trained again.
    package var trained: [TrainedCheckpoint]
    /// Checkpoints whose evaluation is complete already (`base` may be among them).
    package var evaluated: [String]

    package init(
        token: AttemptToken, job: ResolvedJob, leaseSeconds: Double, resume: ResumePoint? = nil,
        trained: [TrainedCheckpoint] = [], evaluated: [String] = []
    ) {
        self.token = token
        self.job = job
        self.leaseSeconds = leaseSeconds
        self.resume = resume
        self.trained = trained
        self.evaluated = evaluated
    }
}

/// One file in the blob store under its original name.
package struct BlobFile: Codable, Equatable, Sendable {
    package var name: String
    package var sha256: String
    package var bytes: Int
    package init(name: String, sha256: String, bytes: Int) {
        self.name = name
        self.sha256 = sha256
        self.bytes = bytes
    }
}

/// The training state a new attempt goes on from.
package struct ResumePoint: Codable, Equatable, Sendable {
    /// Name of the checkpoint, `step-00000120`.
    package var checkpoint: String
    package var step: Int
    package var epoch: Int
    package var files: [BlobFile]
    package init(checkpoint: String, step: Int, epoch: Int, files: [BlobFile]) {
        self.checkpoint = checkpoint
        self.step = step
        self.epoch = epoch
        self.files = files
    }
}

/// A checkpoint with a deliverable: its files are restored under `checkpoints/<name>/`.
package struct TrainedCheckpoint: Codable, Equatable, Sendable {
    package var name: String
    package var step: Int
    package var epoch: Int
    package var isFinal: Bool
    package var files: [BlobFile]
    package init(name: String, step: Int, epoch: Int, isFinal: Bool, files: [BlobFile]) {
        self.name = name
        self.step = step
        self.epoch = epoch
        self.isFinal = isFinal
        self.files = files
    }
}
