import GRDB

/// What one attempt logged under a key, thinned for a drawing.
package struct ThinnedCurve: Sendable, Equatable {
    package var attempt: Int
    /// Where it went on from; 0 from the beginning.
    package var resumedStep: Int
    /// The largest step of it that counts: what lies beyond was done again. nil for the newest attempt.
    package var last: Int?
    package var hasEnded: Bool
    /// Points that it logged in the range, kept or not, and those among them that are no number.
    package var total: Int
    package var gaps: Int
    package var steps: [Int64]
    package var values: [Double]
}

extension Ledger {
    /// The attempts of a job that logged something under a key, each as a line of its own. Of more points
    /// than asked for those are kept that a drawing cannot lose: in each of many equal spans of steps the
    /// first and the last, the smallest and the largest.
    ///
    /// - Parameters:
    ///   - from: the first step that is asked for, `to` the last; nil for all.
    ///   - points: most points of an attempt.
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func thinnedCurves(job: String, key: String, from: Int?, to: Int?, points: Int) async throws
        -> [ThinnedCurve]
    {
        let lines = try await read { db in try CurveLine.all(job: job, key: key, from: from, to: to, db) }
        var curves: [ThinnedCurve] = []
        for line in lines {
            let spans = max(1, points / 4)
            let width = max(1, (line.last - line.first) / Int64(spans) + 1)
            // A long one is read by two connections, each up to where a span ends or from there on.
            let parts = line.points < Self.longCurve ? [0..<spans] : [0..<spans / 2, spans / 2..<spans]
            let reads = parts.map { part in
                { @Sendable (db: Database) in try line.thinned(part, width: width, db) }
            }
            let thin: ThinnedPoints
            if reads.count == 2 {
                let (first, second) = try await readBoth(reads[0], reads[1])
                thin = first + second
            } else {
                thin = try await read(reads[0])
            }
            var curve = line.curve
            (curve.steps, curve.values, curve.total, curve.gaps) = (thin.steps, thin.values, thin.total, thin.gaps)
            curves.append(curve)
        }
        return curves
    }

    /// Points of an attempt from which on reading them takes longer than getting a second connection to it.
    package static var longCurve: Int { 100_000 }

    /// The points that a job's newest attempt logged after a step, for those who follow it.
    ///
    /// - Returns: nil where there is nothing new.
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func newPoints(job: String, key: String, attempt: Int, after step: Int64, limit: Int) async throws
        -> ThinnedCurve?
    {
        try await read { db in
            let row = try JobLookup.row(job, db)
            let newest = try db.first(
                "SELECT id, number, resumed_step, ended FROM attempt WHERE job = ? ORDER BY number DESC LIMIT 1", [row])
            guard let newest else { return nil }
            let number: Int = newest["number"]
            let after = number == attempt ? step : max(-1, (newest["resumed_step"] as Int64) - 1)
            let points = try db.all(
                """
                SELECT m.step, m.value FROM metric m JOIN metric_key k ON k.id = m.key
                WHERE m.attempt = ?1 AND k.name = ?2 AND m.step > ?3 AND m.value IS NOT NULL ORDER BY m.step LIMIT ?4
                """, [newest["id"] as Int64, key, after, limit])
            guard !points.isEmpty else { return nil }
            return ThinnedCurve(
                attempt: number, resumedStep: newest["resumed_step"], last: nil,
                hasEnded: (newest["ended"] as Int64?) != nil, total: points.count, gaps: 0,
                steps: points.map { $0[0] }, values: points.map { $0[1] })
        }
    }

    /// The steps at which a job saved checkpoints that count.
    ///
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func saves(job: String) async throws -> [Int] {
        try await read { db in
            try db.all(
                "SELECT DISTINCT step FROM visible_checkpoint WHERE job = ? ORDER BY step", [JobLookup.row(job, db)]
            ).map { $0[0] }
        }
    }
}

/// An attempt that logged something under a key, in a range of steps.
private struct CurveLine {
    /// Without its points.
    var curve: ThinnedCurve
    var attempt: Int64
    var key: Int64
    var first: Int64
    var last: Int64
    /// Points that it logged under all keys.
    var points: Int

    static func all(job: String, key: String, from: Int?, to: Int?, _ db: Database) throws -> [Self] {
        let row = try JobLookup.row(job, db)
        guard let keyRow = try db.first("SELECT id FROM metric_key WHERE name = ?", [key]) else { return [] }
        let lines = try db.all(
            """
            SELECT id, number, high, resumed_step, has_ended, points,
                (SELECT min(step) FROM metric WHERE attempt = id AND key = ?2 AND step >= max(low, ?3)) AS first,
                (SELECT max(step) FROM metric WHERE attempt = id AND key = ?2 AND step <= ?4) AS last
            FROM (
                SELECT a.id, p.number, p.low, p.high, a.resumed_step, a.ended IS NOT NULL AS has_ended, a.points
                FROM span p JOIN attempt a ON a.id = p.attempt WHERE p.job = ?1)
            ORDER BY number
            """, [row, keyRow[0] as Int64, from ?? -1, to ?? Int.max])
        return lines.compactMap { line in
            guard let first = line["first"] as Int64?, let last = line["last"] as Int64?, first <= last else {
                return nil
            }
            let high: Int64 = line["high"]
            let curve = ThinnedCurve(
                attempt: line["number"], resumedStep: line["resumed_step"], last: high == .max ? nil : Int(high),
                hasEnded: line["has_ended"], total: 0, gaps: 0, steps: [], values: [])
            return Self(
                curve: curve, attempt: line["id"], key: keyRow[0], first: first, last: last, points: line["points"])
        }
    }

    /// - Parameters:
    ///   - spans: which of the spans, counted from the first step.
    ///   - width: steps of a span.
    func thinned(_ spans: Range<Int>, width: Int64, _ db: Database) throws -> ThinnedPoints {
        let begin = first + Int64(spans.lowerBound) * width
        let statement = try PreparedStatement(
            """
            SELECT thin_points(?1, step, value) FROM metric WHERE attempt = ?2 AND key = ?3 AND step >= ?4 AND step <= ?5
            """, db)
        try statement.bind(2, attempt)
        try statement.bind(3, key)
        try statement.bind(4, begin)
        try statement.bind(5, min(last, first + Int64(spans.upperBound) * width - 1))
        return try statement.thinned(first: begin, width: width, spans: spans.count)
    }
}
