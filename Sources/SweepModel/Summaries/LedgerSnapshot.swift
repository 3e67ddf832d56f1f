/// What the ledger holds when a coordinator starts, for those who keep it in memory.
package struct LedgerSnapshot: Equatable, Sendable {
    /// An attempt that has not ended.
    package struct OpenAttempt: Equatable, Sendable {
        package var token: AttemptToken
        package var session: SessionID
        package var worker: WorkerID
        package var job: JobChange
        /// The job waits again: the lease ran out before the start.
        package var isExpired: Bool
        package var isPausing: Bool
        /// Its rule has decided that it has trained enough.
        package var isEnough: Bool

        package init(
            token: AttemptToken, session: SessionID, worker: WorkerID, job: JobChange, isExpired: Bool, isPausing: Bool,
            isEnough: Bool = false
        ) {
            self.token = token
            self.session = session
            self.worker = worker
            self.job = job
            self.isExpired = isExpired
            self.isPausing = isPausing
            self.isEnough = isEnough
        }
    }

    package struct Worker: Equatable, Sendable {
        package var record: WorkerRecord
        package var standing: WorkerStanding
        /// Numbers of its session's exchanges whose answers are stored, newest last.
        package var exchanges: [UInt64]
        /// Until it gets a trial job, where it is suspended.
        package var trialInSeconds: Double?
        /// Since the ledger last heard of it, by the wall clock.
        package var silentSeconds: Double
        /// It stopped politely: its session is over.
        package var hasLeft: Bool

        package init(
            record: WorkerRecord, standing: WorkerStanding, exchanges: [UInt64], trialInSeconds: Double? = nil,
            silentSeconds: Double = 0, hasLeft: Bool = false
        ) {
            self.record = record
            self.standing = standing
            self.exchanges = exchanges
            self.trialInSeconds = trialInSeconds
            self.silentSeconds = silentSeconds
            self.hasLeft = hasLeft
        }
    }

    /// Jobs that wait, best first.
    package var waiting: [JobChange]
    /// Behind which others wait that were not read yet; nil where `waiting` are all.
    package var unread: WaitingPart.Place?
    package var open: [OpenAttempt]
    package var workers: [Worker]
    /// What cannot be read and was left out.
    package var faults: [String] = []

    package init(
        waiting: [JobChange] = [], unread: WaitingPart.Place? = nil, open: [OpenAttempt] = [], workers: [Worker] = []
    ) {
        self.waiting = waiting
        self.unread = unread
        self.open = open
        self.workers = workers
    }
}

/// A part of the jobs that wait: there may be a million, which take seconds to read.
package struct WaitingPart: Equatable, Sendable {
    /// Of a job among those that wait.
    package struct Place: Equatable, Sendable {
        package var priority: Int
        package var row: Int64

        package init(priority: Int, row: Int64) {
            self.priority = priority
            self.row = row
        }
    }

    /// Best first, without those that are held.
    package var jobs: [JobChange]
    /// Behind which the next ones wait; nil at the end.
    package var next: Place?
    /// Why some of them cannot be read: nobody gets these, and the others go on.
    package var faults: [String]

    package init(jobs: [JobChange] = [], next: Place? = nil, faults: [String] = []) {
        self.jobs = jobs
        self.next = next
        self.faults = faults
    }
}
