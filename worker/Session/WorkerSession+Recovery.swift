import Foundation
import Logging
import Ports
import SweepModel
import SweepWire
import WorkerCore

extension WorkerSession {
    /// Takes up what an earlier run of this worker left: its last output is spooled, then each attempt is
    /// given back.
    func recoverAttempts() throws {
        for name in try files.list(folder.attempts) {
            let place = AttemptPlace(path: "\(folder.attempts)/\(name)")
            let grant: Grant
            do {
                grant = try WireJSON.decode(Grant.self, from: Data(try files.read(place.grant, limit: 16 << 20)))
            } catch {
                // The grant is written before anything else: without it there is nothing to hand in. The
                // coordinator lists the attempt when we register, and it is given back then.
                logger.warning("an unfinished attempt folder is removed: \(place.path) (\(error))")
                try files.remove(place.path)
                Faults.reach("worker.unfinished-removed")
                continue
            }
            guard folder.attempt(grant.token) == place else {
                // A power cut took the grant that was written over an earlier one: nothing durable is here.
                logger.warning("a folder that is not that of its attempt is removed: \(place.path)")
                try files.remove(place.path)
                continue
            }
            logger.info("job \(grant.token) was left over from an earlier run; its results are handed in")
            let entry = try hold(grant.token)
            try entry.anchor.hold()
            emit(.recovered(grant.token, pointsFrom: entry.points.firstHeld, fault: entry.reports.damage))
            do {
                let logs = try ports.trainers.collectLeftovers(
                    grant, at: place, points: entry.points, reports: entry.reports)
                for event in logs { emit(event) }
            } catch {
                logger.warning("job \(grant.token): its last output cannot be read: \(error)")
            }
            Faults.reach("worker.recovered")
            if !entry.reports.pending.contains(where: \.isFinal) {
                let report = Report(token: grant.token, .released(ReleaseReport(reason: .restart)))
                _ = try entry.reports.append(report)
            }
            emit(.pointsSpooled(grant.token, total: entry.points.total))
            for report in entry.reports.pending { emit(.reportSpooled(grant.token, report)) }
        }
    }
}
