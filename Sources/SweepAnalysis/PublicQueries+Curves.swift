import SweepModel

/// Queries of what jobs logged. They go by the index of the points where a view would pass over all of them.
extension PublicQueries {
    /// The keys that a sweep's jobs logged under, sorted.
    package static func curveKeys(ofSweep sweep: String) -> PublicQuery<String> {
        PublicQuery(
            """
            SELECT n.name FROM sweep s JOIN sweep_curve c ON c.sweep = s.id JOIN metric_key n ON n.id = c.key
            WHERE s.name = \(quoted(sweep)) AND c.jobs > 0 ORDER BY 1
            """
        ) { $0.first?.string }
    }

    /// Every job's last value of a curve; one that is no number is left out.
    package static func lastValues(ofSweep sweep: String, key: String) -> PublicQuery<CurveValue> {
        summaries(ofSweep: sweep, key: key, "c.step, c.value")
    }

    /// Every job's best value of a curve, at the first step where it was logged.
    package static func bestValues(
        ofSweep sweep: String, key: String, lowerIsBetter: Bool
    ) -> PublicQuery<CurveValue> {
        summaries(ofSweep: sweep, key: key, lowerIsBetter ? "c.low_step, c.low" : "c.high_step, c.high")
    }

    private static func summaries(ofSweep sweep: String, key: String, _ columns: String) -> PublicQuery<CurveValue> {
        PublicQuery(
            """
            SELECT j.identity, \(columns) FROM sweep s CROSS JOIN metric_key n CROSS JOIN curve_summary c ON c.key = n.id
            CROSS JOIN member m ON m.sweep = s.id AND m.job = c.job CROSS JOIN job j ON j.id = c.job
            WHERE s.name = \(quoted(sweep)) AND n.name = \(quoted(key))
            """, curveValue)
    }

    /// Every job's value of a curve at one step.
    package static func values(ofSweep sweep: String, key: String, step: Int) -> PublicQuery<CurveValue> {
        PublicQuery(
            "SELECT job, step, value FROM metrics WHERE \(points(ofSweep: sweep, key: key)) AND step = \(step)",
            curveValue)
    }

    /// Every job's mean of the last values of a curve, at the last step.
    package static func meansOfLast(
        ofSweep sweep: String, key: String, count: Int
    ) -> PublicQuery<CurveValue> {
        PublicQuery(
            """
            SELECT job, max(step), avg(value) FROM (
                SELECT job, step, value, row_number() OVER (PARTITION BY job ORDER BY step DESC) AS place FROM metrics
                WHERE \(points(ofSweep: sweep, key: key)) AND value IS NOT NULL)
            WHERE place <= \(count) GROUP BY job
            """, curveValue)
    }

    /// Every number of a curve, of all jobs of a sweep.
    package static func curves(ofSweep sweep: String, key: String) -> PublicQuery<CurveValue> {
        PublicQuery(
            """
            SELECT job, step, value FROM metrics
            WHERE \(points(ofSweep: sweep, key: key)) AND value IS NOT NULL ORDER BY job, step
            """, curveValue)
    }

    /// The first and the last step at which a sweep's jobs logged anything under a key.
    package static func steps(ofSweep sweep: String, key: String) -> PublicQuery<(first: Int, last: Int)> {
        PublicQuery("SELECT min(step), max(step) FROM metrics WHERE \(points(ofSweep: sweep, key: key))") { row in
            guard row.count == 2, let first = row[0].number, let last = row[1].number else { return nil }
            return (Int(first), Int(last))
        }
    }

    /// One job's whole curve, in the order of its steps.
    package static func curve(ofJob job: String, key: String) -> PublicQuery<CurveValue> {
        PublicQuery(
            """
            SELECT job, step, value FROM metrics WHERE job = \(quoted(job)) AND key = \(quoted(key)) ORDER BY step
            """, curveValue)
    }

    private static func points(ofSweep sweep: String, key: String) -> String {
        "key = \(quoted(key)) AND job IN (\(jobs(ofSweep: sweep)))"
    }

    static let curveValue: @Sendable ([QueryValue]) -> CurveValue? = { row in
        guard row.count == 3, let step = row[1].number, let value = row[2].number else { return nil }
        return CurveValue(job: row[0].string, step: Int(step), value: value)
    }
}
