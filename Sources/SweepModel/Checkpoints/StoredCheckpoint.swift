/// A checkpoint in the store, with those of its files that the reader wants: the adapter of one that is
/// trained, or the training state that an attempt goes on from.
package struct StoredCheckpoint: Codable, Equatable, Sendable {
    /// Name of its folder, `step-00000120`.
    package var name: String
    /// Number of the attempt that saved it; nil in a grant, where it does not matter.
    package var attempt: Int?
    /// Optimiser steps done, counted over all attempts.
    package var step: Int
    /// Epochs completed.
    package var epoch: Int
    /// Whether it is the job's last; nil where nobody asks.
    package var isFinal: Bool?
    package var files: [BlobFile]

    package init(
        name: String, attempt: Int? = nil, step: Int, epoch: Int, isFinal: Bool? = nil, files: [BlobFile]
    ) {
        self.name = name
        self.attempt = attempt
        self.step = step
        self.epoch = epoch
        self.isFinal = isFinal
        self.files = files
    }
}

/// One file in the blob store under its original name.
package struct BlobFile: Codable, Equatable, Sendable {
    package var name: String
    /// 64 lower-case hex digits.
    package var sha256: String
    package var bytes: Int

    package init(name: String, sha256: String, bytes: Int) {
        self.name = name
        self.sha256 = sha256
        self.bytes = bytes
    }
}
