import GRDB
import RunSpec
import SweepModel

/// What is kept of a job's curve under a key, so that no ranking reads its points.
struct CurveSummary: Equatable {
    struct Point: Equatable {
        var step: Int64
        var value: Double
    }

    /// The last point; nil where it is no number.
    var step: Int64
    var value: Double?
    /// The first of the lowest and of the highest numbers; nil where there is none.
    var low: Point?
    var high: Point?

    init(step: Int64, value: Double) {
        self.step = step
        self.value = value.isNaN ? nil : value
        guard !value.isNaN else { return }
        low = Point(step: step, value: value)
        high = low
    }

    /// - Parameter summary: of what is there; nil for nothing.
    static func joining(_ summary: CurveSummary?, step: Int64, value: Double) -> CurveSummary {
        guard var all = summary else { return CurveSummary(step: step, value: value) }
        all.add(step: step, value: value)
        return all
    }

    init(_ row: Row) {
        step = row["step"]
        value = row["value"]
        low = (row["low"] as Double?).map { Point(step: row["low_step"], value: $0) }
        high = (row["high"] as Double?).map { Point(step: row["high_step"], value: $0) }
    }

    /// One more point, of a step that was not there.
    mutating func add(step: Int64, value: Double) {
        if step > self.step {
            self.step = step
            self.value = value.isNaN ? nil : value
        }
        guard !value.isNaN else { return }
        let point = Point(step: step, value: value)
        if low.map({ (value, step) < ($0.value, $0.step) }) ?? true { low = point }
        if high.map({ (-value, step) < (-$0.value, $0.step) }) ?? true { high = point }
    }

    func store(key: Int64, job: Int64, _ db: Database) throws {
        try db.change(
            """
            INSERT INTO curve_summary (key, job, step, value, low, low_step, high, high_step) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET step = excluded.step, value = excluded.value, low = excluded.low,
                low_step = excluded.low_step, high = excluded.high, high_step = excluded.high_step
            """, [key, job, step, value, low?.value, low?.step, high?.value, high?.step])
    }
}

/// What a piece of an attempt's stream changes of one curve, found before it is stored.
struct CurveChange {
    private enum Kind {
        /// Steps behind all that the attempt has: the usual case, in which nothing is compared.
        case appended
        /// Steps among others: those that are new, and the first whose value becomes another.
        case mixed(added: [CurveSummary.Point], rewritten: Int64?)
    }

    private let kind: Kind
    private let series: MetricSeries
    private let key: Int64

    /// - Throws: `DatabaseError`.
    init(_ series: MetricSeries, key: Int64, attempt: Int64, _ db: Database) throws {
        self.series = series
        self.key = key
        let last = try db.first("SELECT max(step) FROM metric WHERE attempt = ? AND key = ?", [attempt, key])
        var previous: Int64? = last?[0]
        let isAppended = series.steps.allSatisfy { step in
            defer { previous = step }
            return previous.map { step > $0 } ?? true
        }
        guard !isAppended, let from = series.steps.min(), let to = series.steps.max() else {
            kind = .appended
            return
        }
        var known: [Int64: Double?] = [:]
        let rows = try db.all(
            "SELECT step, value FROM metric WHERE attempt = ? AND key = ? AND step BETWEEN ? AND ?",
            [attempt, key, from, to])
        for row in rows { known.updateValue(row[1] as Double?, forKey: row[0] as Int64) }
        // Of repeated steps the last wins.
        let final = Dictionary(zip(series.steps, series.values)) { $1 }.sorted { $0.key < $1.key }
        var (added, rewritten): ([CurveSummary.Point], Int64?) = ([], nil)
        for (step, value) in final {
            guard let old = known[step] else {
                added.append(.init(step: step, value: value))
                continue
            }
            if old != (value.isNaN ? nil : value) { rewritten = rewritten ?? step }
        }
        kind = .mixed(added: added, rewritten: rewritten)
    }

    /// Keeps the summary; called when the points are stored.
    ///
    /// - Parameter low: the step that the points' attempt, the newest, went on from (−1 for none).
    /// - Returns: the first step at which the curve is another now; nil for none.
    /// - Throws: `DatabaseError`.
    func apply(job: Int64, attempt: Int64, low: Int64, _ db: Database) throws -> Int64? {
        // Steps that are epochs are spliced by another rule, and are few.
        if try db.first("SELECT 1 FROM epoch_key WHERE attempt = ? AND key = ?", [attempt, key]) != nil {
            try Self.recount(key: key, job: job, db)
            return Int64.min
        }
        var first: Int64?
        let known = try db.first("SELECT * FROM curve_summary WHERE key = ? AND job = ?", [key, job])
        var summary = known.map(CurveSummary.init)
        // Points of the very step that it went on from count where no earlier attempt has one.
        var countsAtLow: Bool?
        func add(_ step: Int64, _ value: Double) throws {
            guard step >= low else { return }
            if step == low {
                let counts = try countsAtLow ?? Self.isFree(key, step: low, job: job, attempt: attempt, db)
                countsAtLow = counts
                guard counts else { return }
            }
            first = min(first ?? step, step)
            summary = CurveSummary.joining(summary, step: step, value: value)
        }
        switch kind {
        case .appended:
            for (step, value) in zip(series.steps, series.values) { try add(step, value) }
        case .mixed(let added, let rewritten):
            if let rewritten {
                try Self.recount(key: key, job: job, db)
                return min(rewritten, added.first?.step ?? rewritten)
            }
            for point in added { try add(point.step, point.value) }
        }
        if first != nil { try summary?.store(key: key, job: job, db) }
        return first
    }

    private static func isFree(
        _ key: Int64, step: Int64, job: Int64, attempt: Int64, _ db: Database
    ) throws -> Bool {
        try db.first(
            """
            SELECT 1 FROM span q JOIN metric e ON e.attempt = q.attempt AND e.key = ?1 AND e.step = ?2
            WHERE q.job = ?3 AND q.number < (SELECT number FROM attempt WHERE id = ?4)
                AND e.step >= q.low AND e.step <= q.high LIMIT 1
            """, [key, step, job, attempt]) == nil
    }

    /// Reads the curve again.
    private static func recount(key: Int64, job: Int64, _ db: Database) throws {
        var summary: CurveSummary?
        let points = try Row.fetchCursor(
            try db.cachedStatement(
                sql: """
                    SELECT m.step, m.value FROM span p JOIN metric m ON m.attempt = p.attempt
                    WHERE p.job = ? AND m.key = ? AND \(Schema.isShown("m.step"))
                    """), arguments: [job, key])
        while let row = try points.next() {
            let (step, value): (Int64, Double) = (row[0], row[1] as Double? ?? .nan)
            summary = CurveSummary.joining(summary, step: step, value: value)
        }
        guard let summary else {
            return try db.change("DELETE FROM curve_summary WHERE key = ? AND job = ?", [key, job])
        }
        try summary.store(key: key, job: job, db)
    }

    /// A new attempt hides what earlier ones did behind the step that it goes on from.
    ///
    /// - Parameter step: 0 for a start from the beginning, which hides everything.
    /// - Throws: `DatabaseError`.
    static func attemptBegan(_ job: Int64, from step: Int, _ db: Database) throws {
        let high = step == 0 ? -1 : step
        try db.change("DELETE FROM result_mean WHERE job = ? AND step > ?", [job, high])
        try db.change(
            """
            DELETE FROM stop_state WHERE job = ?1 AND (step > ?2 OR EXISTS (
                SELECT 1 FROM stop_rule r JOIN metric_key k ON k.name = r.metric JOIN epoch_key e ON e.key = k.id
                JOIN attempt a ON a.id = e.attempt WHERE r.job = ?1 AND a.job = ?1))
            """, [job, high])
        if high < 0 { return try db.change("DELETE FROM curve_summary WHERE job = ?", [job]) }
        let hidden = try db.all(
            """
            SELECT key FROM curve_summary WHERE job = ?1 AND (step > ?2 OR key IN (
                SELECT e.key FROM attempt a JOIN epoch_key e ON e.attempt = a.id WHERE a.job = ?1)) ORDER BY key
            """, [job, high])
        for row in hidden { try recount(key: row[0], job: job, db) }
    }
}

/// Keeps what an evaluation measured, averaged over classes, beside the other results.
enum ResultMean {
    /// - Parameter job: whose result it is; `row` was just written as one of its newest attempt.
    /// - Throws: `DatabaseError`.
    static func store(_ row: EvaluationRow, of job: Int64, _ db: Database) throws {
        guard row.class.isEmpty else { return }
        let measure: Int64
        let names: StatementArguments = [row.metric, row.prompts]
        if let known = try db.first("SELECT id FROM measure WHERE metric = ? AND prompts = ?", names) {
            measure = known[0]
        } else {
            try db.change("INSERT INTO measure (metric, prompts) VALUES (?, ?)", names)
            measure = db.lastInsertedRowID
        }
        try db.change(
            """
            INSERT INTO result_mean (measure, job, checkpoint, epoch, step, value, n) VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET epoch = excluded.epoch, step = excluded.step, value = excluded.value, n = excluded.n
            """, [measure, job, row.checkpoint, row.epoch, row.step, row.value, row.n])
    }
}
