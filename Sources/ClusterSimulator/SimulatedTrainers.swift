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
    private var held: [(trainer: SimulatedTrainer, gpus: [GPUDevice])] = []

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
        held = []
    }

    func begin() async throws {}

    func end() async {}

    func runner(
        _ grant: Grant, at place: AttemptPlace, gpus: [GPUDevice], points: PointSpool, reports: ReportSpool,
        emit: @escaping @Sendable (WorkerEvent) -> Void
    ) -> any AttemptRunning {
        let trainer = SimulatedTrainer(
            grant, worker, life, points: points, reports: reports, place: place.path, emit: emit)
        trainers.removeAll { !$0.isRunning }
        trainers.append(trainer)
        check(gpus, of: trainer)
        return trainer
    }

    /// I25: nobody uses a GPU that others have, as far as they may not share it; and everybody has what
    /// they need.
    private func check(_ gpus: [GPUDevice], of trainer: SimulatedTrainer) {
        held = held.filter { $0.trainer.isRunning }
        held.append((trainer, gpus))
        let (plan, token) = (worker.plan, trainer.grant.token)
        guard plan.gpus > 0 else { return }
        let wanted = worker.cluster.wideJobs[token.job] ?? 1
        if gpus.count != wanted || Set(gpus).count != wanted {
            worker.world.fail("I25", "\(token) got \(gpus.map(\.uuid)) and needs \(wanted)")
        }
        if plan.needsLargeGPUs, wanted == 2, gpus.contains(where: { $0.memory < 20_000_000_000 }) {
            worker.world.fail("I25", "\(token) got a GPU that is too small: \(gpus.map(\.uuid))")
        }
        if gpus.count > 1 { worker.world.probe("a job of several GPUs") }
        for gpu in gpus {
            let users = held.filter { $0.gpus.contains(gpu) }.map(\.trainer.grant.token)
            if users.count > plan.gpuShare { worker.world.fail("I25", "\(gpu.uuid) is used by \(users)") }
        }
    }

    /// They write into the spool themselves, and leave nothing beside it.
    func collectLeftovers(
        _ grant: Grant, at place: AttemptPlace, points: PointSpool, reports: ReportSpool
    ) throws -> [WorkerEvent] { [] }
}
