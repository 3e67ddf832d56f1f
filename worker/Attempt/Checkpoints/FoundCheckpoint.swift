package import RunSpec

/// A checkpoint as it lies in an attempt's folder.
package struct FoundCheckpoint: Sendable {
    /// Its name in the ledger.
    package let name: String
    package let manifest: CheckpointManifest
    /// Where the manifest's files lie, in its order.
    package let paths: [BytePath]
    /// The matched file or folder; nil for a checkpoint folder with a manifest.
    package var match: BytePath?
    /// What is remembered of it, so that a restarted worker does not take it anew.
    package var record: String?
    /// When the files were last written, where they are written again for the next checkpoint: they are
    /// copied.
    package var sharedAt: [Int64]?
}
