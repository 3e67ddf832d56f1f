import Foundation
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Worker
import WorkerCore

/// The trainer of one attempt, and the part of the worker that reads what it writes: real spools on the
/// simulated disk.
// @unchecked: one thread uses a world and all that is in it.
final class SimulatedTrainer: AttemptRunning, @unchecked Sendable {
    let grant: Grant
    let truth: JobTruth
    private let worker: SimulatedWorker
    private let life: SimulatedWorker.Life
    private let points: PointSpool
    private let reports: ReportSpool
    private let place: String
    private let emit: @Sendable (WorkerEvent) -> Void
    /// Told of its end.
    private var ended: CheckedContinuation<Void, Never>?
    private var step = 0
    private var state: UInt64
    private(set) var isRunning = true
    let leftNothing = false
    private var isStopping = false
    /// It has trained enough: it ends with what it has.
    private var isFinishing = false
    /// At which step it fails, and how.
    private var failure: (step: Int, end: AttemptEnd)?
    private var hangsAt = Int.max
    /// Takes the machine down after its next step.
    private var fells = false

    private var token: AttemptToken { grant.token }
    private var world: World { worker.world }
    /// One of four takes its time all the same: what was claimed behind it is given back.
    private var isQuick: Bool { worker.plan.isQuick && !"0123".contains(token.job.text.prefix(1)) }

    init(
        _ grant: Grant, _ worker: SimulatedWorker, _ life: SimulatedWorker.Life, points: PointSpool,
        reports: ReportSpool, place: String, emit: @escaping @Sendable (WorkerEvent) -> Void
    ) {
        self.emit = emit
        self.grant = grant
        self.worker = worker
        self.life = life
        self.points = points
        self.reports = reports
        self.place = place
        truth = worker.cluster.truth(grant.token.job)
        state = truth.state(after: 0)
        drawFate()
    }

    private func drawFate() {
        let random = worker.random
        let plan = worker.plan
        switch truth.fate {
        case .alwaysCrashes: failure = (2, .failed(FailureReport(failure: .crash, message: "poison", exitCode: 1)))
        case .badConfig: failure = (0, .failed(FailureReport(failure: .badConfig, message: "poison", exitCode: 2)))
        case .notANumber: failure = (3, .failed(FailureReport(failure: .nan, message: "poison", exitCode: 76)))
        case .hangs: hangsAt = 1
        case .broken:
            let line = "/tmp/\(random.hexadecimal(bytes: 3)) line \(random.integer(below: 99)): NameError: foo"
            failure = (0, .failed(FailureReport(failure: .crash, message: line, exitCode: 1)))
        case .brokenConfig:
            failure = (0, .failed(FailureReport(failure: .badConfig, message: "no such option", exitCode: 2)))
        case .completes: break
        }
        guard truth.fate == .completes, !worker.cluster.isHealed else { return }
        fells = plan.has(.machineDown) && truth.isHeavy
        if plan.has(.badHost), worker.number == 1, random.chance(plan.hostBadness) {
            world.fault("bad-host")
            let step = random.integer(below: plan.hostFailsLate ? truth.steps : 3)
            guard let kind = plan.hostFailure else {
                hangsAt = step
                return
            }
            failure = (step, .failed(FailureReport(failure: kind, message: "host")))
        } else if plan.has(.trainerCrash), random.chance(0.08) {
            world.fault("trainer-crash")
            let kind: FailureClass = random.pick([.oom, .crash, .killed, .diskFull])
            failure = (random.integer(below: truth.steps), .failed(FailureReport(failure: kind, message: "chance")))
        } else if plan.has(.trainerEmpty), random.chance(0.03) {
            world.fault("trainer-exits-without-output")
            failure = (truth.steps, .failed(FailureReport(failure: .crash, message: "exited 0 without output")))
        } else if plan.has(.trainerHang), random.chance(0.03) {
            world.fault("trainer-hang")
            hangsAt = random.integer(below: truth.steps)
        }
    }

    func run() async {
        await withCheckedContinuation { continuation in
            guard isRunning else { return continuation.resume() }
            ended = continuation
            worker.later(.milliseconds(isQuick ? 1 : 200), life) { [weak self] in self?.begin() }
        }
    }

    func logSettled() {}

    /// Fetches the training state it goes on from, then trains.
    private func begin() {
        guard isRunning else { return }
        if worker.plan.isPrepared, !worker.cluster.brokenIDs.contains(token.job),
            !worker.cluster.preparationIDs.contains(token.job)
        {
            let files = grant.prepared?.first?.files ?? []
            guard !files.isEmpty else { return world.fail("I28", "\(token) was given nothing of its preparation") }
            world.probe("attempt with what was prepared")
        }
        guard let resume = grant.resume, let file = resume.files.first else { return ready() }
        world.probe("attempt resumes from a state")
        worker.network.insist(
            .getBlob, BlobRange(sha256: file.sha256, offset: 0), from: life.peer
        ) { [weak self] result in
            guard let self, self.isRunning else { return }
            switch result {
            case .failure(let error):
                // A coordinator restored from a backup may have lost it; the attempt then fails, and another
                // goes on.
                self.world.trace("\(self.token) resume state: \(error.message)")
                // So may the error of a disk.
                if !self.worker.cluster.wasRestored, error.code != .refused(.internalFault) {
                    self.world.fail(
                        "I11", "the state of \(self.token) at step \(resume.step) cannot be fetched: \(error)")
                }
                self.end(.failed(FailureReport(failure: .crash, message: error.message)))
            case .success(let answer):
                guard let found = self.truth.read([UInt8](answer.bytes)), found.step == resume.step,
                    found.state == self.truth.state(after: found.step)
                else {
                    return self.world.fail("I12", "the state given to \(self.token) is not that of step \(resume.step)")
                }
                (self.step, self.state) = found
                self.ready()
            }
        }
    }

    private func ready() {
        emit(.started(token))
        if grant.isEnough == true { isFinishing = true }
        // Who goes on from a state validates it anew: perhaps nobody came to that.
        validate { [weak self] in self?.next() }
    }

    private func validate(_ then: @escaping () -> Void) {
        guard truth.validates(step) else { return then() }
        worker.attempt(life, "validation of \(self.token)") { [weak self] in
            guard let self, isRunning else { return }
            let point = MetricPoint(
                key: JobTruth.validation, step: Int64(step), value: JobTruth.validation(state))
            let total = try points.append([point])
            worker.cluster.shadow.spooled(token, total)
            emit(.pointsSpooled(token, total: total))
            then()
        }
    }

    private func next() {
        guard isRunning else { return }
        if let failure, step >= failure.step { return end(failure.end) }
        if step >= hangsAt { return }
        // A state of this step is there already: the checkpoint of another one is the last.
        if isFinishing, step > 0, step % truth.stateEvery != 0 {
            world.probe("ended early")
            return complete()
        }
        let delay = (isQuick ? 0.0005 : truth.stepSeconds) * worker.random.between(0.8, 1.3)
        worker.later(.seconds(delay), life) { [weak self] in self?.train() }
    }

    private func train() {
        guard isRunning, !isStopping else { return }
        let new = JobTruth.advance(state, step + 1)
        worker.attempt(life, "a step of \(self.token)") { [weak self] in
            guard let self, isRunning else { return }
            var measured = JobTruth.metrics(step + 1, new).map {
                MetricPoint(key: $0.key, step: Int64(self.step + 1), value: $0.value)
            }
            // An older worker spools what no coordinator takes: it must cost the point, and nothing else.
            if truth.isUntidy, step % 3 == 0 {
                world.probe("a point that cannot be taken")
                measured.append(MetricPoint(key: "", step: Int64(step + 1), value: 1))
            }
            let total = try points.append(measured)
            step += 1
            state = new
            worker.cluster.trained(token.job, step: step, seconds: truth.stepSeconds)
            worker.cluster.shadow.spooled(token, total)
            emit(.pointsSpooled(token, total: total))
            emit(.progress(token, phase: "training", step: step))
            if fells {
                world.fault(Plan.Fault.machineDown.rawValue)
                return worker.kill(restart: .seconds(5))
            }
            if step == truth.steps, failure == nil { return complete() }
            if step % truth.stateEvery == 0, step < truth.steps {
                keepState { [weak self] in self?.validate { self?.next() } }
            } else {
                next()
            }
        }
    }

    private func keepState(_ then: @escaping () -> Void) {
        report(
            name: AttemptFolder.checkpointName(step: step), file: "state.bin", kind: .state,
            bytes: truth.stateFile(step, state), isFinal: false, then)
    }

    private func complete() {
        report(
            name: AttemptFolder.checkpointName(step: step), file: "adapter.bin", kind: .adapter,
            bytes: truth.adapterFile(state), isFinal: true
        ) { [weak self] in
            guard let self else { return }
            worker.attempt(life, "evaluations of \(self.token)") { [weak self] in
                guard let self, isRunning else { return }
                let name = AttemptFolder.checkpointName(step: step)
                let row = EvaluationRow(
                    checkpoint: name, epoch: 0, step: step, class: "", prompts: "train", metric: "score",
                    value: JobTruth.loss(state), n: 1)
                let spooled = try reports.append(
                    Report(token: token, .evaluations(EvaluationReport(rows: [row], completed: [name]))))
                emit(.reportSpooled(token, spooled))
                end(.finished)
            }
        }
    }

    private func report(
        name: String, file: String, kind: CheckpointManifest.Kind, bytes: [UInt8], isFinal: Bool,
        _ then: @escaping () -> Void
    ) {
        let step = step
        worker.attempt(life, "checkpoint \(name) of \(self.token)") { [weak self] in
            guard let self, isRunning else { return }
            let path = "\(place)/out/\(name)-\(file)"
            try worker.disk.makeFolder(place + "/out")
            try worker.disk.writeAtomically(bytes, to: path)
            let digest = ContentDigest.of(bytes)
            let manifest = CheckpointManifest(
                step: step, epoch: 0, final: isFinal,
                files: [.init(name: file, kind: kind, bytes: bytes.count, sha256: digest.text)])
            let body = CheckpointReport(name: name, manifest: manifest, streamPosition: points.total)
            let spooled = try reports.append(
                Report(token: token, .checkpoint(body)),
                sources: [SpooledBlob(path: path, sha256: digest, size: Int64(bytes.count))])
            emit(.reportSpooled(token, spooled))
            then()
        }
    }

    /// Asked to stop: saves a state if it listens, and ends within its grace in any case.
    func stop() async {
        guard isRunning, !isStopping else { return }
        isStopping = true
        if worker.plan.has(.trainerDeaf), !worker.cluster.isHealed, worker.random.chance(0.3) {
            world.fault("trainer-deaf")
            return worker.later(.seconds(30), life) { [weak self] in self?.end(.stopped) }
        }
        worker.later(.seconds(worker.random.between(0.2, 5)), life) { [weak self] in
            guard let self, isRunning else { return }
            guard step > (grant.resume?.step ?? 0), step % truth.stateEvery != 0, step < truth.steps else {
                return end(.stopped)
            }
            world.probe("state saved at a polite stop")
            keepState { [weak self] in self?.end(.stopped) }
        }
    }

    /// Its next step is the last. One that does not listen trains on.
    func finish() async {
        guard isRunning, !isStopping, !isFinishing else { return }
        if worker.plan.has(.trainerDeaf), !worker.cluster.isHealed, worker.random.chance(0.3) {
            return world.fault("trainer-deaf")
        }
        isFinishing = true
    }

    func kill() { worker.later(.milliseconds(50), life) { [weak self] in self?.end(.stopped) } }

    /// Its machine is gone.
    func vanish() { over() }

    private func end(_ end: AttemptEnd) {
        guard isRunning else { return }
        emit(.ended(token, end))
        over()
    }

    private func over() {
        isRunning = false
        ended?.resume()
        ended = nil
    }
}
