import Ports

/// What is looked at when all jobs have ended.
extension Cluster {
    func finish() {
        checker.check(isEnd: true)
        guard world.violation == nil else { return }
        replay()
        guard world.violation == nil else { return }
        // A restart finds everything as it was.
        coordinator.kill(restart: .seconds(1))
        world.run(until: world.now + 30_000_000_000, mostEvents: .max)
        checker.check(isEnd: true)
        guard world.violation == nil else { return }
        collectAll()
    }

    /// What a user wants anew by saying it again. So is a launch that a restored backup knows nothing of.
    private static let mayChange: Set<String> = ["drain", "action", "register"]

    /// I8: every request of the run once more changes nothing.
    private func replay() {
        guard coordinator.isUp else { return }
        for worker in workers { worker.retire() }
        network.isCut = true
        do {
            let before = try content()
            let beforeRevivals = try content(revived: true)
            for request in coordinator.history
            where !Self.mayChange.contains(request.name) && !(request.name == "launch" && wasRestored) {
                _ = coordinator.receive(request) { _ in }
            }
            world.run(until: world.now + 2_000_000_000, mostEvents: .max)
            let after = try content()
            guard let changed = zip(before, after).first(where: { $0.1 != $1.1 }) else { return }
            // A sign of life may revive an attempt whose lease ran out, until somebody claims its job.
            let afterRevivals = try content(revived: true)
            let isRevival = zip(before[0].1, after[0].1).allSatisfy { old, new in
                old == new || (old[1].string == "waiting" && new[1].string == "running")
            }
            if isRevival, zip(beforeRevivals, afterRevivals).allSatisfy({ $0.1 == $1.1 }) { return }
            let (old, new) = (changed.0.1.map { "\($0)" }, changed.1.1.map { "\($0)" })
            for row in old where !new.contains(row) { world.trace("was: \(row)") }
            for row in new where !old.contains(row) { world.trace("is:  \(row)") }
            world.fail("I8", "sending everything again changed \(changed.0.0)")
        } catch {
            world.fail("I8", "\(error)")
        }
    }

    /// What must stay as it is. The first query is of the jobs.
    ///
    /// - Parameter revived: count a running job with an open attempt as waiting.
    private func content(revived: Bool = false) throws -> [(String, [[LedgerInspector.Value]])] {
        let running = "state = 'running' AND EXISTS (SELECT 1 FROM attempt a WHERE a.job = job.id AND a.ended IS NULL)"
        let state = revived ? "CASE WHEN \(running) THEN 'waiting' ELSE state END" : "state"
        let counted = revived ? "CASE state WHEN 'running' THEN 'waiting' ELSE state END" : "state"
        return try coordinator.inspect { ledger in
            try [
                "SELECT identity, \(state), attempt, epoch, failure FROM job ORDER BY id",
                "SELECT job, number, epoch, worker, outcome, failure, resumed_step, points FROM attempt ORDER BY id",
                "SELECT attempt, key, step, value FROM metric ORDER BY 1, 2, 3",
                "SELECT attempt, name, step, resumable FROM checkpoint ORDER BY id",
                "SELECT attempt, checkpoint, metric, value FROM evaluation ORDER BY 1, 2, 3",
                "SELECT sweep, \(counted), sum(jobs) FROM sweep_count WHERE jobs > 0 GROUP BY 1, 2 ORDER BY 1, 2",
            ].map { ($0, try ledger.rows($0)) }
        }
    }

    /// I15: a day later nothing unreferenced is left.
    private func collectAll() {
        jump(3000 * 365 * 86_400_000)
        do {
            // One that is down is only waited for: its blobs cannot be counted, and are not held against it.
            let blobs =
                coordinator.isUp ? try coordinator.inspect { try $0.rows("SELECT count(*) FROM blob")[0][0].int } : 0
            // A collection takes a thousand at most, each in five seconds at most.
            for _ in 0...(blobs / 1000) {
                coordinator.collect()
                let limit = 900_000_000_000 + Int64(min(blobs, 1000)) * 5_000_000_000
                world.run(until: world.now + limit, mostEvents: .max)
            }
            checker.check()
            guard coordinator.isUp, world.violation == nil else { return }
            let left = try coordinator.inspect { ledger in
                try ledger.rows(
                    "SELECT count(*) FROM blob WHERE sha256 NOT IN (SELECT sha256 FROM checkpoint_file)"
                )[0][0].int
            }
            if left > 0 { world.fail("I15", "\(left) unreferenced blobs are left") }
            let rows = try coordinator.inspect { try Set($0.rows("SELECT sha256 FROM blob").map { $0[0].string }) }
            let root = coordinator.folder + "/blobs"
            for folder in try coordinator.disk.list(root) where folder.utf8.count == 2 {
                for name in try coordinator.disk.list("\(root)/\(folder)") where !rows.contains(folder + name) {
                    world.fail("I15", "the file of \(folder)\(name.prefix(6)) is left, which no row names")
                }
            }
        } catch {
            world.fail("I15", "\(error)")
        }
    }
}
