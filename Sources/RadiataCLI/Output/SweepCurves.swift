import SweepAnalysis
import SweepClient
import SweepWire

/// Fetches what a sweep's jobs logged under a key, one value a job.
struct SweepCurves {
    let client: SweepClient
    let sweep: String

    /// Which value of a job's curve counts.
    enum Place: Equatable {
        case last
        case best
        case step(Int)
    }

    /// The keys there are. Found by skipping from key to key in the index: there may be millions of points.
    func keys() async throws -> [String] {
        let answer = try await ask(
            """
            WITH RECURSIVE k(attempt, key) AS (
                SELECT a.id, (SELECT min(m.key) FROM metric m WHERE m.attempt = a.id)
                FROM sweep s JOIN member b ON b.sweep = s.id JOIN attempt a ON a.job = b.job WHERE s.name = \(name)
                UNION ALL
                SELECT k.attempt, (SELECT min(m.key) FROM metric m WHERE m.attempt = k.attempt AND m.key > k.key)
                FROM k WHERE k.key IS NOT NULL)
            SELECT DISTINCT n.name FROM k JOIN metric_key n ON n.id = k.key ORDER BY 1
            """)
        return answer.rows.compactMap(\.first?.string)
    }

    /// Jobs without such a value are left out, and so are values that are no numbers.
    func values(of key: String, at place: Place, lowerIsBetter: Bool) async throws -> [CurveValue] {
        switch place {
        case .last: Self.newest(try await ask(lastPoints(of: key)).rows)
        case .best:
            try await ask(
                """
                SELECT job, step, \(lowerIsBetter ? "min" : "max")(value) FROM metrics
                WHERE \(ofKey(key)) AND value IS NOT NULL GROUP BY job
                """
            ).rows.compactMap(Self.value)
        case .step(let step):
            try await ask("SELECT job, step, value FROM metrics WHERE \(ofKey(key)) AND step = \(step)").rows
                .compactMap(Self.value)
        }
    }

    /// The first and the last step at which anything was logged under a key.
    func steps(of key: String) async throws -> (first: Int, last: Int)? {
        let row = try await ask("SELECT min(step), max(step) FROM metrics WHERE \(ofKey(key))").rows.first
        guard let row, let first = row[0].number, let last = row[1].number else { return nil }
        return (Int(first), Int(last))
    }

    private func lastPoints(of key: String) -> String {
        let id = "(SELECT id FROM metric_key WHERE name = \(Self.quoted(key)))"
        return """
            SELECT j.identity, m.step, m.value, p.number
            FROM sweep s JOIN member b ON b.sweep = s.id JOIN job j ON j.id = b.job JOIN span p ON p.job = j.id
            JOIN metric m ON m.attempt = p.attempt AND m.key = \(id) AND m.step = (
                SELECT max(e.step) FROM metric e WHERE e.attempt = p.attempt AND e.key = \(id) AND e.step <= p.high)
            WHERE s.name = \(name) AND m.step >= p.low
            """
    }

    /// Of the last points of a job's attempts the newest; of several at one step that of the first attempt, as in the
    /// view `metrics`.
    private static func newest(_ rows: [[QueryValue]]) -> [CurveValue] {
        var chosen: [String: (order: (Int, Int), row: [QueryValue])] = [:]
        for row in rows where row.count == 4 {
            guard let step = row[1].number, let attempt = row[3].number else { continue }
            let order = (Int(step), -Int(attempt))
            if let rival = chosen[row[0].string], rival.order > order { continue }
            chosen[row[0].string] = (order, row)
        }
        return chosen.values.compactMap { value($0.row) }
    }

    private static func value(_ row: [QueryValue]) -> CurveValue? {
        guard row.count >= 3, let step = row[1].number, let value = row[2].number else { return nil }
        return CurveValue(job: row[0].string, step: Int(step), value: value)
    }

    private var name: String { Self.quoted(sweep) }

    private func ofKey(_ key: String) -> String {
        "key = \(Self.quoted(key)) AND job IN (SELECT job FROM members WHERE sweep = \(name))"
    }

    private func ask(_ sql: String) async throws -> QueryResponse {
        let answer = try await client.call(
            .query, QueryRequest(sql: sql, limit: 1_000_000), timeLimit: .seconds(120))
        if answer.isTruncated { Console.note("warning: only the first \(answer.rows.count) rows are looked at") }
        return answer
    }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }
}
