import SweepModel

extension Checker {
    /// I7 and I5: the history of every job is a path through the states, and nothing of an older attempt
    /// comes after a claim.
    func checkHistory(_ ledger: LedgerInspector, _ jobs: [Job]) throws {
        let events = try ledger.rows(
            "SELECT id, job, kind, attempt, sweep, detail FROM event WHERE id > \(lastEvent) ORDER BY id")
        let sweeps = Dictionary(
            try ledger.rows("SELECT job, sweep FROM member").map { ($0[0].int, $0[1].int) }, uniquingKeysWith: min)
        let wide = cluster.wideJobs
        if !wide.isEmpty {
            fairness.excused = Set(jobs.filter { JobID($0.identity).map { wide[$0] != nil } ?? false }.map(\.row))
        }
        if cluster.plan.isPrepared {
            // They wait for another job, not for their turn.
            fairness.excused.formUnion(
                jobs.filter { job in JobID(job.identity).map { !cluster.brokenIDs.contains($0) } ?? false }.map(\.row))
            try checkPrepared(ledger)
        }
        for event in events {
            lastEvent = event[0].int
            let kind = event[2].string
            if kind == "restored" {
                for (job, state) in history where state == "running" { history[job] = "unknown" }
                claimed = [:]
            }
            guard !event[1].isNull else {
                let sweep = event[4].int
                if kind == "sweep-stopped" {
                    fairness.hold(sweep, sweeps.filter { $0.value == sweep }.map(\.key))
                } else if !event[4].isNull {
                    fairness.free(sweep)
                }
                continue
            }
            let job = event[1].int
            if let sweep = sweeps[job] {
                fairness.sweeps[job] = sweep
                if event[5].string == "its sweep goes on" { fairness.free(sweep) }
            }
            if kind == "claim" {
                claimed[job] = event[3].int
                claims.insert(job)
            }
            let starts = cluster.coordinator.startEvents
            if isOfCluster, let unfair = fairness.happened(event[0].int, kind, job, starts: starts) {
                return try unjust(ledger, unfair, at: event[0].int)
            }
            if Self.ofAnAttempt.contains(kind), let newest = claimed[job], event[3].int != newest {
                return world.fail(
                    "I5", "event \(kind) of attempt \(event[3].int) of job row \(job), claimed as \(newest)")
            }
            let state = history[job] ?? "waiting"
            let next: String? =
                switch (kind, state) {
                case (_, "unknown"): Self.results[kind] ?? "unknown"
                case ("claim", "waiting"): "running"
                case ("expired", "running"): "expired"
                case ("expired", _) where state == "expired": nil
                case ("claim", "expired"): "running"
                case ("revived", "running"), ("revived", "waiting"), ("revived", "expired"): "running"
                case ("enough", "running"), ("enough", "expired"): state
                case ("done", "running"), ("done", "expired"): "done"
                case ("retry", "running"), ("retry", "expired"), ("released", "running"), ("released", "expired"):
                    "waiting"
                case ("failed", "running"), ("failed", "expired"): "failed"
                case ("parked", "running"), ("parked", "expired"): "parked"
                case ("paused", "running"), ("paused", "expired"), ("pause", "waiting"), ("pause", "expired"): "paused"
                case ("unpause", "paused"), ("unpause", "expired"): "waiting"
                case ("cancel", "waiting"), ("cancel", "running"), ("cancel", "expired"), ("cancel", "paused"):
                    "canceled"
                case ("resume", "waiting") where event[5].string == "its sweep goes on": "waiting"
                case ("resume", "expired") where event[5].string == "its sweep goes on": "expired"
                case ("resume", "failed"), ("resume", "parked"), ("resume", "canceled"), ("resume", "paused"): "waiting"
                default: nil
                }
            guard let next else {
                return world.fail("I7", "event \(kind) of job row \(job) in state \(state)")
            }
            history[job] = next
        }
        if fairness.worst > 0 { world.probe("job overtaken") }
        for job in jobs {
            fairness.add(job.row, isFresh: history[job.row] == nil && job.state == "waiting", newest: lastEvent)
            let seen = history[job.row] ?? "waiting"
            let isFine =
                seen == "unknown" || seen == job.state
                || (seen == "expired" && (job.state == "waiting" || job.state == "paused"))
            if !isFine { world.fail("I7", "job \(job.identity.prefix(8)) is \(job.state), its history says \(seen)") }
        }
    }

    private func unjust(_ ledger: LedgerInspector, _ pair: Fairness.Pair, at event: Int) throws {
        let last = try ledger.rows(
            """
            SELECT id, job, kind, attempt, substr(worker, 1, 4), detail FROM event
            WHERE id > \(event - 150) AND id <= \(event) ORDER BY id
            """)
        let starts = cluster.coordinator.startEvents.suffix(5)
        world.trace("starts of the coordinator after events \(Array(starts)); the last events:")
        for row in last {
            let job = row[1].isNull ? "" : "job row \(row[1].int)"
            world.trace("  \(row[0].int) \(job) \(row[2].string) \(row[4].string) \(row[5].string)")
        }
        world.fail(
            "I18",
            "job row \(pair.rival) was granted \(Fairness.most + 1) times before job row \(pair.victim), which was ready first"
        )
    }

    /// What only the newest attempt may cause.
    private static let ofAnAttempt: Set<String> = [
        "expired", "revived", "enough", "done", "retry", "failed", "parked", "released", "paused",
    ]

    private static let results = [
        "claim": "running", "revived": "running", "done": "done", "retry": "waiting", "released": "waiting",
        "failed": "failed", "parked": "parked", "paused": "paused", "pause": "paused", "unpause": "waiting",
        "cancel": "canceled", "resume": "waiting", "expired": "expired",
    ]
}
