import CoordinatorOperations
import Foundation
import Ports
import SweepLedger
import SweepModel
import SweepWire

extension SimulatedCoordinator {
    /// What `ledger gc` does, step by step, so that other things happen in between.
    func collect() {
        guard ledger != nil, isUp else { return }
        lastCollection = max(lastCollection, world.wall().milliseconds)
        process.start { [self] in
            // What keeps it from being committed ends the process, or is told to others.
            guard let gone = try? await operations?.engine.work.commit(CollectBlobs(now: world.wall()), .bulk, bytes: 0)
            else { return }
            // Files go one after the other: a long list takes its time.
            var wait = 0.0
            let pace = random.pick([0.01, 0.5, 5])
            var going = gone.compactMap { ContentDigest($0.sha256) }
            for _ in going { world.probe("blob collected") }
            do {
                for orphan in try ledger?.orphansNow(now: world.wall()) ?? [] where !going.contains(orphan) {
                    world.probe("file without a row collected")
                    going.append(orphan)
                }
            } catch {
                world.trace("collection: \(error)")
            }
            for digest in going {
                later(wait) { $0.setAside(digest, $1) }
                wait += random.between(0, pace)
            }
        }
    }

    private func setAside(_ digest: ContentDigest, _ ledger: Ledger) {
        do {
            guard try ledger.blobs.setAside(digest) else { return }
            aside.insert(digest)
        } catch {
            return world.trace("collection: \(error)")
        }
        later(random.between(0.001, 0.05)) { coordinator, ledger in
            do {
                let isWanted = try ledger.blobRowCount(digest) > 0
                if isWanted { coordinator.world.probe("blob wanted again while it was collected") }
                try ledger.blobs.settleAside(digest, isWanted: isWanted)
                coordinator.aside.remove(digest)
            } catch {
                coordinator.world.trace("collection: \(error)")
            }
        }
    }

    /// In this life of the process only; while it is paused, after that.
    private func later(_ seconds: Double, _ body: @escaping (SimulatedCoordinator, Ledger) -> Void) {
        let life = life
        world.after(.seconds(seconds)) { [weak self] in
            guard let self, life == self.life, let ledger else { return }
            if pausedUntil > world.now {
                return later(Double(pausedUntil - world.now) / 1e9, body)
            }
            body(self, ledger)
        }
    }

    /// The jobs that a launch makes.
    static func jobIDs(_ request: LaunchRequest) throws -> [JobID] {
        try preparationIDs(request) + jobs(request).map(\.id)
    }

    /// Those that the others wait for, each once.
    static func preparationIDs(_ request: LaunchRequest) throws -> [JobID] {
        Set(try jobs(request).flatMap { try $0.preparations().map(\.job.id) }).sorted()
    }

    private static func jobs(_ request: LaunchRequest) throws -> [ResolvedJob] {
        let resolver = try LaunchSweep.prepare(request, now: WallTime(milliseconds: 0)).1
        return try resolver.jobs(0..<resolver.count)
    }
}
