import CoordinatorCore
import CoordinatorOperations
import Logging
import Ports
import ServiceLifecycle
import SweepLedger

/// What the coordinator does by itself: looks at its disk, thins checkpoints as sweeps asked for, collects
/// garbage, and has the best of a sweep that ended judged once more.
struct Maintenance: Service {
    let engine: CoordinatorEngine
    let gauge: DiskGauge
    let paces: MaintenancePaces

    private var time: any TimeSource { engine.time }
    private var logger: Logger { engine.logger }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var lastTidied: MonotonicTime?
            var lastGivenBack: MonotonicTime?
            var lastConfirmed: MonotonicTime?
            var lastBackup: MonotonicTime?
            var lastCollected: MonotonicTime?
            while !Task.isCancelled {
                let level = lookAtDisk()
                let now = time.monotonic()
                func isDue(_ last: MonotonicTime?, _ pace: Duration) -> Bool { last.map { now - $0 >= pace } ?? true }
                do {
                    if isDue(lastGivenBack, paces.memory) {
                        lastGivenBack = now
                        Ledger.giveBackMemory()
                    }
                    if let pace = paces.backup, isDue(lastBackup, min(pace, .seconds(60))) {
                        lastBackup = now
                        try await backUp(every: pace)
                    }
                    if isDue(lastConfirmed, paces.confirm) {
                        lastConfirmed = now
                        try await ChoiceConfirmation(engine: engine).confirm()
                    }
                    if isDue(lastTidied, paces.tidy) {
                        lastTidied = now
                        try await tidy()
                    }
                    if isDue(lastCollected, level == .enough ? paces.collect : paces.tidy) {
                        lastCollected = now
                        let (blobs, bytes) = try await engine.ledger.collect(now: time.wall())
                        if blobs > 0 { logger.info("collected \(blobs) blobs, \(bytes >> 20) MiB") }
                    }
                    try await time.sleep(for: paces.disk)
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("maintenance: \(error)")
                    do { try await time.sleep(for: paces.disk) } catch { return }
                }
            }
        }
    }

    private func lookAtDisk() -> DiskGauge.Level {
        do {
            let before = try gauge.look()
            let level = gauge.level
            if before != level {
                if let notice = gauge.notice {
                    logger.warning("\(notice)")
                } else {
                    logger.info("the disk has space again")
                }
            }
            if (before == .full) != (level == .full) { engine.tell(.diskChanged(isFull: level == .full)) }
            return level
        } catch {
            logger.warning("\(engine.ledger.folder): \(error)")
            return .enough
        }
    }

    /// A copy that fails is told, and tried again: the rest of the work goes on.
    private func backUp(every pace: Duration) async throws {
        do {
            let made = try await engine.ledger.backupIfDue(every: pace, keep: paces.keptBackups, now: time.wall())
            if let made { logger.info("backed the ledger up: \(made.path), \(made.bytes >> 20) MiB") }
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.warning("the ledger could not be backed up: \(error)")
        }
    }

    private func tidy() async throws {
        let slice = 100
        while true {
            let done = try await engine.ledger.writer.perform(
                ThinCheckpoints(now: time.wall(), limit: slice), .bulk)
            if done.files > 0 { logger.info("thinned \(done.files) checkpoint files, \(done.bytes >> 20) MiB") }
            if done.jobs < slice { break }
        }
        try await engine.ledger.writer.perform(PruneKeys(now: time.wall()), .bulk)
        let forgotten = try await engine.ledger.writer.perform(
            ForgetDeadWorkers(connected: engine.connected, now: time.wall()), .bulk)
        guard !forgotten.isEmpty else { return }
        engine.tell(.forgotten(forgotten))
        logger.info("forgot \(forgotten.count) workers that were silent for \(ForgetDeadWorkers.days) days")
    }
}

/// How often the coordinator looks after itself.
package struct MaintenancePaces: Sendable {
    package var disk: Duration = .seconds(2)
    /// Freed memory goes back to the system: a millisecond's work.
    package var memory: Duration = .seconds(10)
    /// Thinning of checkpoints; garbage too while the disk is low.
    package var tidy: Duration = .seconds(60)
    package var collect: Duration = .seconds(3600)
    /// Sweeps that have ended and whose best one is to be judged once more.
    package var confirm: Duration = .seconds(2)
    /// Copies of the ledger; nil for none.
    package var backup: Duration?
    /// How many of them stay.
    package var keptBackups = 7
    /// The folder of links that people look into.
    package var folders: Duration = .seconds(2)
    /// The history is looked through for what operators want to be told.
    package var webhooks: Duration = .seconds(1)
    /// The coordinator's own certificate is looked at.
    package var certificate: Duration = .seconds(3600)

    package init() {}
}
