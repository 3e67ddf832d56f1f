import CoordinatorCore
import Foundation
import Logging
import Ports
import RunSpec
import SweepFile
import SweepLedger
package import SweepModel
package import SweepWire

extension Operations {
    func mountClients(on place: some OperationMount) {
        place.mount(.health) { _, _ in
            HealthResponse(
                program: "radiata", protocolVersion: ProtocolVersion.current, ledger: ledger.id, epoch: ledger.epoch,
                uptimeSeconds: (engine.time.monotonic() - started).inSeconds)
        }
        place.mount(.launch) { request, call in try await launch(request, call) }
        place.mount(.history) { request, _ in try await history(request) }
        place.mount(.sweeps) { _, _ in Items(try await sweeps()) }
        place.mount(.status) { request, _ in try await status(request) }
        place.mount(.jobs) { request, _ in Items(try await jobs(request)) }
        place.mount(.job) { request, _ in
            var (detail, wait) = try await ledger.job(request.job)
            detail.job.waitsFor = wait.flatMap(engine.waitBoard.reason)
            return detail
        }
        place.mount(.logs) { request, _ in try await log(request) }
        place.mount(.action) { request, call in try await act(request, call) }
        place.mount(.evaluate) { request, call in try await evaluate(request, call) }
        place.mount(.workers) { _, _ in Items(WorkerListing.fitting(try await workers()).shown) }
        place.mount(.drain) { request, call in
            let verb = SetWorkerState(worker: request.worker, drain: request.drain, now: wall)
            let worker = try await work.commit(
                Audited(verb, audit(call, "drain", "\(request.worker): \(request.drain)")))
            engine.tell(.workerChanged(worker, request.drain ? .draining : .active))
            return Nothing()
        }
        place.mount(.forget) { request, call in
            let verb = ForgetWorker(worker: request.worker, connected: engine.connected, now: wall)
            let worker = try await work.commit(Audited(verb, audit(call, "forget", request.worker)))
            engine.tell(.forgotten([worker]))
            // The token that it was invited with ended with it.
            tokens.replace(try await ledger.tokens())
            return Nothing()
        }
    }

    private func status(_ request: SweepRequest) async throws -> StatusResponse {
        let sweep = request.sweep.isEmpty ? nil : request.sweep
        var sweeps = try await ledger.sweeps(named: sweep, at: wall)
        guard sweep == nil || !sweeps.isEmpty else {
            throw try await ledger.unknownSweep(request.sweep)
        }
        let jobs = try await ledger.unfinishedJobs(sweep: sweep, limit: StatusResponse.mostJobs)
        let board = engine.waitBoard
        let (workers, left) = WorkerListing.fitting(try await workers())
        let notices = [gauge.notice, WorkerListing.notice(left)].compactMap { $0 }
        if sweeps.contains(where: { $0.states["running"] ?? 0 > 0 }) {
            let (paces, now) = (try await ledger.paces(), wall.milliseconds)
            sweeps = sweeps.map { summary in
                var summary = summary
                summary.left = paces[summary.name].flatMap { Self.left(summary, $0, now: now) }
                return summary
            }
        }
        let running = try await ledger.running(sweep: sweep, limit: StatusResponse.mostJobs)
        return StatusResponse(
            sweeps: sweeps, workers: workers,
            notice: notices.isEmpty ? nil : notices.joined(separator: "\n"),
            jobs: jobs.map { listed in
                let job = listed.job
                return JobBrief(
                    id: job.id, sweep: job.sweep, state: job.state, waitsFor: listed.wait.flatMap(board.reason))
            }, running: progress.fill(running, now: engine.time.monotonic()))
    }

    private static func left(_ sweep: SweepSummary, _ pace: SweepPace, now: Int64) -> TimeLeft? {
        TimeLeft(
            took: pace.ended.map(\.seconds), running: pace.running.map { Double(max(0, now - $0)) / 1000 },
            waiting: sweep.states["waiting"] ?? 0)
    }

    package func sweeps() async throws -> [SweepSummary] { try await ledger.sweeps(at: wall) }

    /// - Throws: `WireError` `badRequest` for a state that is none.
    package func jobs(_ request: JobsRequest) async throws -> [JobSummary] {
        if let state = request.state, JobState(rawValue: state) == nil {
            let known = JobState.allCases.map(\.rawValue).joined(separator: ", ")
            throw WireError(.badRequest, "state '\(state)': wanted one of \(known)")
        }
        let jobs = try await ledger.jobs(
            sweep: request.sweep, state: request.state, limit: request.limit, after: request.after,
            tag: request.tag)
        let board = engine.waitBoard
        return jobs.map { listed in
            var job = listed.job
            job.waitsFor = listed.wait.flatMap(board.reason)
            return job
        }
    }

    private func launch(_ request: LaunchRequest, _ call: Call) async throws -> LaunchResponse {
        guard (16...128).contains(request.key.unicodeScalars.count) else {
            throw WireError(
                .badRequest, "launch: the key has \(request.key.unicodeScalars.count) characters, wanted 16 to 128")
        }
        for input in request.inputs { try Self.check(input.tree) }
        let now = wall
        let prepared = try await work.compute { try LaunchSweep.prepare(request, now: now) }
        var missing: Set<String> = []
        for input in request.inputs {
            missing.formUnion(
                try await work.commit(StoreInput(name: input.name, tree: input.tree, now: now), .bulk))
        }
        let outcome = try await store(prepared.0, prepared.1, call)
        // Jobs that were done before this file asked for more measures are measured too.
        if let external = prepared.0.external {
            _ = try await evaluate(prepared.0.name.text, by: external, onlyFinal: false, call)
        }
        engine.logger.info(
            "sweep \(prepared.0.name) launched", metadata: ["jobs": "\(outcome.jobs)", "added": "\(outcome.added)"])
        return LaunchResponse(
            sweep: prepared.0.name.text, configurations: prepared.0.configurations, jobs: outcome.jobs,
            added: outcome.added,
            shared: outcome.shared, missingBlobs: missing.sorted())
    }

    /// Stores the jobs slice by slice. While one is committed, the texts of the next are written, and the
    /// jobs of the last may be claimed already.
    private func store(_ verb: LaunchSweep, _ jobs: JobResolver, _ call: Call) async throws -> LaunchSweep.Outcome {
        do {
            return try await storeSlices(verb, jobs, call)
        } catch {
            // The launch has failed in any case; without it the cache is large until the next large launch.
            _ = try? await work.commit(EndOfLaunch(), .bulk)
            throw error
        }
    }

    private func storeSlices(
        _ verb: LaunchSweep, _ jobs: JobResolver, _ call: Call
    ) async throws -> LaunchSweep.Outcome {
        var outcome = LaunchSweep.Outcome()
        var stored: [JobChange] = []
        // What is in the ledger is told, whatever becomes of the rest.
        defer { engine.tell(.changed(stored, stopping: [], continuing: [])) }
        var start = 0
        var texts = try await launchJobs(jobs, slice(of: jobs, from: 0))
        repeat {
            let end = start + texts.count
            var part = verb
            part.jobs = texts
            part.before = outcome
            part.isFirst = start == 0
            part.isLast = end == jobs.count
            let committed = Audited(part, audit(call, "launch", "\(verb.name), \(part.jobs.count) jobs"))
            async let done = work.commit(committed, .bulk)
            async let next = launchJobs(jobs, slice(of: jobs, from: end))
            if !stored.isEmpty { engine.tell(.changed(stored, stopping: [], continuing: [])) }
            stored = []
            outcome = try await done
            swap(&stored, &outcome.changes)
            texts = try await next
            start = end
        } while start < jobs.count
        return outcome
    }

    /// Each job dirties pages of its own in the index of identities, which a larger transaction writes less
    /// often. The first is small, so that workers have something to do soon.
    private func slice(of jobs: JobResolver, from start: Int) -> Range<Int> {
        var count = launchSlice
        switch start / launchSlice {
        case _ where start == 0: count = max(1, launchSlice / 5)
        case 60...: count = 8 * launchSlice
        case 20...: count = 4 * launchSlice
        default: break
        }
        return start..<min(start + count, jobs.count)
    }

    private func launchJobs(_ jobs: JobResolver, _ range: Range<Int>) async throws -> [LaunchJob] {
        try await work.compute {
            var texts = LaunchTexts()
            return try jobs.runs(range).flatMap { try texts.jobs($0) }
        }
    }

    /// A list of files names the input only if its digest is that of the list.
    private static func check(_ tree: TreeDigest) throws {
        let digest = tree.isFolder ? TreeDigest(folder: tree.files).digest : tree.files.first?.sha256
        guard digest == tree.digest, tree.isFolder || tree.files.count == 1,
            // As bytes: names that differ by their normalisation alone are two.
            Set(tree.files.map { Array($0.path.utf8) }).count == tree.files.count
        else { throw WireError(.badRequest, "input \(tree.digest): its list of files has another digest") }
        for file in tree.files {
            guard file.size >= 0, InputPath.isSafe(file.path) else {
                throw WireError(.badRequest, "input \(tree.digest): the path '\(file.path.prefix(200))' is not allowed")
            }
        }
    }

    private func act(_ request: ActionRequest, _ call: Call) async throws -> ActionResponse {
        var verb = ChangeJobs(
            action: request.action, target: request.target, failure: request.failure, ledgerID: ledger.id, now: wall)
        verb.budget = try Self.checked(request)
        let outcome = try await work.commit(
            Audited(verb, audit(call, "action", "\(request.action.rawValue) \(request.target)")))
        engine.tell(
            .changed(outcome.changes, stopping: outcome.stopping, continuing: outcome.continuing))
        return ActionResponse(
            changed: outcome.changes.count + outcome.continuing.count, stopping: outcome.stopping.count,
            untouched: outcome.untouched, notice: outcome.notice)
    }

    private static func checked(_ request: ActionRequest) throws -> SweepBudget? {
        guard let budget = request.budget, !budget.isEmpty else { return nil }
        guard request.action == .resume else {
            throw WireError(.badRequest, "\(request.action.rawValue): a budget is given with resume only")
        }
        guard [budget.hours, budget.money].compactMap({ $0 }).allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw WireError(.badRequest, "resume: the budget is \(budget.text), wanted numbers above 0")
        }
        return budget
    }

    private func evaluate(_ request: EvaluateRequest, _ call: Call) async throws -> EvaluateResponse {
        for name in (request.metrics ?? []) + (request.external ?? []).map(\.name) where !MetricLimit.accepts(name) {
            throw WireError(
                .badRequest, "metric '\(name.prefix(80))': a name has 1 to \(MetricLimit.nameBytes) bytes")
        }
        if let empty = request.external?.first(where: { $0.command.first?.isEmpty ?? true }) {
            throw WireError(.badRequest, "metric \(empty.name): its command is empty")
        }
        return try await evaluate(request.sweep, by: request.spec, onlyFinal: request.onlyFinal, call)
    }

    /// Slice by slice: what is done now gets its jobs, the wish stays for what is done later.
    private func evaluate(
        _ sweep: String, by spec: EvaluationSpec, onlyFinal: Bool, _ call: Call
    ) async throws -> EvaluateResponse {
        var response = EvaluateResponse(trained: 0, added: 0)
        var after: Int64? = 0
        while let from = after {
            let verb = EvaluateSweep(sweep: sweep, spec: spec, onlyFinal: onlyFinal, after: from, now: wall)
            let outcome = try await work.commit(Audited(verb, audit(call, "evaluate", sweep)), .bulk)
            engine.tell(.changed(outcome.changes, stopping: [], continuing: []))
            response.trained += outcome.looked
            response.added += outcome.changes.count
            after = outcome.after
        }
        return response
    }

    private func log(_ request: LogRequest) async throws -> LogText {
        let offset = Int64(clamping: request.offset)
        let deadline = engine.time.monotonic() + .seconds(min(request.waitSeconds, WireLimit.waitSeconds))
        while true {
            let log = try await ledger.log(job: request.job, attempt: request.attempt, offset: offset)
            if !log.text.isEmpty || log.isComplete || engine.time.monotonic() >= deadline { return log }
            try await engine.time.sleep(for: .milliseconds(300))
        }
    }
}
