import Ports
import RunSpec
import SweepModel
import SweepWire
import WorkerCore

/// What clients and workers were told: the other half of the truth, kept outside the cluster.
final class Shadow {
    /// What must be in every later state of the ledger; a restored backup takes it back to what it was then.
    struct Blob {
        var bytes: Int64
        /// By the wall clock: nobody may collect it before.
        var until: Int64
    }

    struct Promises {
        var launched: Set<JobID> = []
        /// Of launches that were answered.
        var keys: Set<String> = []
        var finished: [JobID: AttemptToken] = [:]
        var acknowledged: [AttemptToken: UInt64] = [:]
        var checkpoints: [AttemptToken: Set<String>] = [:]
        var blobs: [ContentDigest: Blob] = [:]
        var resumable: Set<JobID> = []
    }

    private unowned let cluster: Cluster
    var promises = Promises()
    /// Of the ledger that was restored last: answers from before it that were still under way promise
    /// nothing.
    var epoch = 0
    /// What was promised before a restore that failed, and the epoch of which answers counted.
    var undecided: (epoch: Int, promises: Promises)?
    /// How often in a row each worker asked for jobs and was told at once that there are none.
    private var emptyPolls: [Int: Int] = [:]
    private static let mostEmptyPolls = 60
    private var holders: [AttemptToken: Int] = [:]
    /// Sessions that a worker of the cluster made.
    var sessions: Set<String> = []
    /// Identities whose registration was answered.
    var registered: Set<String> = []
    private var began: [AttemptToken: Int64] = [:]
    /// Attempts that somebody was told to stop.
    private var orders: Set<AttemptToken> = []
    private var spooledTotals: [AttemptToken: UInt64] = [:]
    init(_ cluster: Cluster) { self.cluster = cluster }

    private var world: World { cluster.world }

    /// A restore that failed has happened if the ledger's epoch is another: it may be smaller than that of a
    /// replaced ledger that could not be read.
    func started(epoch new: Int) {
        guard let before = undecided else { return }
        undecided = nil
        let didHappen = new != max(before.epoch, 1)
        if !didHappen { promises = before.promises }
        epoch = didHappen ? new : before.epoch
    }

    /// Whether the ledger of now gave it out, and not one that a restored backup replaced.
    private func counts(_ token: AttemptToken) -> Bool { epoch == 0 || token.epoch == epoch }

    /// - Parameter wait: from the question to its answer.
    func exchanged(_ request: ExchangeRequest, _ response: ExchangeResponse, by worker: Int, after wait: Int64) {
        if request.reports.isEmpty, response.grants.isEmpty, wait < 1_000_000_000 {
            emptyPolls[worker, default: 0] += 1
            if emptyPolls[worker] == Self.mostEmptyPolls {
                world.fail("I16", "worker \(worker) asked for jobs \(Self.mostEmptyPolls) times and never had to wait")
            }
        } else {
            emptyPolls[worker] = 0
        }
        for (report, outcome) in zip(request.reports, response.outcomes) {
            let token = report.token
            switch outcome {
            case .accepted: accepted(report)
            case .superseded:
                orders.insert(token)
                world.probe("report of a superseded attempt")
                mustEnd(token, on: worker)
            case .gap: world.probe("report before its points")
            case .missingBlobs: world.probe("report without its blobs")
            case .notTried: world.probe("report behind a refused one")
            case .refused(let message): world.fail("wire", "a report of \(token) was refused: \(message)")
            }
        }
        for order in response.stops { orders.insert(order.token) }
        for grant in response.grants {
            if let holder = holders[grant.token], holder != worker {
                world.fail("I6", "\(grant.token) was granted to worker \(holder) and to worker \(worker)")
            }
            holders[grant.token] = worker
            if grant.token.attempt.value > 1 { world.probe("second attempt granted") }
        }
    }

    private func accepted(_ report: Report) {
        let token = report.token
        guard counts(token) else { return }
        switch report.body {
        case .finished:
            if let other = promises.finished[token.job], other != token {
                world.fail("I1", "job \(token.job.short) has two accepted results: \(other) and \(token)")
            }
            promises.finished[token.job] = token
        case .checkpoint(let checkpoint):
            promises.checkpoints[token, default: []].insert(checkpoint.name)
            if checkpoint.manifest.isResumable { promises.resumable.insert(token.job) }
        case .failed: world.probe("failure reported")
        case .released(let release): world.probe("released: \(release.reason.rawValue)")
        default: break
        }
    }

    func heartbeat(_ request: HeartbeatRequest, _ response: HeartbeatResponse, by worker: Int) {
        for (attempt, verdict) in zip(request.attempts, response.verdicts) where verdict != .fine {
            orders.insert(attempt.token)
            world.probe("verdict \(verdict.rawValue)")
            if verdict != .superseded, cluster.workers[worker - 1].runsLater(attempt.token) {
                world.probe("order to stop meets the next attempt")
            }
            if verdict == .superseded { mustEnd(attempt.token, on: worker) }
        }
    }

    func heard(_ event: WorkerEvent, by worker: Int) {
        if case .metricsAnswered(let token, .superseded) = event {
            orders.insert(token)
            world.probe("metrics of a superseded attempt")
            mustEnd(token, on: worker)
        }
    }

    /// I19: who was superseded is gone after a trainer's grace and 5 s.
    private func mustEnd(_ token: AttemptToken, on worker: Int) {
        let machine = cluster.workers[worker - 1]
        guard let life = machine.life else { return }
        machine.later(.seconds(35), life) { [weak self, weak machine, world] in
            guard let machine, machine.running.contains(token) else { return }
            // A machine that stood still needs its time after it.
            if world.now - machine.pausedUntil < 40_000_000_000 {
                self?.mustEnd(token, on: worker)
            } else {
                world.fail("I19", "\(token) was superseded 35 s ago and still runs on worker \(worker)")
            }
        }
    }

    func runs(_ grant: Grant, on worker: Int) { began[grant.token] = world.now }

    /// R3: nothing is ended that nobody asked to end.
    func killed(_ token: AttemptToken, by worker: Int) {
        guard !orders.contains(token) else { return }
        let age = world.now - (began[token] ?? world.now)
        if age < Int64(cluster.plan.timeoutSeconds) * 1_000_000_000 {
            world.fail("R3", "worker \(worker) ends \(token), which nobody asked to end")
        } else {
            world.probe("trainer timed out")
        }
    }

    /// R3 again, for a polite end.
    func stopped(_ token: AttemptToken, by worker: Int) {
        guard !orders.contains(token) else { return }
        if let leaves = cluster.workers[worker - 1].life?.leaves, world.now >= leaves {
            world.probe("stopped because the machine's time was over")
            orders.insert(token)
            return
        }
        world.fail("R3", "worker \(worker) stops \(token), which nobody asked to stop")
    }

    func acknowledged(_ token: AttemptToken, _ next: UInt64) {
        guard counts(token) else { return }
        promises.acknowledged[token] = max(promises.acknowledged[token] ?? 0, next - 1)
        if let total = spooledTotals[token], next - 1 > total {
            world.fail("I3", "\(next - 1) points of \(token) acknowledged, \(total) were ever made")
        }
    }

    func spooled(_ token: AttemptToken, _ total: UInt64) {
        spooledTotals[token] = max(spooledTotals[token] ?? 0, total)
    }

    /// A client was told that a blob is there: for a day by the wall clock, whatever that was while it was
    /// asked.
    func stored(_ blob: ContentDigest, _ size: Int64, jumps: Int) {
        guard jumps == cluster.jumps else { return }
        let until = world.wall().milliseconds - Self.longestCall + 24 * 3600 * 1000
        promises.blobs[blob] = Blob(bytes: size, until: max(until, promises.blobs[blob]?.until ?? until))
    }

    /// Milliseconds from a question to its answer, at most: the day begins when the coordinator thinks of it.
    private static let longestCall: Int64 = 1_300_000
}
