import RunSpec
import SweepModel

extension PublicQueries {
    static func overview(ofSweep sweep: String) -> PublicQuery<SweepOverview.Fact> {
        let name = quoted(sweep)
        return PublicQuery(
            """
            SELECT 'jobs', (SELECT coalesce(sum(c.jobs), 0) FROM sweep_count c WHERE c.sweep = s.id)
                    - (SELECT coalesce(sum(e.jobs), 0) FROM evaluation_count e WHERE e.sweep = s.id),
                (SELECT min(m.job) FROM member m WHERE m.sweep = s.id),
                (SELECT max(m.job) FROM member m WHERE m.sweep = s.id),
                EXISTS (SELECT 1 FROM own_protocol o WHERE o.sweep = s.name), NULL, NULL
            FROM sweep s WHERE s.name = \(name)
            UNION ALL SELECT * FROM (
                SELECT 'measure', k.metric, k.prompts, c.results, NULL, NULL, NULL
                FROM sweep s JOIN sweep_measure c ON c.sweep = s.id JOIN measure k ON k.id = c.measure
                WHERE s.name = \(name) AND c.results > 0 ORDER BY 2, 3)
            UNION ALL SELECT * FROM (
                SELECT 'curve', n.name, NULL, c.jobs, NULL, NULL, NULL
                FROM sweep s JOIN sweep_curve c ON c.sweep = s.id JOIN metric_key n ON n.id = c.key
                WHERE s.name = \(name) AND c.jobs > 0 ORDER BY 2)
            UNION ALL SELECT * FROM (
                SELECT 'declared', metric, better, unit, title, prompts, weight FROM sweep_metrics
                WHERE sweep = \(name) ORDER BY place)
            """
        ) { row in
            guard row.count == 7 else { return nil }
            switch row[0].string {
            case "measure":
                return .measure(
                    DecisionRule.Measure(metric: row[1].string, prompts: row[2].string),
                    count: Int(row[3].number ?? 0))
            case "curve": return .curve(row[1].string, count: Int(row[3].number ?? 0))
            case "declared": return declaration(Array(row.dropFirst())).map { .declared($0) }
            default:
                guard let count = row[1].number, let first = row[2].number, let last = row[3].number, first <= last
                else { return nil }
                return .jobs(count: Int(count), rows: Int(first)...Int(last), hasOwnProtocol: row[4].number == 1)
            }
        }
    }

    /// The metrics of what a sweep sees, where that is not what its jobs' trainings measured.
    static func ownMeasures(ofSweep sweep: String) -> PublicQuery<DecisionRule.Measure> {
        PublicQuery(
            "SELECT DISTINCT metric, prompts FROM sweep_results WHERE sweep = \(quoted(sweep)) AND class = '' ORDER BY 1, 2"
        ) { row in
            row.count == 2 ? DecisionRule.Measure(metric: row[0].string, prompts: row[1].string) : nil
        }
    }
}
