import RunSpec
import SweepLedger
import SweepModel

extension Checker {
    /// I27: a rule decides what the whole curve decides, whatever came late, twice or from a lost attempt.
    func checkDecision(_ step: Int?, _ truth: JobTruth, last: Int) {
        guard let rule = cluster.plan.stopRule, !cluster.brokenIDs.contains(truth.id) else { return }
        let values = (1...truth.steps).map { step in
            StopRule.Value(step: step, value: JobTruth.loss(truth.state(after: step)))
        }
        let wanted = rule.decision(values)?.step
        if step != wanted {
            world.fail("I27", "job \(truth.id.short): its rule decided at \(step ?? -1), \(wanted ?? -1) was wanted")
        }
        if step != nil, last < truth.steps { world.probe("trained less than planned") }
    }

    /// I28: no attempt of a job starts before everything that it needs is made.
    func checkPrepared(_ ledger: LedgerInspector) throws {
        let early = try ledger.rows(
            """
            SELECT j.identity, c.attempt FROM prepare_need n JOIN job j ON j.id = n.job
            JOIN event c ON c.job = n.job AND c.kind = 'claim'
            WHERE NOT EXISTS (SELECT 1 FROM event d WHERE d.job = n.prepare AND d.kind = 'done' AND d.id < c.id) LIMIT 1
            """)
        if let row = early.first {
            world.fail(
                "I28", "attempt \(row[1].int) of job \(row[0].string.prefix(8)) began before its preparation was done")
        }
        let waited = try ledger.rows(
            """
            SELECT 1 FROM prepare_need n JOIN event c ON c.job = n.job AND c.kind = 'claim'
            JOIN attempt a ON a.job = n.prepare AND a.number > 1 LIMIT 1
            """)
        if !waited.isEmpty { world.probe("a preparation was tried again before others began") }
    }

    /// I14: jobs are counted as they are.
    func checkCounts(_ ledger: LedgerInspector) throws {
        let wrong = try ledger.rows(
            """
            SELECT s.name, x.state, x.n, coalesce(c.jobs, 0) FROM sweep s
            JOIN (SELECT m.sweep, j.state, count(*) AS n FROM member m JOIN job j ON j.id = m.job GROUP BY 1, 2) x ON x.sweep = s.id
            LEFT JOIN sweep_count c ON c.sweep = s.id AND c.state = x.state WHERE x.n <> coalesce(c.jobs, 0)
            """)
        if let row = wrong.first {
            world.fail("I14", "sweep \(row[0].string) has \(row[2].int) jobs \(row[1].string), counts \(row[3].int)")
        }
    }

    /// I29: what rankings and overviews read says what the views say.
    func checkSummaries(_ ledger: LedgerInspector) throws {
        for query in LedgerCheck.summaries {
            if let row = try ledger.rows(query).first { world.fail("I29", row[0].string) }
        }
    }
}
