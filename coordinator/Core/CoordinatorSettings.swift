package import SweepModel
package import SweepWire

package struct CoordinatorSettings: Sendable, Equatable {
    /// Id and epoch of the ledger.
    package var ledger: String
    package var epoch: Int
    /// How long an attempt may be silent before its job may be claimed by others.
    package var lease: Duration
    package var heartbeat: Duration
    /// A tick this much late means that the machine stood still; then nobody is to blame for silence.
    package var stall: Duration
    /// After so long nobody waits for a worker any more, as somebody else's "elsewhere".
    package var silence: Duration { lease * 2 }
    /// How often "last seen" is written.
    package var seenEvery: Duration

    package init(
        ledger: String, epoch: Int, lease: Duration = .seconds(60), heartbeat: Duration? = nil,
        stall: Duration = .seconds(5), seenEvery: Duration = .seconds(30)
    ) {
        self.ledger = ledger
        self.epoch = epoch
        self.lease = lease
        self.heartbeat = heartbeat ?? min(.seconds(10), lease / 6)
        self.stall = stall
        self.seenEvery = seenEvery
    }
}

/// What the ledger holds when the coordinator starts.
package struct CoordinatorStart: Sendable {
    package struct OpenAttempt: Sendable {
        package var token: AttemptToken
        package var session: SessionID
        package var worker: WorkerID
        package var news: JobNews
        /// The job waits again: the lease ran out before the start.
        package var isExpired: Bool
        package var isPausing: Bool
        package init(
            token: AttemptToken, session: SessionID, worker: WorkerID, news: JobNews, isExpired: Bool, isPausing: Bool
        ) {
            self.token = token
            self.session = session
            self.worker = worker
            self.news = news
            self.isExpired = isExpired
            self.isPausing = isPausing
        }
    }

    package struct Worker: Sendable {
        package var registration: RegisterRequest
        package var standing: WorkerStanding
        /// Numbers of its session's exchanges whose answers are stored.
        package var exchanges: [UInt64]
        /// Until it gets a trial job, where it is suspended.
        package var trialInSeconds: Double?
        /// Since the ledger last heard of it, by the wall clock.
        package var silentSeconds: Double
        /// It stopped politely: its session is over.
        package var hasLeft: Bool
        package init(
            registration: RegisterRequest, standing: WorkerStanding, exchanges: [UInt64],
            trialInSeconds: Double? = nil, silentSeconds: Double = 0, hasLeft: Bool = false
        ) {
            self.registration = registration
            self.standing = standing
            self.exchanges = exchanges
            self.trialInSeconds = trialInSeconds
            self.silentSeconds = silentSeconds
            self.hasLeft = hasLeft
        }
    }

    package var waiting: [JobNews]
    package var open: [OpenAttempt]
    package var workers: [Worker]

    package init(waiting: [JobNews] = [], open: [OpenAttempt] = [], workers: [Worker] = []) {
        self.waiting = waiting
        self.open = open
        self.workers = workers
    }
}
