import SweepModel

/// Queries of what jobs logged. They go by the index of the points where a view would pass over all of them.
extension PublicQueries {
    /// The keys that a sweep's jobs logged under, sorted. Found by skipping from key to key in the index:
    /// there may be millions of points.
    package static func curveKeys(ofSweep sweep: String) -> PublicQuery<String> {
        PublicQuery(
            """
            WITH RECURSIVE k(attempt, key) AS (
                SELECT a.id, (SELECT min(m.key) FROM metric m WHERE m.attempt = a.id)
                FROM sweep s JOIN member b ON b.sweep = s.id JOIN attempt a ON a.job = b.job
                WHERE s.name = \(quoted(sweep))
                UNION ALL
                SELECT k.attempt, (SELECT min(m.key) FROM metric m WHERE m.attempt = k.attempt AND m.key > k.key)
                FROM k WHERE k.key IS NOT NULL)
            SELECT DISTINCT n.name FROM k JOIN metric_key n ON n.id = k.key ORDER BY 1
            """
        ) { $0.first?.string }
    }

    /// The last point of an attempt under a key.
    package struct LastPoint: Equatable, Sendable {
        package var job: String
        package var attempt: Int
        package var step: Int
        /// nil for what is no number.
        package var value: Double?
    }

    /// The last point that counts of every attempt of a sweep's jobs.
    package static func lastPoints(ofSweep sweep: String, key: String) -> PublicQuery<LastPoint> {
        let id = "(SELECT id FROM metric_key WHERE name = \(quoted(key)))"
        return PublicQuery(
            """
            SELECT j.identity, p.number, m.step, m.value
            FROM sweep s JOIN member b ON b.sweep = s.id JOIN job j ON j.id = b.job JOIN span p ON p.job = j.id
            JOIN metric m ON m.attempt = p.attempt AND m.key = \(id) AND m.step = (
                SELECT max(e.step) FROM metric e WHERE e.attempt = p.attempt AND e.key = \(id) AND e.step <= p.high)
            WHERE s.name = \(quoted(sweep)) AND m.step >= p.low
            """
        ) { row in
            guard row.count == 4, let attempt = row[1].number, let step = row[2].number else { return nil }
            return LastPoint(job: row[0].string, attempt: Int(attempt), step: Int(step), value: row[3].number)
        }
    }

    /// Every job's newest value among its attempts' last points; of several at one step that of the first
    /// attempt, as in the view `metrics`. A value that is no number is left out.
    package static func newest(_ points: [LastPoint]) -> [CurveValue] {
        var chosen: [String: LastPoint] = [:]
        for point in points {
            if let rival = chosen[point.job], (rival.step, -rival.attempt) > (point.step, -point.attempt) { continue }
            chosen[point.job] = point
        }
        return chosen.values.compactMap { point in
            point.value.map { CurveValue(job: point.job, step: point.step, value: $0) }
        }
    }

    /// Every job's best value of a curve, at the step where it was logged.
    package static func bestValues(
        ofSweep sweep: String, key: String, lowerIsBetter: Bool
    ) -> PublicQuery<CurveValue> {
        PublicQuery(
            """
            SELECT job, step, \(lowerIsBetter ? "min" : "max")(value) FROM metrics
            WHERE \(points(ofSweep: sweep, key: key)) AND value IS NOT NULL GROUP BY job
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

    private static let curveValue: @Sendable ([QueryValue]) -> CurveValue? = { row in
        guard row.count == 3, let step = row[1].number, let value = row[2].number else { return nil }
        return CurveValue(job: row[0].string, step: Int(step), value: value)
    }
}
