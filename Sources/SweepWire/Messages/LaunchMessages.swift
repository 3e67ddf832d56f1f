package import SweepModel

/// Launches a sweep: everything resolved on the client's side, inputs named by digest.
package struct LaunchRequest: Codable, Equatable, WireRequest {
    /// Idempotency key: 32 hex digits made by the client, kept over its repeats.
    package var key: String
    package var bundle: LaunchBundle
    /// Content lists of the inputs the bundle names (path, size and SHA-256 of every file).
    package var inputs: [InputList]

    package init(key: String, bundle: LaunchBundle, inputs: [InputList] = []) {
        self.key = key
        self.bundle = bundle
        self.inputs = inputs
    }
}

package struct LaunchResponse: Codable, Equatable, WireResponse {
    package var sweep: String
    package var configurations: Int
    /// Jobs of the sweep now.
    package var jobs: Int
    /// Jobs this launch added to the sweep.
    package var added: Int
    /// Of those, jobs that existed already (another sweep's, same identity).
    package var shared: Int
    /// Files of the inputs that are not in the blob store: workers need `--inputs` for them until they are
    /// uploaded.
    package var missingBlobs: [String]
    package init(sweep: String, configurations: Int, jobs: Int, added: Int, shared: Int, missingBlobs: [String]) {
        self.sweep = sweep
        self.configurations = configurations
        self.jobs = jobs
        self.added = added
        self.shared = shared
        self.missingBlobs = missingBlobs
    }
}
