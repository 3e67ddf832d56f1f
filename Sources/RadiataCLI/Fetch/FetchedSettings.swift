import RunSpec
import SweepModel

/// `settings.json`: everything that decided the adapter.
struct FetchedSettings: Encodable {
    struct Checkpoint: Encodable {
        let name: String
        let epoch: Int
        let step: Int
    }

    struct File: Encodable {
        let name: String
        let sha256: String
        let bytes: Int
    }

    let job: String
    let sweep: String
    let group: String
    let seed: Int
    let checkpoint: Checkpoint
    /// With every default filled in.
    let parameters: [String: ParameterValue]
    /// What the sweep file set.
    let given: [String: ParameterValue]
    let base: JobDetail.Base?
    let data: JobDetail.Base?
    let files: [File]
}
