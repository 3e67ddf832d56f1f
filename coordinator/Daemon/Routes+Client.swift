import CoordinatorCore
import Foundation
import Hummingbird
import Logging
import Ports
import RunSpec
import SweepFile
import SweepLedger
import SweepModel
import SweepWire

extension Routes {
    func addClientRoutes(_ router: Router<CallContext>) {
        mount.mount(.health, on: router) { _, _ in
            HealthResponse(
                program: "radiata", protocolVersion: ProtocolVersion.current, ledger: ledger.id, epoch: ledger.epoch,
                uptimeSeconds: (engine.time.monotonic() - started).inSeconds)
        }
        mount.mount(.launch, on: router) { request, call in try await launch(request, call) }
        addHistoryRoutes(router)
        mount.mount(.sweeps, on: router) { _, _ in Items(try await ledger.sweeps()) }
        mount.mount(.status, on: router) { request, _ in
            let sweeps = try await ledger.sweeps(named: request.sweep.isEmpty ? nil : request.sweep)
            guard request.sweep.isEmpty || !sweeps.isEmpty else {
                throw WireError(.notFound, "no sweep '\(request.sweep)'; `radiata status` lists them")
            }
            let jobs = try await ledger.unfinishedJobs(
                sweep: request.sweep.isEmpty ? nil : request.sweep, limit: StatusResponse.mostJobs)
            let board = engine.waitBoard
            let (workers, left) = WorkerListing.fitting(try await workers())
            let notices = [gauge.notice, WorkerListing.notice(left)].compactMap { $0 }
            return StatusResponse(
                sweeps: sweeps, workers: workers,
                notice: notices.isEmpty ? nil : notices.joined(separator: "\n"),
                jobs: jobs.map { listed in
                    let job = listed.job
                    return JobBrief(
                        id: job.id, sweep: job.sweep, state: job.state, waitsFor: listed.wait.flatMap(board.reason))
                })
        }
        mount.mount(.jobs, on: router) { request, _ in
            if let state = request.state, JobState(rawValue: state) == nil {
                let known = JobState.allCases.map(\.rawValue).joined(separator: ", ")
                throw WireError(.badRequest, "state '\(state)': wanted one of \(known)")
            }
            let jobs = try await ledger.jobs(
                sweep: request.sweep, state: request.state, limit: request.limit, after: request.after)
            let board = engine.waitBoard
            return Items(jobs.map { Self.summary($0, board) })
        }
        mount.mount(.job, on: router) { request, _ in
            var (detail, wait) = try await ledger.job(request.job)
            detail.job.waitsFor = wait.flatMap(engine.waitBoard.reason)
            return detail
        }
        mount.mount(.logs, on: router) { request, _ in try await log(request) }
        mount.mount(.action, on: router) { request, call in try await act(request, call) }
        mount.mount(.workers, on: router) { _, _ in Items(WorkerListing.fitting(try await workers()).shown) }
        mount.mount(.drain, on: router) { request, call in
            let verb = SetWorkerState(worker: request.worker, drain: request.drain, now: wall)
            let worker = try await ledger.writer.perform(
                Audited(verb, audit(call, "drain", "\(request.worker): \(request.drain)")))
            engine.tell(.workerChanged(worker, request.drain ? .draining : .active))
            return Nothing()
        }
        mount.mount(.forget, on: router) { request, call in
            let verb = ForgetWorker(worker: request.worker, connected: engine.connected, now: wall)
            let worker = try await ledger.writer.perform(Audited(verb, audit(call, "forget", request.worker)))
            engine.tell(.forgotten([worker]))
            return Nothing()
        }
        mount.mountStream(.query, on: router) { request, call in
            var query = ReadOnlyQuery(path: ledger.path, mostRows: min(max(request.limit, 1), 1_000_000))
            query.mayReadAudit = call.principal.scope == .admin
            return try await QueryStream.begin(query, request.sql, try queries.enter())
        }
        mount.mountStream(.export, on: router) { request, _ in try await ResultExport.stream(request, of: ledger) }
    }

    private func launch(_ request: LaunchRequest, _ call: Call) async throws -> LaunchResponse {
        guard (16...128).contains(request.key.unicodeScalars.count) else {
            throw WireError(
                .badRequest, "launch: the key has \(request.key.unicodeScalars.count) characters, wanted 16 to 128")
        }
        for input in request.inputs { try Self.check(input.tree) }
        let now = wall
        let prepared = try await BlockingWork.run { try LaunchSweep.prepare(request, now: now) }
        var missing: Set<String> = []
        for input in request.inputs {
            missing.formUnion(
                try await ledger.writer.perform(StoreInput(name: input.name, tree: input.tree, now: now), .bulk))
        }
        let outcome = try await store(prepared.0, prepared.1, call)
        engine.logger.info(
            "sweep \(prepared.0.name) launched", metadata: ["jobs": "\(outcome.jobs)", "added": "\(outcome.added)"])
        return LaunchResponse(
            sweep: prepared.0.name.text, configurations: prepared.0.configurations, jobs: outcome.jobs,
            added: outcome.added,
            shared: outcome.shared, missingBlobs: missing.sorted())
    }

    /// Jobs of one transaction of a launch.
    private static let slice = 2000

    /// Stores the jobs slice by slice; the texts of the next slice are written while one is committed.
    private func store(_ verb: LaunchSweep, _ jobs: [ResolvedJob], _ call: Call) async throws -> LaunchSweep.Outcome {
        var outcome = LaunchSweep.Outcome()
        var start = 0
        var texts = try await Self.texts(jobs[..<min(Self.slice, jobs.count)])
        repeat {
            let end = min(start + Self.slice, jobs.count)
            var part = verb
            part.jobs = texts
            part.before = outcome
            part.isFirst = start == 0
            part.isLast = end == jobs.count
            let committed = Audited(part, audit(call, "launch", "\(verb.name), \(part.jobs.count) jobs"))
            async let done = ledger.writer.perform(committed, .bulk)
            async let next = Self.texts(jobs[end..<min(end + Self.slice, jobs.count)])
            outcome = try await done
            texts = try await next
            engine.tell(.changed(outcome.changes, stopping: [], continuing: []))
            outcome.changes = []
            start = end
        } while start < jobs.count
        return outcome
    }

    private static func texts(_ jobs: ArraySlice<ResolvedJob>) async throws -> [LaunchJob] {
        try await BlockingWork.run { try jobs.map { try LaunchJob($0) } }
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
        let verb = ChangeJobs(
            action: request.action, target: request.target, failure: request.failure, ledgerID: ledger.id, now: wall)
        let outcome = try await ledger.writer.perform(
            Audited(verb, audit(call, "action", "\(request.action.rawValue) \(request.target)")))
        engine.tell(
            .changed(outcome.changes, stopping: outcome.stopping, continuing: outcome.continuing))
        return ActionResponse(
            changed: outcome.changes.count + outcome.continuing.count, stopping: outcome.stopping.count,
            untouched: outcome.untouched, notice: outcome.notice)
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
