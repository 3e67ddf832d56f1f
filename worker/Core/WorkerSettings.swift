/// What the user said about this worker.
package struct WorkerSettings: Equatable, Sendable {
    /// Jobs at the same time.
    package var slots: Int
    /// How long a stopping worker goes on trying to hand in what it spooled; what is left is sent at the next
    /// start.
    package var farewell: Duration

    package init(slots: Int, farewell: Duration = .seconds(15)) {
        precondition(slots > 0, "a worker needs at least one slot, found \(slots)")
        self.slots = slots
        self.farewell = farewell
    }
}
