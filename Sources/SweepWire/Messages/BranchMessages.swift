package import RunSpec
package import SweepModel

/// Makes a job of another one.
package struct BranchRequest: Codable, Equatable, WireRequest {
    package var way: JobOrigin.Way
    /// The parent: its id, or a unique prefix of at least eight digits.
    package var job: String
    /// For `rerun`: settings that differ; `seed` may be among them, null takes one away.
    package var set: [String: ParameterValue]
    /// For `extend`: of the whole training, those that are done included.
    package var epochs: Int?
    /// For `extend`: epochs besides the last after which an adapter is kept.
    package var checkpoints: [Int]

    package init(
        way: JobOrigin.Way, job: String, set: [String: ParameterValue] = [:], epochs: Int? = nil,
        checkpoints: [Int] = []
    ) {
        self.way = way
        self.job = job
        self.set = set
        self.epochs = epochs
        self.checkpoints = checkpoints
    }
}

package struct BranchResponse: Codable, Equatable, WireResponse {
    package var job: String
    package var parent: String
    /// The sweep that it joined.
    package var sweep: String
    package var state: String
    /// False where the same wish made it before.
    package var isNew: Bool
    /// Where it begins; 0 from the beginning.
    package var epoch: Int
    package var step: Int
    /// What else the user should know, such as what becomes of the learning rate.
    package var notice: String?

    package init(
        job: String, parent: String, sweep: String, state: String, isNew: Bool, epoch: Int, step: Int,
        notice: String? = nil
    ) {
        self.job = job
        self.parent = parent
        self.sweep = sweep
        self.state = state
        self.isNew = isNew
        self.epoch = epoch
        self.step = step
        self.notice = notice
    }
}
