import Foundation
import SweepModel

extension PublicQueries {
    /// About so many values are read at a time: a text of an answer has at most 4 MiB.
    static let packedValues = 60_000

    /// The values of a rule's criteria in columns of text, which take a fraction of the time of rows: what
    /// evaluations measured, or what was logged last where all criteria are curves.
    ///
    /// - Parameter jobs: rows in the ledger.
    static func packedColumns(
        ofSweep sweep: String, _ criteria: [Criterion], jobs: ClosedRange<Int>
    ) -> PublicQuery<[String]> {
        let isOfCurves = criteria.allSatisfy { $0.prompts == nil }
        var joins: [String] = []
        for (index, criterion) in criteria.enumerated() {
            let own = "r\(index)"
            let after = index == 0 ? "" : " AND \(own).job = r0.job"
            if isOfCurves {
                joins.append(
                    """
                    CROSS JOIN curve_summary \(own) ON \(own).key = (SELECT id FROM metric_key WHERE name = \
                    \(quoted(criterion.metric)))\(after)
                    """)
            } else {
                joins.append(
                    """
                    CROSS JOIN result_mean \(own) ON \(own).measure = (SELECT id FROM measure WHERE metric = \
                    \(quoted(criterion.metric)) AND prompts = \(quoted(criterion.prompts ?? "")))\(after)\
                    \(index == 0 ? "" : " AND \(own).checkpoint = r0.checkpoint")
                    """)
            }
        }
        let columns = ["j.configuration", "r0.step", "j.seed", "j.id"] + criteria.indices.map { "r\($0).value" }
        let known = criteria.indices.map { " AND r\($0).value IS NOT NULL" }.joined()
        return PublicQuery(
            """
            SELECT \(columns.map { "group_concat(\($0), ' ')" }.joined(separator: ", "))
            FROM sweep s \(joins.joined(separator: " ")) CROSS JOIN member m ON m.sweep = s.id AND m.job = r0.job
            CROSS JOIN job j ON j.id = r0.job
            WHERE s.name = \(quoted(sweep)) AND r0.job BETWEEN \(jobs.lowerBound) AND \(jobs.upperBound)\(known)
            """
        ) { $0.map(\.string) }
    }

    /// How many jobs, points and results the ledger counts.
    package static let totals = """
        SELECT (SELECT sum(jobs) FROM sweep_count), (SELECT sum(points) FROM attempt),
            (SELECT sum(results) FROM sweep_measure)
        """

    /// Stands for the class of what was judged once more.
    static let confirmation = "confirmation"

    /// What evaluations of these configurations measured, averaged over classes; and what was measured when
    /// the sweep's best one was judged once more, as of the class ``confirmation``: one query less.
    static func results(
        ofSweep sweep: String, metrics: [String], configurations: [Int]
    ) -> PublicQuery<SweepResult> {
        PublicQuery(
            """
            SELECT j.identity, r.checkpoint, r.epoch, r.step, '', k.prompts, k.metric, r.value, r.n
            FROM sweep s CROSS JOIN job j ON j.configuration IN (\(list(configurations)))
            CROSS JOIN member m ON m.sweep = s.id AND m.job = j.id CROSS JOIN result_mean r ON r.job = j.id
            CROSS JOIN measure k ON k.id = r.measure
            WHERE s.name = \(quoted(sweep)) AND r.value IS NOT NULL
                AND k.metric IN (\(metrics.map(quoted).joined(separator: ", ")))
            UNION ALL \(confirmed(sweep, as: confirmation))
            """, result)
    }

    /// The last values of a curve that jobs of these configurations logged.
    static func lastValues(ofSweep sweep: String, key: String, configurations: [Int]) -> PublicQuery<CurveValue> {
        PublicQuery(
            """
            SELECT j.identity, c.step, c.value FROM sweep s CROSS JOIN metric_key n
            CROSS JOIN job j ON j.configuration IN (\(list(configurations)))
            CROSS JOIN member m ON m.sweep = s.id AND m.job = j.id
            CROSS JOIN curve_summary c ON c.key = n.id AND c.job = j.id
            WHERE s.name = \(quoted(sweep)) AND n.name = \(quoted(key))
            """, curveValue)
    }

    static func jobs(ofConfigurations configurations: [Int]) -> String {
        "SELECT id FROM job WHERE configuration IN (\(list(configurations)))"
    }

    private static func list(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: ", ") }
}
