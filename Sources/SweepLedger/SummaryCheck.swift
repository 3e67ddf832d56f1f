import GRDB

extension LedgerCheck {
    /// Whether what is kept beside points and results says what the views say. A row per violation.
    package static let summaries: [String] = [
        differences(
            "the summary of a curve of job ", of: "job",
            """
            SELECT p.job AS job, m.key AS key, max(m.step) AS step, min(m.value) AS low, max(m.value) AS high
            FROM span p JOIN metric m ON m.attempt = p.attempt WHERE \(Schema.isVisible("m.step")) GROUP BY 1, 2
            """, "SELECT job, key, step, low, high FROM curve_summary"),
        """
        SELECT 'the summary of a curve of job ' || j.identity || ' names a point that is not there'
        FROM curve_summary c JOIN job j ON j.id = c.job
        WHERE NOT \(hasPoint("c.step", "c.value")) OR (c.low IS NOT NULL AND NOT \(hasPoint("c.low_step", "c.low")))
            OR (c.high IS NOT NULL AND NOT \(hasPoint("c.high_step", "c.high")))
        """,
        differences(
            "the mean of a result of job ", of: "job",
            """
            SELECT j.id AS job, r.metric, r.prompts, r.checkpoint, r.epoch, r.step, r.value, r.n
            FROM results r JOIN job j ON j.identity = r.job WHERE r.class = ''
            """,
            """
            SELECT r.job, k.metric, k.prompts, r.checkpoint, r.epoch, r.step, r.value, r.n
            FROM result_mean r JOIN measure k ON k.id = r.measure
            """),
        differences(
            "the curves of sweep ", of: "sweep",
            """
            SELECT m.sweep AS sweep, c.key, count(*) FROM curve_summary c JOIN member m ON m.job = c.job GROUP BY 1, 2
            """, "SELECT sweep, key, jobs FROM sweep_curve WHERE jobs <> 0"),
        differences(
            "the results of sweep ", of: "sweep",
            """
            SELECT m.sweep AS sweep, r.measure, count(*) FROM result_mean r JOIN member m ON m.job = r.job GROUP BY 1, 2
            """, "SELECT sweep, measure, results FROM sweep_measure WHERE results <> 0"),
        differences(
            "the evaluations of sweep ", of: "sweep",
            """
            SELECT m.sweep AS sweep, j.state, count(*) FROM evaluation_job e JOIN member m ON m.job = e.job
            JOIN job j ON j.id = e.job GROUP BY 1, 2
            """, "SELECT sweep, state, jobs FROM evaluation_count WHERE jobs <> 0"),
        differences(
            "the cost of sweep ", of: "sweep",
            """
            SELECT s.id AS sweep, count(a.id), coalesce(sum(a.ended - a.started), 0)
            FROM sweep s LEFT JOIN member m ON m.sweep = s.id LEFT JOIN attempt a ON a.job = m.job GROUP BY 1
            """, "SELECT sweep, attempts, milliseconds FROM sweep_cost"),
    ]

    private static func differences(
        _ words: String, of owner: String, _ wanted: String, _ kept: String
    ) -> String {
        """
        SELECT '\(words)' || \(owner == "job" ? "o.identity" : "o.name") || ': kept is not what is there'
        FROM \(owner) o WHERE o.id IN (
            SELECT \(owner) FROM (SELECT * FROM (\(wanted)) EXCEPT \(kept))
            UNION SELECT \(owner) FROM (SELECT * FROM (\(kept)) EXCEPT \(wanted)))
        """
    }

    private static func hasPoint(_ step: String, _ value: String) -> String {
        """
        EXISTS (SELECT 1 FROM span p JOIN metric m ON m.attempt = p.attempt
            WHERE p.job = c.job AND m.key = c.key AND m.step = \(step) AND m.value IS \(value)
                AND \(Schema.isVisible("m.step")))
        """
    }
}
