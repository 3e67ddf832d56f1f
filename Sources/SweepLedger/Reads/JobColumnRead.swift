import GRDB

extension Ledger {
    private static let longestMessage = 400

    /// The jobs of a sweep, in the order in which they were made. Of an earlier reading only what changed
    /// since is read anew, and of what was measured only the values of jobs that may have others by now.
    ///
    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    package func jobColumns(sweep: String, after last: JobColumns? = nil) async throws -> JobColumns {
        try await read { db in
            guard let found = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
                throw try SweepNames.unknown(sweep, db)
            }
            let id: Int64 = found[0]
            let newest: Int64 = try db.first("SELECT coalesce(max(id), 0) FROM event")?[0] ?? 0
            let total: Int =
                try db.first("SELECT coalesce(sum(jobs), 0) FROM sweep_count WHERE sweep = ?", [id])?[0] ?? 0
            if var columns = last, columns.sweep == id, newest >= columns.mark, columns.count <= total,
                newest - columns.mark < Int64(max(Self.mostChanges, total / 2))
            {
                try columns.update(to: newest, total: total, db)
                if columns.count == total { return columns }
            }
            var columns = JobColumns()
            (columns.sweep, columns.mark) = (id, newest)
            columns.reserve(total)
            try columns.append(from: " ORDER BY m.job", [id], db)
            try columns.name(db)
            for (name, column) in last?.measured ?? [:] {
                columns.measured[name] = try columns.values(of: column.source, db)
            }
            return columns
        }
    }

    /// Beyond so many changes, and those of half of the jobs, everything is read anew.
    private static let mostChanges = 5000

    /// Some jobs of a sweep, for those who cannot wait for all of them. Jobs that evaluate others are left
    /// out.
    ///
    /// - Parameters:
    ///   - offset: how many are passed over, in the order in which they were made.
    ///   - limit: how many are read.
    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    package func jobColumns(sweep: String, offset: Int, limit: Int) async throws -> JobColumns {
        try await read { db in
            guard let found = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
                throw try SweepNames.unknown(sweep, db)
            }
            var columns = JobColumns()
            columns.sweep = found[0]
            try columns.append(
                from: """
                     AND NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = m.job)
                    ORDER BY m.job LIMIT ?2 OFFSET ?3
                    """, [columns.sweep, limit, offset], db)
            try columns.name(db)
            return columns
        }
    }

    /// What was logged or measured of these jobs.
    ///
    /// - Throws: `DatabaseError`.
    package func measured(_ source: MeasuredSource, of columns: JobColumns) async throws -> MeasuredColumn {
        try await read { db in try columns.values(of: source, db) }
    }

    fileprivate static let jobColumns = """
        SELECT m.job, j.identity, m.group_name, j.configuration, j.state, j.seed, j.attempt, j.worker, j.failure,
            substr(j.message, 1, \(longestMessage)), j.created, j.updated, j.priority,
            EXISTS (SELECT 1 FROM evaluation_job v WHERE v.job = m.job), m.parameters
        FROM member m JOIN job j ON j.id = m.job WHERE m.sweep = ?1
        """
}

extension JobColumns {
    fileprivate mutating func reserve(_ count: Int) {
        rows.reserveCapacity(count)
        ids.reserveCapacity(count)
        configurations.reserveCapacity(count)
        seeds.reserveCapacity(count)
        attempts.reserveCapacity(count)
        priorities.reserveCapacity(count)
        created.reserveCapacity(count)
        updated.reserveCapacity(count)
    }

    /// - Parameters:
    ///   - condition: what follows the text that reads jobs.
    ///   - arguments: the sweep's row first.
    fileprivate mutating func append(from condition: String, _ arguments: StatementArguments, _ db: Database) throws {
        let found = try StatementRows(Ledger.jobColumns + condition, arguments, db)
        defer { found.end() }
        while try found.next() {
            guard let id = found.text(1).flatMap({ JobDigits($0) }), let parameters = found.text(14) else {
                throw LedgerError(.inputOutput, "job \(found.integer(0)) has no id, or no settings; restore a backup")
            }
            rows.append(found.integer(0))
            ids.append(id)
            groups.append(found.text(2))
            configurations.append(found.integer(3))
            seeds.append(found.integer(5))
            created.append(found.integer(10))
            try settings.append(parameters, configuration: configurations[rows.count - 1])
            states.append(found.text(4))
            attempts.append(Int32(clamping: found.integer(6)))
            workers.append(found.text(7))
            failures.append(found.text(8))
            messages.append(found.text(9))
            updated.append(found.integer(11))
            priorities.append(found.integer(12))
            let isEvaluation = found.integer(13) != 0
            if isEvaluation, evaluates.isEmpty { evaluates = Array(repeating: false, count: rows.count - 1) }
            if isEvaluation || !evaluates.isEmpty { evaluates.append(isEvaluation) }
        }
        settings.seal()
    }

    /// What workers are called.
    fileprivate mutating func name(_ db: Database) throws {
        var names: [String: String] = [:]
        for row in try db.all("SELECT worker, name FROM forgotten_worker UNION ALL SELECT id, name FROM worker") {
            names[row[0]] = row[1]
        }
        workerNames = names
    }

    /// What happened to a job stands among the events; only what open attempts log does not. What an
    /// evaluation measures belongs to the job that it evaluates.
    private static let changed = """
        WITH c(job) AS (
            SELECT e.job FROM event e WHERE e.id > ?2 AND e.job IS NOT NULL
            UNION SELECT a.job FROM attempt a WHERE a.ended IS NULL)
        SELECT m.job FROM c CROSS JOIN member m ON m.sweep = ?1 AND m.job = c.job
        UNION SELECT m.job FROM c CROSS JOIN evaluation_job v ON v.job = c.job
            CROSS JOIN member m ON m.sweep = ?1 AND m.job = v.subject
        ORDER BY 1
        """

    fileprivate mutating func update(to newest: Int64, total: Int, _ db: Database) throws {
        let since = measured.values.reduce(mark) { min($0, $1.mark) }
        let isQuiet = newest == since
        var places: [Int] = []
        let found = try StatementRows(Self.changed, [sweep, since], db)
        while try found.next() { if let place = place(ofRow: found.integer(0)) { places.append(place) } }
        if !isQuiet {
            for place in places {
                let job = try StatementRows(Ledger.jobColumns + " AND m.job = ?2", [sweep, rows[place]], db)
                if try job.next() { take(job, at: place) }
                job.end()
            }
            if total > count, let last = rows.last {
                let known = count
                try append(from: " AND m.job > ?2 ORDER BY m.job", [sweep, last], db)
                places += known..<count
            }
            try name(db)
        }
        mark = newest
        for (name, column) in measured {
            measured[name] = nil
            measured[name] = try updated(column, places, db)
        }
    }

    /// What of a job changes; its settings, seed and id stay what they are.
    private mutating func take(_ job: StatementRows, at place: Int) {
        states.set(place, job.text(4))
        attempts[place] = Int32(clamping: job.integer(6))
        workers.set(place, job.text(7))
        failures.set(place, job.text(8))
        messages.set(place, job.text(9))
        updated[place] = job.integer(11)
        priorities[place] = job.integer(12)
    }
}

/// What was logged and measured.
extension JobColumns {
    private func updated(_ column: MeasuredColumn, _ places: [Int], _ db: Database) throws -> MeasuredColumn {
        // Row by row is slower than all at once where many changed.
        guard places.count < max(200, count / 20), try !isApart(column.source, db) else {
            return try values(of: column.source, db)
        }
        var column = column
        column.values += [Double](repeating: .nan, count: count - column.values.count)
        let (sql, arguments) = try Self.query(column.source, db) ?? ("", [])
        guard !sql.isEmpty else { return column }
        for place in places {
            let value = try StatementRows(sql + " AND x.job = ?2 ORDER BY x.step", arguments + [rows[place]], db)
            column.values[place] = .nan
            while try value.next() { column.values[place] = value.number(1) }
        }
        column.mark = mark
        return column
    }

    /// Of all jobs, from the beginning of the curve's or the measure's summaries to its end: both are sorted
    /// by the jobs' rows.
    fileprivate func values(of source: MeasuredSource, _ db: Database) throws -> MeasuredColumn {
        let newest: Int64 = try db.first("SELECT coalesce(max(id), 0) FROM event")?[0] ?? 0
        var column = MeasuredColumn(source: source, values: Array(repeating: .nan, count: count), mark: newest)
        if try isApart(source, db) {
            for (job, value) in try apart(source, db) {
                if let place = place(ofRow: job) { column.values[place] = value }
            }
            return column
        }
        guard let first = rows.first, let last = rows.last, let (sql, arguments) = try Self.query(source, db) else {
            return column
        }
        guard count > Self.few else { return try some(column, sql, arguments, db) }
        let found = try StatementRows(
            sql + " AND x.job BETWEEN ?2 AND ?3 ORDER BY x.job", arguments + [first, last], db)
        defer { found.end() }
        var place = 0
        var (job, step): (Int64, Int64) = (-1, .min)
        while try found.next() {
            let row = found.integer(0)
            while place < count, rows[place] < row { place += 1 }
            guard place < count else { break }
            guard rows[place] == row else { continue }
            // Of several checkpoints the newest counts.
            let (value, own) = (found.number(1), found.integer(2))
            if row != job { (job, step) = (row, .min) }
            if own >= step { (column.values[place], step) = (value, own) }
        }
        return column
    }

    private static let few = 1000

    private func some(
        _ column: MeasuredColumn, _ sql: String, _ arguments: StatementArguments, _ db: Database
    ) throws -> MeasuredColumn {
        var column = column
        for place in rows.indices {
            let value = try StatementRows(sql + " AND x.job = ?2 ORDER BY x.step", arguments + [rows[place]], db)
            while try value.next() { column.values[place] = value.number(1) }
        }
        return column
    }

    /// Rows of job, value and step.
    ///
    /// - Returns: nil where nobody logged or measured such a thing.
    private static func query(_ source: MeasuredSource, _ db: Database) throws -> (String, StatementArguments)? {
        switch source {
        case .curve(let key):
            guard let row = try db.first("SELECT id FROM metric_key WHERE name = ?", [key]) else { return nil }
            return (
                "SELECT x.job, x.value, x.step FROM curve_summary x WHERE x.key = ?1 AND x.value IS NOT NULL",
                [row[0] as Int64]
            )
        case .result(let metric, let prompts):
            let row = try db.first("SELECT id FROM measure WHERE metric = ? AND prompts = ?", [metric, prompts])
            guard let row else { return nil }
            return (
                "SELECT x.job, x.value, x.step FROM result_mean x WHERE x.measure = ?1 AND x.value IS NOT NULL",
                [row[0] as Int64]
            )
        }
    }

    /// Whether some of the sweep's jobs are measured by a protocol of its own.
    private func isApart(_ source: MeasuredSource, _ db: Database) throws -> Bool {
        guard case .result = source else { return false }
        return try db.first(
            "SELECT 1 FROM own_protocol WHERE sweep = (SELECT name FROM sweep WHERE id = ?) LIMIT 1", [sweep]) != nil
    }

    private func apart(_ source: MeasuredSource, _ db: Database) throws -> [(Int64, Double)] {
        guard case .result(let metric, let prompts) = source else { return [] }
        return try db.all(
            """
            SELECT j.id, r.value FROM sweep_results r JOIN job j ON j.identity = r.job
            WHERE r.sweep = (SELECT name FROM sweep WHERE id = ?1) AND r.class = '' AND r.metric = ?2 AND r.prompts = ?3
                AND r.value IS NOT NULL ORDER BY j.id, r.step
            """, [sweep, metric, prompts]
        ) { ($0[0], $0[1]) }
    }
}
