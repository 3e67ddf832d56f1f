import CSQLiteExtras
package import GRDB
package import Ports
package import RunSpec
package import SweepModel

/// A piece of an attempt's metric stream, grouped by key, points in stream order.
package struct AppendMetrics: LedgerVerb {
    package enum Outcome: Equatable, Sendable {
        /// The number wanted next; everything before it is stored.
        /// `enough`: by this the attempt has trained enough.
        case stored(next: UInt64, enough: AttemptToken? = nil)
        case gap(expected: UInt64)
        case superseded
    }

    let token: AttemptToken
    let first: UInt64
    let series: [MetricSeries]
    let ledgerID: String
    /// Whose attempt it must be; nil where nobody is asked.
    let worker: WorkerID?
    /// Points of the range whose names cannot be taken: counted in the stream, and told.
    package var dropped: [AttemptNotice] = []
    let now: WallTime

    package init(
        token: AttemptToken, first: UInt64, series: [MetricSeries], ledgerID: String, worker: WorkerID? = nil,
        now: WallTime = WallTime(milliseconds: 0)
    ) {
        self.now = now
        self.token = token
        self.first = first
        self.series = series
        self.ledgerID = ledgerID
        self.worker = worker
    }

    /// - Returns: how far the stream reaches now, or why nothing was stored.
    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> Outcome {
        guard token.ledger == ledgerID else { return .superseded }
        let count = series.reduce(dropped.reduce(0) { $0 + $1.count }) { $0 + $1.steps.count }
        let end = Int64(clamping: first) - 1 + Int64(count)
        guard
            let row = try db.first(
                "SELECT a.id AS attempt, a.points, a.worker, a.resumed_step, j.id AS job \(Fence.sql)", token.fence),
            worker.map({ $0.text == row["worker"] }) ?? true
        else { return .superseded }
        let attempt: Int64 = row["attempt"]
        let points: Int64 = row["points"]
        guard points >= Int64(clamping: first) - 1 || Mutant.isOn("gap-accepted") else {
            return .gap(expected: UInt64(points) + 1)
        }
        guard end > points else { return .stored(next: UInt64(points) + 1) }
        // A batch that overlaps what is known is written whole: it ends later, so the last of repeated steps
        // is the right one.
        let curve = CurvePlace(row)
        var changed: [String: Int64] = [:]
        for one in series {
            let first = try insert(one.key == MetricLimit.lostName ? one.beyond(points) : one, curve, db)
            if let first { changed[one.key] = min(changed[one.key] ?? first, first) }
        }
        for one in dropped { try AttemptNotices.add(one, to: attempt, db) }
        let total = Mutant.isOn("overlap-counted-twice") ? points + Int64(count) : end
        try db.change("UPDATE attempt SET points = ? WHERE id = ? AND ended IS NULL", [total, attempt])
        let enough = try StopWeighing(job: row["job"], token: token, now: now).run(db, after: .logged(changed))
        return .stored(next: UInt64(end) + 1, enough: enough)
    }

    /// Whose curves the points are part of.
    private struct CurvePlace {
        let job: Int64
        let attempt: Int64
        /// The step that the attempt went on from; −1 for none.
        let low: Int64

        init(_ row: Row) {
            job = row["job"]
            attempt = row["attempt"]
            let resumed: Int64 = row["resumed_step"]
            low = resumed == 0 ? -1 : resumed
        }
    }

    /// - Returns: the first step at which the job's curve is another now; nil for none.
    private func insert(_ one: MetricSeries, _ place: CurvePlace, _ db: Database) throws -> Int64? {
        let key = try Self.key(one.key, db)
        let attempt = place.attempt
        if one.key.hasSuffix(CommandTrainer.EpochTag.suffix) { try markEpochs(one.key, key, attempt, db) }
        let change = try CurveChange(one, key: key, attempt: attempt, db)
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO metric (attempt, key, step, value) VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET value = excluded.value
                """)
        // A loop in C: binding through arrays of Swift values costs more than SQLite itself.
        let code = one.steps.withUnsafeBufferPointer { steps in
            one.values.withUnsafeBufferPointer { values in
                cse_insert_points(
                    UnsafeMutableRawPointer(insert.sqliteStatement), attempt, key, steps.baseAddress,
                    values.baseAddress, Int64(min(steps.count, values.count)))
            }
        }
        guard code == 0 else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
        }
        // SQLite stores NaN as NULL and −0 as 0; their bits are kept beside it.
        for (step, value) in zip(one.steps, one.values) where value.isNaN || (value == 0 && value.sign == .minus) {
            try db.change(
                """
                INSERT INTO metric_bits (attempt, key, step, bits) VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET bits = excluded.bits
                """, [attempt, key, step, Int64(bitPattern: value.bitPattern)])
        }
        return try change.apply(job: place.job, attempt: attempt, low: place.low, db)
    }

    /// Notes that steps of the metric are epochs, where the trainer's rules say so: a later attempt goes on
    /// from an epoch there, and not from a step.
    private func markEpochs(_ name: String, _ key: Int64, _ attempt: Int64, _ db: Database) throws {
        guard try db.first("SELECT 1 FROM epoch_key WHERE attempt = ? AND key = ?", [attempt, key]) == nil else {
            return
        }
        let rules = try db.first(
            """
            SELECT json_extract(s.spec, '$.trainer.metrics') FROM attempt a JOIN job_spec s ON s.job = a.job WHERE a.id = ?
            """, [attempt])
        guard let text = rules?[0] as String?,
            try LedgerJSON.value([CommandTrainer.MetricSource].self, text).contains(where: { $0.givesEpochs(of: name) })
        else { return }
        try db.change("INSERT INTO epoch_key (attempt, key) VALUES (?, ?)", [attempt, key])
    }

    private static func key(_ name: String, _ db: Database) throws -> Int64 {
        if let row = try db.first("SELECT id FROM metric_key WHERE name = ?", [name]) { return row[0] }
        try db.change("INSERT INTO metric_key (name) VALUES (?)", [name])
        return db.lastInsertedRowID
    }
}

extension MetricSeries {
    /// Without the points up to a number that are known here, whatever the spool has lost of them since.
    fileprivate func beyond(_ number: Int64) -> Self {
        let kept = zip(steps, values).filter { $0.0 > number }
        return Self(key: key, steps: kept.map(\.0), values: kept.map(\.1))
    }
}
