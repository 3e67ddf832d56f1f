/// What a coordinator goes by.
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
    /// For how long a job may be passed over by others for lack of room (slots, GPUs) before a worker is kept
    /// for it.
    package var patience: Duration = .seconds(600)
    /// How many of those who wait are to come back in a second, by their polls and by their heartbeats each:
    /// the more there are, the longer each of them waits.
    package var renewals = 100.0
    /// How often "last seen" is written.
    package var seenEvery: Duration
    /// Jobs that wait and are read at one time: some milliseconds of the thread that writes.
    package var waitingPart = 1000
    /// The program's build, told to workers.
    package var program: String?

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
