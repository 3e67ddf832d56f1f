/// I22 and I23: who was stopped or suspended, told from rows that the rules do not write.
extension Checker {
    func checkBlame(_ ledger: LedgerInspector) throws {
        for stop in try ledger.rows(
            """
            SELECT p.sweep, s.name, (SELECT max(id) FROM event e WHERE e.kind = 'sweep-stopped' AND e.sweep = p.sweep)
            FROM sweep_stop p JOIN sweep s ON s.id = p.sweep
            """)
        {
            world.probe("sweep stopped: \(stop[1].string)")
            try checkStop(ledger, sweep: stop[0].int, name: stop[1].string, event: stop[2].int)
        }
        let trials = try ledger.rows(
            """
            SELECT s.worker, count(*) FROM worker_suspension s
            JOIN attempt a ON a.worker = s.worker AND a.id > s.newest AND a.ended IS NULL GROUP BY 1 HAVING count(*) > 1
            """)
        if let row = trials.first {
            world.fail("I23", "suspended worker \(row[0].string.prefix(8)) has \(row[1].int) trial jobs at once")
        }
    }

    /// I22: a sweep is stopped only for what its own jobs did: they failed alike, as crash or bad-config, and
    /// none of them had come anywhere.
    private func checkStop(_ ledger: LedgerInspector, sweep: Int, name: String, event: Int) throws {
        let own: Set<Plan.Fault> = [.trainerCrash, .trainerEmpty, .badHost, .restore]
        if name.hasPrefix("simulated"), cluster.mustGoOn, cluster.plan.faults.isDisjoint(with: own),
            !cluster.mayLoseStates
        {
            world.fail("I22", "sweep \(name) can succeed and was stopped")
        }
        let alike =
            try ledger.rows(
                """
                SELECT count(DISTINCT a.job) FROM event e JOIN attempt a ON a.job = e.job AND a.number = e.attempt
                JOIN member m ON m.job = a.job
                WHERE m.sweep = \(sweep) AND e.id < \(event) AND e.kind IN ('retry', 'failed', 'parked', 'paused')
                    AND a.outcome = 'failed' AND a.failure IN ('crash', 'bad-config')
                GROUP BY a.failure, coalesce(a.exit_code, -1) ORDER BY 1 DESC LIMIT 1
                """
            ).first?[0].int ?? 0
        let jobs = try ledger.rows("SELECT count(*) FROM member WHERE sweep = \(sweep)")[0][0].int
        let canceled = try ledger.rows(
            "SELECT count(*) FROM event e JOIN member m ON m.job = e.job WHERE m.sweep = \(sweep) AND e.kind = 'cancel'"
        )
        if alike < min(3, jobs), canceled[0][0].int == 0 || alike == 0 {
            world.fail("I22", "sweep \(name) was stopped after \(alike) of its \(jobs) jobs failed alike")
        }
        let progress = try ledger.rows(
            """
            SELECT count(*) FROM event e JOIN attempt a ON a.job = e.job AND a.number = e.attempt
            JOIN member m ON m.job = a.job
            WHERE m.sweep = \(sweep) AND e.id < \(event) AND e.kind IN ('retry', 'failed', 'parked', 'done')
                AND (a.points > 0 OR a.outcome = 'done')
            """)
        if progress[0][0].int > 0 {
            world.fail("I22", "sweep \(name) was stopped although a job of it had come somewhere")
        }
    }
}
