import Ports
import SweepModel
import SweepWire
import Worker
import WorkerCore

/// The simulated trainers of one run of a worker.
// @unchecked: one thread uses a world and all that is in it.
final class SimulatedTrainers: Trainers, @unchecked Sendable {
    private let worker: SimulatedWorker
    private unowned let life: SimulatedWorker.Life
    private var trainers: [SimulatedTrainer] = []

    init(_ worker: SimulatedWorker, _ life: SimulatedWorker.Life) {
        self.worker = worker
        self.life = life
    }

    var running: [AttemptToken] {
        trainers.filter(\.isRunning).map(\.grant.token).sorted { $0.job < $1.job }
    }

    /// The machine is gone, and they with it.
    func vanish() {
        for trainer in trainers { trainer.vanish() }
        trainers = []
    }

    func begin() async throws {}

    func end() async {}

    func runner(
        _ grant: Grant, at place: AttemptPlace, points: PointSpool, reports: ReportSpool,
        emit: @escaping @Sendable (WorkerEvent) -> Void
    ) -> any AttemptRunning {
        let trainer = SimulatedTrainer(
            grant, worker, life, points: points, reports: reports, place: place.path, emit: emit)
        trainers.removeAll { !$0.isRunning }
        trainers.append(trainer)
        return trainer
    }

    /// They write into the spool themselves, and leave nothing beside it.
    func collectLeftovers(
        _ grant: Grant, at place: AttemptPlace, points: PointSpool, reports: ReportSpool
    ) throws -> [WorkerEvent] { [] }
}
