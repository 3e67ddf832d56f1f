import CoordinatorCore
import Logging
import SweepLedger
import SweepModel
import SweepWire

/// Jobs made of others, and what becomes of sweeps afterwards.
extension Operations {
    func mountKeeping(on place: some OperationMount) {
        place.mount(.branch) { request, call in try await branch(request, call) }
        place.mount(.reclaim) { request, call in try await reclaim(request, call) }
        place.mount(.annotate) { request, call in
            let verb = Annotate(
                target: request.target, add: request.add, remove: request.remove, note: request.note, now: wall)
            let detail = (request.add.map { "+\($0)" } + request.remove.map { "-\($0)" }).joined(separator: " ")
            guard !detail.isEmpty || request.note != nil else { return try await work.commit(verb) }
            return try await work.commit(
                Audited(
                    verb, audit(call, "annotate", "\(request.target) \(detail)\(request.note == nil ? "" : " note")")))
        }
    }

    private func branch(_ request: BranchRequest, _ call: Call) async throws -> BranchResponse {
        let wish: BranchJob.Wish
        switch request.way {
        case .rerun:
            guard request.epochs == nil, request.checkpoints.isEmpty else {
                throw WireError(.badRequest, "rerun: epochs are a setting; give them in 'set'")
            }
            wish = .rerun(request.set)
        case .extend:
            guard request.set.isEmpty, let epochs = request.epochs else {
                throw WireError(.badRequest, "extend: wants 'epochs' and nothing in 'set'; a rerun has other settings")
            }
            wish = .extend(epochs: epochs, checkpoints: request.checkpoints)
        }
        let verb = BranchJob(wish, of: request.job, now: wall)
        let outcome = try await work.commit(
            Audited(verb, audit(call, "branch", "\(request.way.rawValue) \(request.job)")))
        engine.tell(.changed(outcome.changes, stopping: [], continuing: []))
        return BranchResponse(
            job: outcome.job.text, parent: outcome.parent.text, sweep: outcome.sweep, state: outcome.state.rawValue,
            isNew: outcome.isNew, epoch: outcome.epoch, step: outcome.step, notice: outcome.notice)
    }

    /// Slice by slice; files go after the commit that made them nobody's.
    private func reclaim(_ request: ReclaimRequest, _ call: Call) async throws -> ReclaimReport {
        var report = try await ledger.reclaimable(sweep: request.sweep, request.action)
        guard !request.isTrial, !(request.action == .delete && report.wasDone) else { return report }
        (report.jobs, report.blobs, report.bytes, report.laterBlobs, report.laterBytes) = (0, 0, 0, 0, 0)
        var after: Int64? = 0
        while let start = after {
            let verb = ReclaimSweep(
                sweep: request.sweep, action: request.action, after: start,
                before: (report.jobs, report.blobs, report.bytes), now: wall)
            let detail = "\(request.sweep)" + (start > 0 ? ", goes on" : "")
            let done = try await work.commit(Audited(verb, audit(call, request.action.rawValue, detail)), .bulk)
            try await ledger.removeFiles(of: done.files)
            report.jobs += done.jobs
            report.blobs += done.files.count
            report.bytes += done.bytes
            report.laterBlobs += done.laterBlobs
            report.laterBytes += done.laterBytes
            after = done.after
        }
        report.isDone = true
        engine.logger.info(
            "\(request.action.rawValue) of \(request.sweep)",
            metadata: ["jobs": "\(report.jobs)", "blobs": "\(report.blobs)", "bytes": "\(report.bytes)"])
        return report
    }
}
