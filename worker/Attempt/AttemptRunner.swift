import Foundation
import Glibc
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import WorkerCore

/// Runs one attempt from its grant to the end of its trainer. Everything it learns goes into the spool first
/// and then, as events, to the core.
final class AttemptRunner: AttemptRunning {
    struct Control {
        var child: TrainerGuard.Child?
        var trainerGuard: TrainerGuard?
        var stopSignal: Int32 = SIGTERM
        var grace: Duration = .seconds(30)
        /// How else it is asked to stop.
        var stop = StopPlan()
        /// Training states that were taken.
        var states = 0
        var preparation: Task<AttemptPlan, any Error>?
        var isStopping = false
        /// What is there is the job's result.
        var isFinishing = false
        var isKilled = false
        /// Stopped in its tracks (SIGSTOP) because the disk is full.
        var isHeld = false
        var logsPending = 0
        var leftNothing = false
        /// The socket of who keeps its external metrics running.
        var metricHost: String?
    }

    /// How often the trainer's files are looked at.
    static let pace: Duration = .milliseconds(200)

    let grant: Grant
    let place: AttemptPlace
    let gpus: [GPUDevice]
    private let meter: GPUMeter?
    let maker: AttemptFolderMaker
    private let guards: GuardKeeper
    let hosts: MetricHosts
    private let points: PointSpool
    private let reports: ReportSpool
    let files: any FileStore
    let time: any TimeSource
    let emit: @Sendable (WorkerEvent) -> Void
    let control = Mutex(Control())

    init(
        _ grant: Grant, place: AttemptPlace, gpus: [GPUDevice], meter: GPUMeter?, maker: AttemptFolderMaker,
        guards: GuardKeeper, hosts: MetricHosts, points: PointSpool,
        reports: ReportSpool, files: any FileStore, time: any TimeSource,
        emit: @escaping @Sendable (WorkerEvent) -> Void
    ) {
        self.grant = grant
        self.place = place
        self.gpus = gpus
        self.meter = meter
        self.maker = maker
        self.guards = guards
        self.hosts = hosts
        self.points = points
        self.reports = reports
        self.files = files
        self.time = time
        self.emit = emit
    }

    func run() async {
        let end: AttemptEnd
        do {
            end = try await attempt()
        } catch {
            end = Self.end(for: error, wasStopped: control.withLock { $0.isStopping || $0.isKilled })
        }
        if let host = control.withLock({ $0.metricHost }) { await hosts.giveBack(host) }
        emit(.ended(grant.token, end))
    }

    func stop() async {
        let (child, trainerGuard) = control.withLock { control in
            control.isStopping = true
            control.preparation?.cancel()
            return (control.child, control.trainerGuard)
        }
        guard let child, let trainerGuard else { return }
        await end(child, trainerGuard, waitsForState: true)
    }

    func finish() async {
        let (child, trainerGuard, signal, isFirst) = control.withLock { control in
            defer { control.isFinishing = control.isFinishing || control.child != nil }
            return (
                control.child, control.trainerGuard, control.stopSignal, !control.isFinishing && !control.isStopping
            )
        }
        // Said again while its trainer has not begun yet.
        guard let child, let trainerGuard, isFirst else { return }
        do {
            try markEnough()
        } catch {
            // Without the mark the core saves a state and stops; whoever goes on finishes it.
            emit(.progress(grant.token, phase: "stopping", step: nil))
        }
        guard grant.job.trainer.isCore else { return await end(child, trainerGuard, waitsForState: false) }
        trainerGuard.signal(child, signal)
        // The core saves and evaluates what it has, which may take its time.
        release()
    }

    private func markEnough() throws { try files.writeAtomically([], to: AttemptFolder(place.out).enough) }

    func kill() {
        let (child, trainerGuard) = control.withLock { control in
            control.isKilled = true
            control.preparation?.cancel()
            return (control.child, control.trainerGuard)
        }
        if let child { trainerGuard?.signal(child, SIGKILL) }
    }

    /// Holds the trainer's group while the disk is full: what it cannot write it would lose, or fail on.
    private func hold() {
        let held = control.withLock { control -> (TrainerGuard.Child, TrainerGuard)? in
            guard !control.isHeld, !control.isStopping, let child = control.child,
                let trainerGuard = control.trainerGuard
            else { return nil }
            control.isHeld = true
            return (child, trainerGuard)
        }
        guard let (child, trainerGuard) = held else { return }
        trainerGuard.signal(child, SIGSTOP)
        emit(.progress(grant.token, phase: "held: disk full", step: nil))
        Faults.reach("worker.held")
    }

    func release() {
        let held = control.withLock { control -> (TrainerGuard.Child, TrainerGuard)? in
            guard control.isHeld, let child = control.child, let trainerGuard = control.trainerGuard else { return nil }
            control.isHeld = false
            return (child, trainerGuard)
        }
        guard let (child, trainerGuard) = held else { return }
        trainerGuard.signal(child, SIGCONT)
        emit(.progress(grant.token, phase: "training", step: nil))
    }

    func logSettled() { control.withLock { $0.logsPending = max(0, $0.logsPending - 1) } }

    var leftNothing: Bool { control.withLock { $0.leftNothing } }

    /// Reads what the trainer writes until it ends; one that waits for a keyboard is ended.
    ///
    /// - Returns: what it asked, if it was ended for that.
    private func watch(
        _ child: TrainerGuard.Child, _ trainerGuard: TrainerGuard, _ plan: AttemptPlan, _ disk: DiskWatch,
        _ output: inout AttemptOutput
    ) async throws -> Prompt? {
        var nextReading = time.monotonic()
        var prompts = PromptWatch()
        var prompt: Prompt?
        while await child.waitForExit(atMost: Self.pace, time: time) == nil {
            if try disk.level().level == .full { hold() } else { release() }
            output = try await round(output, leader: child.pid)
            if time.monotonic() >= nextReading, try measure(output) {
                nextReading = time.monotonic() + GPUMeter.pace
            }
            let (line, bytes) = output.unfinishedLine
            let asked = prompts.look(line, bytes: bytes, step: output.newestStep, now: time.monotonic())
            if prompt == nil, let asked, !plan.isCore, !control.withLock({ $0.isHeld || $0.isStopping }) {
                prompt = asked
                trainerGuard.signal(child, SIGKILL)
            }
        }
        return prompt
    }

    private func attempt() async throws -> AttemptEnd {
        let plan = try await planned()
        for checkpoint in grant.trained { try reports.markSeen("checkpoint \(checkpoint.name)") }
        Faults.reach("worker.prepared")
        // Names are watched from before the program's start, where there are any to watch.
        let early = plan.readsFiles ? reader(plan) : nil
        if grant.isEnough == true {
            // A program has no way to end well at once: what an earlier attempt left is the result.
            if !plan.isCore, !grant.trained.isEmpty || !plan.rules.contains(where: { $0.kind == .adapter }) {
                emit(.started(grant.token))
                guard let evaluate = plan.evaluate else { return .finished }
                var output = early ?? reader(plan)
                return try await evaluateAll(evaluate, plan, &output)
            }
            try markEnough()
        }
        let killsBefore = OutOfMemoryWatch.recentKills(now: time.monotonic()) ?? 0
        let (child, trainerGuard) = try await start(try await withMetricHost(plan.order))
        if child.exit?.code == TrainerExit.done, try hasLeftNothing(plan) {
            control.withLock { $0.leftNothing = true }
            return .finished
        }
        var output = early ?? reader(plan)
        emit(.started(grant.token))
        emit(.progress(grant.token, phase: Self.phase(of: grant.job.kind), step: nil))
        let disk = DiskWatch(folder: place.path, files: files)
        let prompt = try await watch(child, trainerGuard, plan, disk, &output)
        guard let exit = child.exit else { return .stopped }
        let wasDiskFull = try disk.level().level == .full
        output.isEnough = control.withLock { $0.isFinishing }
        let isPreparation = grant.job.kind == .prepare
        var made: String?
        if isPreparation, exit.code == TrainerExit.done { made = try await gather(grant, place) }
        output = try await drain(output, exit)
        if let prompt {
            return .failed(FailureReport(failure: .badConfig, message: prompt.message, exitCode: nil))
        }
        var end = TrainerEnd(
            exit: exit, isCore: plan.isCore,
            wasAskedToStop: control.withLock { $0.isStopping || $0.isKilled || $0.isFinishing })
        end.lostGuard = trainerGuard.isGone
        end.sawFullDisk = wasDiskFull
        end.stopExits = plan.stop.exits.union([128 + plan.order.stopSignal])
        if exit.code != TrainerExit.done {
            end.sawOutOfMemoryKill = (OutOfMemoryWatch.killsNow(now: time.monotonic()) ?? 0) > killsBefore
        }
        (end.hasOutputs, end.missing) = outputs(output, plan)
        if isPreparation { (end.hasOutputs, end.missing) = (made != nil, "made nothing in {prepared} or {data}") }
        end.isProven = plan.done != nil && end.hasOutputs
        let mask = SecretMask(environment: plan.order.environment)
        end.badLoss = output.badLoss
        end.logTail = try output.logTail().map { mask.masked($0) }
        var ended = ExitClassifier.end(of: end)
        // Whatever way it ended after that: the core left its last checkpoint, a program has written
        // adapters.
        let hasResult =
            plan.isCore
            ? output.hasFinal : output.hasAdapter || !plan.rules.contains(where: { $0.kind == .adapter })
        if ended != .finished, hasResult, control.withLock({ $0.isFinishing && !$0.isStopping }) {
            ended = .finished
        }
        // What was made for all machines is uploaded from where it is.
        if ended == .finished, let made, plan.rules.isEmpty { try await maker.store.keep(made, as: grant.job.id) }
        guard ended == .finished, let evaluate = plan.evaluate else { return ended }
        emit(.progress(grant.token, phase: "evaluating", step: nil))
        let result = try await evaluateAll(evaluate, plan, &output)
        // What the evaluations printed, and what could not be taken of them.
        _ = try await drain(output, exit)
        return result
    }

    private func reader(_ plan: AttemptPlan) -> AttemptOutput {
        AttemptOutput(grant, plan, place: place, points: points, reports: reports, files: files)
    }

    /// Whether a program that ended well, and that nobody asked to stop, has left nothing to read.
    private func hasLeftNothing(_ plan: AttemptPlan) throws -> Bool {
        guard !plan.readsFiles, plan.evaluate == nil, grant.job.kind == .train, grant.trained.isEmpty,
            !control.withLock({ $0.isStopping || $0.isKilled || $0.isFinishing })
        else { return false }
        return try files.information(place.log)?.size ?? 0 == 0 && files.list(place.out).isEmpty
    }

    func start(_ order: ProcessOrder) async throws -> (TrainerGuard.Child, TrainerGuard) {
        let trainerGuard = try guards.current()
        let child: TrainerGuard.Child
        do {
            child = try await trainerGuard.start(order)
        } catch let error as WorkerError where error.code == .badJob {
            throw WorkerError(.badJob, "\(order.program) \(error.message)")
        } catch let error as PortsError where error.code == .inputOutput {
            throw PortsError(.inputOutput, "\(order.program) \(error.message)")
        }
        Faults.reach("worker.started")
        let (isStopping, isKilled) = control.withLock { control in
            control.child = child
            control.trainerGuard = trainerGuard
            return (control.isStopping, control.isKilled)
        }
        // Asked to stop while the program was being started.
        if isStopping { trainerGuard.signal(child, order.stopSignal) }
        if isKilled { trainerGuard.signal(child, SIGKILL) }
        return (child, trainerGuard)
    }

    /// One look at the trainer's files, on a thread of its own; a full disk is waited out.
    private func round(_ output: AttemptOutput, leader: Int32?, exit: ProcessExit? = nil) async throws
        -> AttemptOutput
    {
        let takesLog = leader == nil || control.withLock { $0.logsPending < 8 }
        let now = time.monotonic()
        do {
            let (next, events) = try await BlockingWork.run {
                var next = output
                let events = try next.collect(
                    now: now, leader: leader, isTrusted: exit?.isPolite ?? false,
                    isDone: exit?.code == TrainerExit.done,
                    takesLog: takesLog)
                return (next, events)
            }
            for event in events {
                if case .reportSpooled(_, let report) = event, case .log = report.body {
                    control.withLock { $0.logsPending += 1 }
                }
                emit(event)
            }
            control.withLock { $0.states = next.stateCount }
            return next
        } catch let error as PortsError where error.code == .diskFull {
            // While it runs it is held; after its end, what it left is read once there is space for the
            // spool.
            if leader != nil {
                hold()
            } else {
                try await time.sleep(for: DiskWatch.pace)
                return try await round(output, leader: nil, exit: exit)
            }
            return output
        }
    }

    /// Adds what the attempt's GPUs do now to its metrics, at the newest step. Not before the trainer has
    /// logged one: that an attempt has come somewhere is for its trainer to say.
    ///
    /// - Returns: whether anything was added.
    private func measure(_ output: AttemptOutput) throws -> Bool {
        guard let step = output.newestStep, let reading = meter?.newest(of: gpus) else { return false }
        let total: UInt64
        do {
            // Where the trainer's first file is read to stays as it is.
            total = try points.append(
                reading.points(step: Int64(step)), position: points.position(ofSource: 0))
        } catch let error as PortsError where error.code == .diskFull {
            return false  // what the trainer writes matters more
        }
        emit(.pointsSpooled(grant.token, total: total))
        return true
    }

    /// Reads to the end after the trainer's.
    private func drain(_ output: AttemptOutput, _ exit: ProcessExit) async throws -> AttemptOutput {
        var output = output
        var progress = output.progress
        // Each round takes a bounded piece of every file; the log is the one that may need many.
        for number in 0..<1024 {
            output = try await round(output, leader: nil, exit: exit)
            if output.progress == progress, number > 0 || output.isQuiet, !output.notices.hasUntold { break }
            progress = output.progress
        }
        return output
    }

    private func outputs(_ output: AttemptOutput, _ plan: AttemptPlan) -> (isThere: Bool, missing: String) {
        if [.evaluate, .edit].contains(grant.job.kind) { return (output.hasRows, "measured nothing") }
        if plan.isCore { return (output.hasFinal, "left no final checkpoint") }
        if let done = plan.done {
            return done.look(step: max(output.reached.step, output.newestStep ?? 0), epoch: output.reached.epoch)
        }
        let wantsAdapter = plan.rules.contains { $0.kind == .adapter }
        return (!wantsAdapter || output.hasAdapter, "left no file that its checkpoint rules match")
    }

    private static func phase(of kind: JobKind) -> String {
        switch kind {
        case .evaluate: "evaluating"
        case .prepare: "preparing"
        case .edit: "editing"
        case .train: "training"
        }
    }

    private static func end(for error: any Error, wasStopped: Bool) -> AttemptEnd {
        if wasStopped { return .stopped }
        func failed(_ failure: FailureClass) -> AttemptEnd {
            .failed(FailureReport(failure: failure, message: "\(error)"))
        }
        switch error {
        case let error as PreparationFailure: return .failed(error.report)
        case let error as WorkerError:
            switch error.code {
            case .badJob: return failed(.badConfig)
            case .guardProcess: return .stopped
            case .badInput, .workFolder, .noGPU, .program: return failed(.crash)
            }
        case is SweepModelError: return failed(.badConfig)
        case let error as PortsError where error.code == .diskFull: return failed(.diskFull)
        case let error as CocoaError where error.code == .fileWriteOutOfSpace: return failed(.diskFull)
        case is CancellationError: return .stopped
        default: return failed(.crash)
        }
    }
}
