import RunSpec

/// A checkpoint as it lies in an attempt's folder.
struct FoundCheckpoint: Sendable {
    /// Its name in the ledger.
    let name: String
    let manifest: CheckpointManifest
    /// Where the manifest's files lie, in its order.
    let paths: [String]
}
