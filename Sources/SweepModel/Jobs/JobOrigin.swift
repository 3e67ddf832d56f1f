package import Ports

/// The job that another one was made of: the same with other settings, or longer from where it ended.
///
/// It is part of the new job's identity, so that such a job is never taken for one that a sweep file asks
/// for: an extended job went another way than one that was trained as long from the beginning, whatever its
/// settings say.
package struct JobOrigin: Codable, Equatable, Sendable {
    package enum Way: String, CaseIterable, Codable, Sendable {
        /// From the beginning, with other settings.
        case rerun
        /// From the newest training state, for more epochs.
        case extend
    }

    /// Where an extended job goes on.
    package struct Start: Codable, Equatable, Sendable {
        /// Of the training state: the digest of its files as of a folder.
        package var state: ContentDigest
        /// Epochs and steps done there.
        package var epoch: Int
        package var step: Int
        /// Epochs that the parent was to train.
        package var epochs: Int

        package init(state: ContentDigest, epoch: Int, step: Int, epochs: Int) {
            self.state = state
            self.epoch = epoch
            self.step = step
            self.epochs = epochs
        }
    }

    package var way: Way
    package var job: JobID
    package var configuration: ConfigurationID
    /// nil for a rerun.
    package var start: Start?

    package init(way: Way, job: JobID, configuration: ConfigurationID, start: Start? = nil) {
        self.way = way
        self.job = job
        self.configuration = configuration
        self.start = start
    }
}
