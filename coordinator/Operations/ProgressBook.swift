package import Ports
package import SweepModel
package import SweepWire
import Synchronization

/// What workers say of how far their attempts are. In memory alone: it is for who watches, and nothing is
/// decided by it. A class, because heartbeats and watchers come on many threads.
package final class ProgressBook: Sendable {
    private struct Entry {
        var progress: AttemptProgress
        var heard: MonotonicTime
    }

    private struct Pages {
        var entries: [String: Entry] = [:]
        var watched: MonotonicTime?
        var nextSweep: MonotonicTime?
    }

    private let pages = Mutex(Pages())
    private let kept: Duration
    /// Somebody watches if somebody looked so lately.
    private static let watching: Duration = .seconds(15)
    /// Heartbeats a second that watching may bring.
    private static let mostBeats = 200.0

    /// - Parameter lease: who was silent for so long is forgotten.
    package init(lease: Duration) { kept = lease * 2 }

    /// - Returns: when its worker should say the next time how far it is; nil if nobody watches.
    package func note(_ attempts: [AttemptProgress], _ verdicts: [AttemptVerdict], now: MonotonicTime) -> Double? {
        pages.withLock { pages in
            for (attempt, verdict) in zip(attempts, verdicts) where verdict != .superseded {
                pages.entries[attempt.token.job.text] = Entry(progress: attempt, heard: now)
            }
            if pages.nextSweep.map({ $0 <= now }) ?? true {
                pages.nextSweep = now + kept
                pages.entries = pages.entries.filter { now - $0.value.heard < kept }
            }
            guard let watched = pages.watched, now - watched < Self.watching, !attempts.isEmpty else { return nil }
            return max(1, Double(pages.entries.count) / Self.mostBeats)
        }
    }

    /// Adds what is known to a list of what runs; from now on somebody watches.
    package func fill(_ jobs: [RunningJob], now: MonotonicTime) -> [RunningJob] {
        pages.withLock { pages in
            pages.watched = now
            return jobs.map { job in
                guard let progress = pages.entries[job.id]?.progress, progress.token.attempt.value == job.attempt else {
                    return job
                }
                var job = job
                (job.phase, job.step, job.extent) = (progress.phase, progress.step, progress.extent)
                return job
            }
        }
    }
}
