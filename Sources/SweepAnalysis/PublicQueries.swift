import Foundation
import RunSpec
package import SweepModel
import Synchronization

/// A query over the public tables and views, with what reads its rows: columns and their order stand in one
/// place.
package struct PublicQuery<Row: Sendable>: Sendable {
    package let sql: String
    private let read: @Sendable ([QueryValue]) -> Row?

    init(_ sql: String, _ read: @escaping @Sendable ([QueryValue]) -> Row?) {
        self.sql = sql
        self.read = read
    }

    /// The rows of an answer; those that are not as the query makes them are left out.
    package func rows(_ answer: [[QueryValue]]) -> [Row] { answer.compactMap(read) }
}

/// Every query that the program itself asks a coordinator; the ledger's own SQL stands in `SweepLedger`.
package enum PublicQueries {
    /// What a sweep's evaluations measured, where it is a number.
    ///
    /// - Parameters:
    ///   - metrics: only these; nil for all.
    ///   - isAveraged: only averages over classes, which the ledger keeps apart.
    ///   - isOwn: as the sweep's own protocol measured them, where it has one beside that of a training.
    package static func results(
        ofSweep sweep: String, metrics: [String]? = nil, isAveraged: Bool = false, isOwn: Bool = false
    ) -> PublicQuery<SweepResult> {
        func wanted(_ column: String) -> String {
            metrics.map { " AND \(column) IN (\($0.map(quoted).joined(separator: ", ")))" } ?? ""
        }
        guard !isOwn else {
            return PublicQuery(
                """
                SELECT job, checkpoint, epoch, step, class, prompts, metric, value, n FROM sweep_results
                WHERE value IS NOT NULL AND sweep = \(quoted(sweep))\(isAveraged ? " AND class = ''" : "")\(wanted("metric"))
                """, result)
        }
        guard isAveraged else {
            return PublicQuery(
                """
                SELECT r.job, r.checkpoint, r.epoch, r.step, r.class, r.prompts, r.metric, r.value, r.n FROM results r
                WHERE r.value IS NOT NULL AND r.job IN (\(jobs(ofSweep: sweep)))\(wanted("r.metric"))
                """, result)
        }
        return PublicQuery(
            """
            SELECT j.identity, r.checkpoint, r.epoch, r.step, '', k.prompts, k.metric, r.value, r.n
            FROM sweep s CROSS JOIN sweep_measure c ON c.sweep = s.id CROSS JOIN measure k ON k.id = c.measure
            CROSS JOIN result_mean r ON r.measure = k.id CROSS JOIN member m ON m.sweep = s.id AND m.job = r.job
            CROSS JOIN job j ON j.id = r.job
            WHERE s.name = \(quoted(sweep)) AND c.results > 0 AND r.value IS NOT NULL\(wanted("k.metric"))
            """, result)
    }

    /// What evaluations on fresh prompts and noise measured, averaged over classes.
    ///
    /// From what was measured so on to whose it is: the view is asked for one sweep by way of all its jobs.
    package static func confirmations(ofSweep sweep: String) -> PublicQuery<SweepResult> {
        PublicQuery(confirmed(sweep, as: ""), result)
    }

    /// - Parameter class: what stands for their class.
    static func confirmed(_ sweep: String, as class: String) -> String {
        """
        SELECT j.identity, c.checkpoint, c.epoch, c.step, \(quoted(`class`)), c.prompts, c.metric, c.value, c.n
        FROM confirmation c CROSS JOIN sweep s CROSS JOIN member m ON m.sweep = s.id AND m.job = c.source
        CROSS JOIN evaluation_job e ON e.job = c.source CROSS JOIN job j ON j.id = e.subject
        WHERE c.value IS NOT NULL AND c.class = '' AND s.name = \(quoted(sweep))
        """
    }

    static let result: @Sendable ([QueryValue]) -> SweepResult? = { row in
        guard row.count == 9, let epoch = row[2].number, let step = row[3].number, let value = row[7].number,
            let n = row[8].number
        else { return nil }
        return SweepResult(
            job: row[0].string, checkpoint: row[1].string, epoch: Int(epoch), step: Int(step),
            class: row[4].string, prompts: row[5].string, metric: row[6].string, value: value, n: Int(n))
    }

    /// How many jobs of a sweep are fetched whole, whether or not they have values.
    package static let smallSweep = 2000

    /// The jobs of a sweep with what an answer reads of them, and no more; in the order they were made.
    ///
    /// - Parameter jobs: only the configurations of these, which a query gives by their rows; nil for all.
    package static func briefs(ofSweep sweep: String, near jobs: String? = nil) -> PublicQuery<JobSummary> {
        let known = ParsedParameters()
        let source =
            jobs.map { rows in
                """
                (SELECT DISTINCT g.configuration AS id FROM job g WHERE g.id IN (\(rows))) o
                CROSS JOIN sweep s CROSS JOIN job j ON j.configuration = o.id
                CROSS JOIN member m ON m.sweep = s.id AND m.job = j.id
                """
            } ?? "sweep s JOIN member m ON m.sweep = s.id JOIN job j ON j.id = m.job"
        return PublicQuery(
            """
            SELECT j.identity, m.group_name, j.configuration, j.state, j.seed, m.parameters, j.created
            FROM \(source)
            WHERE s.name = \(quoted(sweep)) AND NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = m.job)
                AND NOT EXISTS (SELECT 1 FROM prepare_job p WHERE p.job = m.job)
            ORDER BY m.job
            """
        ) { row in
            guard row.count == 7, let configuration = row[2].number, let seed = row[4].number,
                let created = row[6].number,
                let parameters = known.parameters(row[5].string)
            else { return nil }
            return JobSummary(
                id: row[0].string, sweep: sweep, group: row[1].string, configuration: "\(Int(configuration))",
                state: row[3].string, seed: Int(seed), attempts: 0, worker: nil, failure: nil, message: nil,
                parameters: parameters, created: Int64(created), updated: Int64(created))
        }
    }

    /// The seeds of a configuration have the same text: it is read once.
    private final class ParsedParameters: Sendable {
        private let last = Mutex<(text: String, parameters: [String: ParameterValue])?>(nil)

        func parameters(_ text: String) -> [String: ParameterValue]? {
            last.withLock { last in
                if let last, last.text == text { return last.parameters }
                // Written by another program than the ledger's: left out, as `rows` says.
                guard
                    let found = try? JSONDecoder().decode([String: ParameterValue].self, from: Data(text.utf8))
                else { return nil }
                last = (text, found)
                return found
            }
        }
    }

    /// What a sweep's file says about a metric.
    ///
    /// - Parameter row: name, direction, unit, title, prompts, weight.
    static func declaration(_ row: [QueryValue]) -> MetricDeclaration? {
        guard row.count == 6 else { return nil }
        func text(_ cell: QueryValue) -> String? { cell.string.isEmpty ? nil : cell.string }
        return MetricDeclaration(
            name: row[0].string, better: text(row[1]).flatMap { .init(rawValue: $0) }, unit: text(row[2]),
            title: text(row[3]), prompts: text(row[4]), weight: row[5].number)
    }

    /// One image's value of a metric.
    package struct ImageValue: Equatable, Sendable {
        package var job: String
        package var checkpoint: String
        package var epoch: Int
        package var step: Int
        package var `class`: String
        package var prompts: String
        package var metric: String
        /// From 0.
        package var image: Int
        package var value: Double
    }

    /// The values of single images behind a metric, where they were stored.
    ///
    /// - Parameters:
    ///   - isOwn: as the sweep's own protocol measured them.
    ///   - configurations: only these, by their rows; nil for all.
    package static func imageValues(
        ofSweep sweep: String, metric: String, prompts: String, isOwn: Bool = false, configurations: [Int]? = nil
    ) -> PublicQuery<ImageValue> {
        let these =
            configurations.map { rows in
                " AND configuration IN (\(rows.map(String.init).joined(separator: ", ")))"
            } ?? ""
        let place =
            isOwn
            ? "sweep_image_results i WHERE i.sweep = \(quoted(sweep))"
            : "image_results i WHERE i.job IN (\(jobs(ofSweep: sweep))\(these))"
        return PublicQuery(
            """
            SELECT i.job, i.checkpoint, i.epoch, i.step, i.class, i.prompts, i.metric, i.image, i.value FROM \(place)
            AND i.value IS NOT NULL AND i.metric = \(quoted(metric)) AND i.prompts = \(quoted(prompts))
            """
        ) { row in
            guard row.count == 9, let epoch = row[2].number, let step = row[3].number, let image = row[7].number,
                let value = row[8].number
            else { return nil }
            return ImageValue(
                job: row[0].string, checkpoint: row[1].string, epoch: Int(epoch), step: Int(step),
                class: row[4].string, prompts: row[5].string, metric: row[6].string, image: Int(image), value: value)
        }
    }

    /// Rows of the jobs that were evaluated by one of these metrics, or by any, in whichever sweep.
    static func evaluated(by metrics: [String]?) -> String {
        guard let metrics else { return "SELECT job FROM result_mean" }
        let names = metrics.map(quoted).joined(separator: ", ")
        return "SELECT r.job FROM measure k JOIN result_mean r ON r.measure = k.id WHERE k.metric IN (\(names))"
    }

    /// Rows of the jobs that logged under a key, in whichever sweep.
    static func logged(_ key: String) -> String {
        "SELECT c.job FROM metric_key n JOIN curve_summary c ON c.key = n.id WHERE n.name = \(quoted(key))"
    }

    static func jobs(ofSweep sweep: String) -> String { "SELECT job FROM members WHERE sweep = \(quoted(sweep))" }

    /// A text as SQL writes it.
    static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }
}

extension QueryValue {
    /// nil for what is no number.
    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }

    /// Empty for what is no text.
    var string: String {
        if case .text(let text) = self { return text }
        return ""
    }
}
