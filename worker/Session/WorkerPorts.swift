package import Ports
package import SweepClient
package import SweepModel
import SweepWire
package import WorkerCore

/// Everything outside of its process that a session works with. The daemon's are `WorkerPorts.live`; the
/// simulator hands in its own and runs the same session.
package struct WorkerPorts: Sendable {
    package var folder: WorkFolder
    package var files: any FileStore
    package var client: any CoordinatorCalls
    /// A way of its own: a heartbeat never waits behind an upload.
    package var heart: any CoordinatorCalls
    package var trainers: any Trainers
    package var machine: MachineFacts
    /// From one look at the disk's space to the next.
    package var spacePace: Duration = DiskWatch.pace
    /// Most bytes of one file of a metric stream.
    package var segmentBytes: Int64 = PointSpool.usualSegmentBytes
    /// Hears of everything that happens and what the core decides then, in order.
    package var watch: (@Sendable (WorkerEvent, [WorkerEffect]) -> Void)?

    package init(
        folder: WorkFolder, files: any FileStore, client: any CoordinatorCalls, heart: any CoordinatorCalls,
        trainers: any Trainers, machine: MachineFacts
    ) {
        self.folder = folder
        self.files = files
        self.client = client
        self.heart = heart
        self.trainers = trainers
        self.machine = machine
    }
}

/// What a worker tells of its machine when it registers.
package struct MachineFacts: Equatable, Sendable {
    package var name: String
    package var cores: Int
    /// Bytes.
    package var memory: UInt64

    package init(name: String, cores: Int, memory: UInt64) {
        self.name = name
        self.cores = cores
        self.memory = memory
    }
}

/// Starts trainers, and knows what earlier ones left.
package protocol Trainers: Sendable {
    /// Ends what an earlier run of this worker left running. Called once, before everything else.
    ///
    /// - Throws: ``WorkerError`` or `PortsError`: then the worker cannot run.
    func begin() async throws

    /// Ends what still runs. Called once, after everything else.
    func end() async

    /// - Parameters:
    ///   - place: the attempt's folder, with its grant in it.
    ///   - gpus: the attempt's own until it has ended.
    ///   - emit: gets what happens, in the order in which it must be handled.
    func runner(
        _ grant: Grant, at place: AttemptPlace, gpus: [GPUDevice], points: PointSpool, reports: ReportSpool,
        emit: @escaping @Sendable (WorkerEvent) -> Void
    ) -> any AttemptRunning

    /// Spools what the trainer of an earlier run wrote after the worker last looked.
    ///
    /// - Returns: log pieces, which are kept nowhere else. New reports are found in the spool.
    func collectLeftovers(
        _ grant: Grant, at place: AttemptPlace, points: PointSpool, reports: ReportSpool
    ) throws -> [WorkerEvent]
}

/// Runs one attempt.
package protocol AttemptRunning: Sendable {
    /// Returns after `ended` was emitted, and never before the trainer's end. A cancelled task ends it by
    /// force.
    func run() async
    /// The stop signal now, the end by force after the grace.
    func stop() async
    /// The stop signal now, for good: what is there is the job's result. May be said again.
    func finish() async
    func kill()
    /// A log report was taken by the coordinator.
    func logSettled()
    /// Whether its program ended well, left no process, and wrote nothing into its folder and log.
    var leftNothing: Bool { get }
}
