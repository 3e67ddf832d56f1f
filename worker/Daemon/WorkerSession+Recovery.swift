import Foundation
import Logging
import Ports
import RunSpec
import SweepModel
import SweepWire
import WorkerCore

extension WorkerSession {
    /// Takes up what an earlier run of this worker left: its last output is spooled, then each attempt is given back.
    func recoverAttempts() async throws {
        for name in try files.list(folder.attempts) {
            let place = AttemptPlace(path: "\(folder.attempts)/\(name)")
            let grant: Grant
            do {
                grant = try WireJSON.decode(Grant.self, from: Data(try files.read(place.grant, limit: 16 << 20)))
            } catch {
                // The grant is written before anything else: without it there is nothing to hand in. The coordinator
                // lists the attempt when we register, and it is given back then.
                logger.warning("an unfinished attempt folder is removed: \(place.path) (\(error))")
                try files.remove(place.path)
                continue
            }
            guard folder.attempt(grant.token) == place else { continue }
            logger.info("job \(grant.token) was left over from an earlier run; its results are handed in")
            let entry = try hold(grant.token)
            emit(.recovered(grant.token, pointsFrom: entry.points.firstHeld, fault: entry.reports.damage))
            do {
                try collectLeftovers(grant, place, entry)
            } catch {
                logger.warning("job \(grant.token): its last output cannot be read: \(error)")
            }
            if !entry.reports.pending.contains(where: \.isFinal) {
                let report = Report(token: grant.token, .released(ReleaseReport(reason: .restart)))
                _ = try entry.reports.append(report)
            }
            emit(.pointsSpooled(grant.token, total: entry.points.total))
            for report in entry.reports.pending { emit(.reportSpooled(grant.token, report)) }
        }
    }

    /// Reads what the trainer wrote after the worker last looked. New reports are found again in the spool.
    private func collectLeftovers(_ grant: Grant, _ place: AttemptPlace, _ entry: Held) throws {
        guard !entry.reports.pending.contains(where: \.isFinal), try files.exists(place.out) else { return }
        // Only names are rendered here, so that it does not matter where the inputs were.
        var around = maker.surroundings()
        (around.base, around.data, around.regData) = ("", "", "")
        let plan = try AttemptPlan(grant, place: place, around)
        for checkpoint in grant.trained { try entry.reports.markSeen("checkpoint \(checkpoint.name)") }
        var output = AttemptOutput(
            grant, plan, place: place, points: entry.points, reports: entry.reports, files: files)
        // A trainer that ended well after the worker was gone left nothing half done.
        var exit: ProcessExit?
        if try files.exists(place.ending), let status = Int32(try files.readText(place.ending).prefix { $0 != "\n" }) {
            exit = ProcessExit(status: status)
        }
        var progress: Int64 = -1
        while output.progress != progress {
            progress = output.progress
            let events = try output.collect(
                now: time.monotonic(), leader: nil, isTrusted: exit?.isPolite ?? false,
                isDone: exit?.code == TrainerExit.done, takesLog: true)
            for event in events {
                if case .reportSpooled(_, let report) = event, case .log = report.body { emit(event) }
            }
        }
    }
}
