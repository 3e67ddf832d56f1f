/// What becomes of a sweep that is put away.
package enum ReclaimAction: String, CaseIterable, Codable, Sendable {
    /// Rows and metrics stay; of the files only the newest adapter of each job.
    case archive
    /// Everything goes that no other sweep has.
    case delete
}

/// What putting a sweep away frees, or has freed.
package struct ReclaimReport: Codable, Equatable, Sendable {
    /// A job that stays as it is, and the sweeps that it stays for.
    package struct SharedJob: Codable, Equatable, Sendable {
        package var job: String
        package var sweeps: [String]
        package init(job: String, sweeps: [String]) {
            self.job = job
            self.sweeps = sweeps
        }
    }

    /// Shared jobs that are named; the rest is counted.
    package static let mostNamed = 100

    package var sweep: String
    package var action: ReclaimAction
    /// Jobs of the sweep alone.
    package var jobs = 0
    /// Files of the store that go, and their bytes.
    package var blobs = 0
    package var bytes = 0
    /// Those of them that somebody asked for lately: the garbage collector takes them within a day.
    package var laterBlobs = 0
    package var laterBytes = 0
    /// Jobs that other sweeps have too: they stay as they are.
    package var sharedJobs = 0
    /// The first of them.
    package var shared: [SharedJob] = []
    /// Files that stay because something else uses them.
    package var sharedBlobs = 0
    package var sharedBytes = 0
    /// The sweeps that anything is shared with.
    package var sharedWith: [String] = []
    /// Done, not only looked at.
    package var isDone = false
    /// It was put away before.
    package var wasDone = false

    package init(sweep: String, action: ReclaimAction) {
        self.sweep = sweep
        self.action = action
    }
}
