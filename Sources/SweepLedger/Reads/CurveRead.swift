import CSQLiteExtras
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
        try await read { db in
            let row = try JobLookup.row(job, db)
            guard let keyRow = try db.first("SELECT id FROM metric_key WHERE name = ?", [key]) else { return [] }
            let keyID: Int64 = keyRow[0]
            let attempts = try db.all(
                """
                SELECT p.attempt, p.number, p.low, p.high, a.resumed_step, a.ended IS NOT NULL AS has_ended
                FROM span p JOIN attempt a ON a.id = p.attempt WHERE p.job = ? ORDER BY p.number
                """, [row])
            return try attempts.compactMap { attempt in
                let high: Int64 = attempt["high"]
                let curve = try self.thinned(
                    attempt: attempt["attempt"], key: keyID, from: max(attempt["low"] as Int64, Int64(from ?? -1)),
                    to: Int64(to ?? .max), points: points, db)
                guard var curve else { return nil }
                curve.attempt = attempt["number"]
                curve.resumedStep = attempt["resumed_step"]
                curve.last = high == .max ? nil : Int(high)
                curve.hasEnded = attempt["has_ended"]
                return curve
            }
        }
    }

    /// nil for no point.
    private func thinned(
        attempt: Int64, key: Int64, from: Int64, to: Int64, points: Int, _ db: Database
    ) throws -> ThinnedCurve? {
        let bounds = try db.first(
            """
            SELECT (SELECT min(step) FROM metric WHERE attempt = ?1 AND key = ?2 AND step >= ?3),
                (SELECT max(step) FROM metric WHERE attempt = ?1 AND key = ?2 AND step <= ?4)
            """, [attempt, key, from, to])
        guard let bounds, let first = bounds[0] as Int64?, let last = bounds[1] as Int64?, first <= last else {
            return nil
        }
        let buckets = max(1, points / 4)
        let width = max(1, (last - first) / Int64(buckets) + 1)
        let statement = try db.cachedStatement(
            sql: """
                SELECT step, value FROM metric WHERE attempt = ? AND key = ? AND step >= ? AND step <= ? ORDER BY step
                """)
        try statement.setArguments([attempt, key, first, last])
        var steps = [Int64](repeating: 0, count: 4 * buckets)
        var values = [Double](repeating: 0, count: 4 * buckets)
        var (total, gaps): (Int64, Int64) = (0, 0)
        // A loop in C: a million points go through it for one drawing.
        let kept = cse_thin_points(
            UnsafeMutableRawPointer(statement.sqliteStatement), first, width, Int64(buckets), &steps, &values, &total,
            &gaps)
        guard kept >= 0 else {
            throw DatabaseError(resultCode: ResultCode(rawValue: Int32(-1 - kept)), message: db.lastErrorMessage)
        }
        return ThinnedCurve(
            attempt: 0, resumedStep: 0, last: nil, hasEnded: false, total: Int(total), gaps: Int(gaps),
            steps: Array(steps.prefix(Int(kept))), values: Array(values.prefix(Int(kept))))
    }

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
