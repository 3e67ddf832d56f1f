import Foundation
import SweepModel

/// The values of a rule's criteria of a large sweep: one entry a job and checkpoint, numbers and no texts.
struct PackedValues: Sendable {
    struct Entry: Equatable, Sendable {
        var configuration: Int
        var step: Int
        var seed: Int
        /// Its row in the ledger.
        var job: Int
    }

    private(set) var entries: [Entry] = []
    /// Of each entry as many as the rule has criteria.
    private(set) var values: [Double] = []
    let criteria: Int

    init(criteria: Int) { self.criteria = criteria }

    /// - Parameter columns: configurations, steps, seeds, jobs, and the values of each criterion, as many in
    ///   each, apart by spaces.
    mutating func add(_ columns: [String]) {
        guard columns.count == 4 + criteria else { return }
        let whole = columns.prefix(4).map(Self.whole)
        let numbers = columns.dropFirst(4).map(Self.numbers)
        let count = whole[0].count
        guard whole.allSatisfy({ $0.count == count }), numbers.allSatisfy({ $0.count == count }) else { return }
        for index in 0..<count {
            entries.append(
                Entry(
                    configuration: whole[0][index], step: whole[1][index], seed: whole[2][index], job: whole[3][index]))
            for column in numbers { values.append(column[index]) }
        }
    }

    private static func whole(_ text: String) -> [Int] { read(text) { strtol($0, $1, 10) } }

    private static func numbers(_ text: String) -> [Double] { read(text) { strtod($0, $1) } }

    private static func read<Number>(
        _ text: String,
        _ next: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Number
    ) -> [Number] {
        var found: [Number] = []
        text.withCString { start in
            var place = start
            var end: UnsafeMutablePointer<CChar>?
            while place.pointee != 0 {
                let number = next(place, &end)
                // What is no number would be read for ever.
                guard let end, UnsafePointer(end) != place else { return }
                found.append(number)
                place = UnsafePointer(end)
                while place.pointee == 32 { place += 1 }
            }
        }
        return found
    }

    /// By configuration, step, seed and job; of two checkpoints of a job at one step the later one counts.
    mutating func sort() {
        var order = Array(entries.indices)
        func key(_ index: Int) -> (Int, Int, Int, Int) {
            let entry = entries[index]
            return (entry.configuration, entry.step, entry.seed, entry.job)
        }
        if !zip(order, order.dropFirst()).allSatisfy({ key($0) < key($1) }) {
            order.sort { key($0) == key($1) ? $0 < $1 : key($0) < key($1) }
            order = order.indices.filter { $0 + 1 == order.count || key(order[$0]) != key(order[$0 + 1]) }
                .map { order[$0] }
        }
        let (old, numbers, width) = (entries, values, criteria)
        entries = order.map { old[$0] }
        values = order.flatMap { numbers[($0 * width)..<(($0 + 1) * width)] }
    }
}

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

    /// What evaluations of these configurations measured, averaged over classes.
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
