/// `manifest.json` of one checkpoint: what lies beside it.
package struct CheckpointManifest: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Hashable, Sendable {
        /// The deliverable.
        case adapter
        /// What training goes on from.
        case state
    }

    package struct File: Codable, Equatable, Sendable {
        package var name: String
        package var kind: Kind
        package var bytes: Int
        /// Lower-case hexadecimal; nil where the trainer left hashing to the worker.
        package var sha256: String?

        package init(name: String, kind: Kind, bytes: Int, sha256: String? = nil) {
            self.name = name
            self.kind = kind
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    /// Optimiser steps done, counted over all attempts.
    package var step: Int
    /// Epochs completed.
    package var epoch: Int
    package var final: Bool
    package var files: [File]

    package init(step: Int, epoch: Int, final: Bool, files: [File]) {
        self.step = step
        self.epoch = epoch
        self.final = final
        self.files = files
    }

    /// Whether a job can go on from here.
    package var isResumable: Bool { files.contains { $0.kind == .state } }
    /// Whether it is one of the listed checkpoints or the final one.
    package var isDeliverable: Bool { files.contains { $0.kind == .adapter } }
}
