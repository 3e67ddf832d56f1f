package import Ports
package import SweepModel

/// What the user said about this worker.
package struct WorkerSettings: Equatable, Sendable {
    /// Jobs at the same time.
    package var slots: Int
    /// GPUs that jobs may use.
    package var gpus: [GPUDevice]
    /// How many attempts may use one GPU at the same time.
    package var gpuShare: Int
    /// How long a stopping worker goes on trying to hand in what it spooled; what is left is sent at the next
    /// start.
    package var farewell: Duration
    /// After so long without anything to do or to hand in it stops.
    package var exitWhenIdle: Duration?
    /// When its machine ends.
    package var end: MonotonicTime?
    /// When it begins to stop because of that.
    package var leave: MonotonicTime?

    package init(slots: Int, gpus: [GPUDevice] = [], gpuShare: Int = 1, farewell: Duration = .seconds(15)) {
        precondition(slots > 0, "a worker needs at least one slot, found \(slots)")
        self.slots = slots
        self.gpus = gpus
        self.gpuShare = max(1, gpuShare)
        self.farewell = farewell
    }

    /// As the coordinator counts it. Whether a job fits in other ways is for the coordinator to say.
    var offer: WorkerOffer { WorkerOffer(labels: [:], devices: gpus, gpuShare: gpuShare, slots: slots) }
}
