import SweepModel

/// I26: a job of several GPUs is not starved by a stream of smaller ones.
extension Checker {
    /// What it may wait for after its ten minutes: that everything ends which runs on the worker that is
    /// kept for it, and before that on the worker that was kept for another. And what messages may be late.
    private var longestWait: Int64 {
        let longest = cluster.jobIDs.map { cluster.truth($0) }.map { Double($0.steps) * $0.stepSeconds * 1.3 }.max()
        return Int64((600 + 2 * (longest ?? 0) + 300) * 1e9)
    }

    func checkRoom(_ jobs: [Job]) {
        defer { claims = [] }
        // Where workers and coordinators come and go nobody's room is promised.
        guard isOfCluster, cluster.plan.lane == .gpus else { return }
        let wide = cluster.wideJobs
        var waiting: [Int: Job] = [:]
        for job in jobs {
            guard let id = JobID(job.identity), let gpus = wide[id] else { continue }
            // Those of more GPUs were launched first, and go before these.
            if claims.contains(job.row) { for kind in 1...gpus { roomSince[kind] = world.now } }
            if job.state == "waiting" { waiting[gpus] = waiting[gpus] ?? job }
        }
        for gpus in Set(wide.values) {
            guard let job = waiting[gpus] else {
                roomSince[gpus] = world.now
                continue
            }
            let since = roomSince[gpus] ?? world.now
            roomSince[gpus] = since
            if world.now - since > 600_000_000_000 { world.probe("a job waited for room for 10 minutes") }
            if world.now - since > longestWait {
                let seconds = (world.now - since) / 1_000_000_000
                world.fail(
                    "I26", "job \(job.identity.prefix(8)) of \(gpus) GPUs has waited for room for \(seconds) s")
            }
        }
    }
}
