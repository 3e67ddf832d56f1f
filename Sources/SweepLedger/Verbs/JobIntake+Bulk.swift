import GRDB
import Ports
import RunSpec
import SweepModel

/// Jobs as rows, one or many at once: a statement that adds fifty rows opens the tables and their indexes
/// once, which for one row is half of its work.
extension JobIntake {
    private static let rows = 50

    /// Whether ``addNew(_:_:)`` can take them: nothing must be done before one of them.
    func takesMany(_ jobs: [LaunchJob]) -> Bool { isMany && jobs.allSatisfy(\.preparations.isEmpty) }

    /// Adds those that are not in the ledger, as ``add(_:_:)`` would one by one.
    ///
    /// - Returns: the places of those that are there already.
    /// - Throws: `DatabaseError`; `LedgerError`.
    mutating func addNew(_ jobs: [LaunchJob], _ outcome: inout LaunchSweep.Outcome) throws -> [Int] {
        let (rows, needs) = try insert(jobs)
        let added = outcome.changes.count
        for (job, row) in zip(jobs, rows) {
            guard let row else { continue }
            try join([(row, job.group, job.given)])
            outcome.changes.append(
                JobChange(
                    row: row, job: job.id, state: .waiting, priority: job.priority, needs: needs.spec(of: job),
                    isHeld: wasStopped))
        }
        outcome.added += outcome.changes.count - added
        return rows.indices.filter { rows[$0] == nil }
    }

    /// Adds those that are not in the ledger, without their memberships.
    ///
    /// They are written in the order of their identities, so that each page of that index is changed once;
    /// their rows are numbered in the order of `jobs`.
    ///
    /// - Returns: the row of each, nil for one that is there; and what they need.
    /// - Throws: `DatabaseError`; `LedgerError`.
    mutating func insert(_ jobs: [LaunchJob]) throws -> (rows: [Int64?], needs: Needs) {
        let last: Int64 = try db.first("SELECT coalesce(max(id), 0) FROM job")?[0] ?? 0
        var configurations: [Int64] = []
        configurations.reserveCapacity(jobs.count)
        for job in jobs { configurations.append(try row(of: job.configuration, job.parameters)) }
        let needs = try Needs(jobs, &self)
        var rows: [Int64?] = jobs.indices.map { last + 1 + Int64($0) }
        try unchecked(isMany: jobs.count > 1) {
            if try insertJobs(jobs, configurations, needs, after: last) < jobs.count {
                let added = Set(try db.all("SELECT id FROM job WHERE id > ?", [last]) { $0[0] as Int64 })
                for (place, row) in rows.enumerated() where row.map(added.contains) == false { rows[place] = nil }
            }
            try insertDetails(jobs, rows)
        }
        for (job, row) in zip(jobs, rows) {
            if let row { try insertRare(job, row) }
        }
        return (rows, needs)
    }

    /// Makes jobs members that were added just now: with all others in ``finish()``, where there are many.
    mutating func join(_ jobs: [Joining]) throws {
        if isMany { joining += jobs } else { try insertMemberships(jobs) }
    }

    /// What jobs need, with what is known of the memory of their classes.
    struct Needs {
        private var learnt: [String: Int] = [:]
        /// By class and by what stands there without it.
        private var texts: [String: [String: String]] = [:]

        init(_ jobs: [LaunchJob], _ intake: inout JobIntake) throws {
            for memoryClass in Set(jobs.compactMap(\.memoryClass)) {
                learnt[memoryClass] = try intake.expectedMemory(memoryClass)
            }
            guard !learnt.isEmpty else { return }
            for job in jobs {
                guard let own = job.memoryClass, texts[own]?[job.requirements] == nil else { continue }
                texts[own, default: [:]][job.requirements] = try LedgerJSON.text(spec(of: job))
            }
        }

        func spec(of job: LaunchJob) -> RequirementSpec {
            guard !learnt.isEmpty, let bytes = job.memoryClass.flatMap({ learnt[$0] }) else { return job.needs }
            var needs = job.needs
            needs.expectedGPUMemory = bytes
            return needs
        }

        func text(of job: LaunchJob) -> String {
            guard !texts.isEmpty, let own = job.memoryClass else { return job.requirements }
            return texts[own]?[job.requirements] ?? job.requirements
        }
    }

    /// - Returns: how many were not there.
    private func insertJobs(
        _ jobs: [LaunchJob], _ configurations: [Int64], _ needs: Needs, after last: Int64
    ) throws -> Int {
        var added = 0
        let places = jobs.indices.sorted { jobs[$0].id < jobs[$1].id }
        try insert(
            places,
            into: "job (id, identity, sweep, configuration, seed, priority, requirements, retries, "
                + "states_kept, created, updated, attempt)", columns: 12, "ON CONFLICT (identity) DO NOTHING"
        ) { statement, first, place in
            let job = jobs[place]
            try statement.bind(first, last + 1 + Int64(place))
            try statement.bind(first + 1, job.id.text)
            try statement.bind(first + 2, sweep)
            try statement.bind(first + 3, configurations[place])
            try statement.bind(first + 4, job.seed)
            try statement.bind(first + 5, job.priority)
            try statement.bind(first + 6, needs.text(of: job))
            try statement.bind(first + 7, job.retries)
            try statement.bind(first + 8, job.statesKept)
            try statement.bind(first + 9, now.milliseconds)
            try statement.bind(first + 10, now.milliseconds)
            try statement.bind(first + 11, isAnyRemoved ? try removedAttempts(job.id) : 0)
        } ran: {
            added += $0
        }
        return added
    }

    private func removedAttempts(_ job: JobID) throws -> Int {
        try db.first("SELECT attempts FROM removed_job WHERE identity = ?", [job.text])?[0] ?? 0
    }

    private func insertDetails(_ jobs: [LaunchJob], _ rows: [Int64?]) throws {
        let added = jobs.indices.filter { rows[$0] != nil }
        try insert(added, into: "job_spec (job, spec)", columns: 2) { statement, first, place in
            try statement.bind(first, rows[place])
            try statement.bind(first + 1, jobs[place].spec)
        }
        let classed = added.filter { jobs[$0].memoryClass != nil }
        try insert(classed, into: "memory_class (job, class)", columns: 2) { statement, first, place in
            try statement.bind(first, rows[place])
            try statement.bind(first + 1, jobs[place].memoryClass)
        }
    }

    /// - Returns: how many were no members.
    @discardableResult
    func insertMemberships(_ jobs: [Joining]) throws -> Int {
        var added = 0
        try insert(
            Array(jobs.indices), into: "member (sweep, job, group_name, parameters)", columns: 4,
            "ON CONFLICT DO NOTHING"
        ) { statement, first, place in
            try statement.bind(first, sweep)
            try statement.bind(first + 1, jobs[place].row)
            try statement.bind(first + 2, jobs[place].group)
            try statement.bind(first + 3, jobs[place].given)
        } ran: {
            added += $0
        }
        return added
    }

    /// - Parameters:
    ///   - bind: hands over a row, whose first column has the number given.
    ///   - ran: gets how many rows each run of the statement added.
    private func insert(
        _ places: [Int], into table: String, columns: Int, _ conflict: String = "",
        bind: (PreparedStatement, Int32, Int) throws -> Void, ran: (Int) -> Void = { _ in }
    ) throws {
        func statement(_ rows: Int) throws -> PreparedStatement {
            let row = "(" + Array(repeating: "?", count: columns).joined(separator: ", ") + ")"
            let values = Array(repeating: row, count: rows).joined(separator: ", ")
            return try PreparedStatement("INSERT INTO \(table) VALUES \(values) \(conflict)", db)
        }
        let whole = places.count / Self.rows * Self.rows
        for (rows, range) in [(Self.rows, 0..<whole), (1, whole..<places.count)] where !range.isEmpty {
            let insert = try statement(rows)
            for start in stride(from: range.lowerBound, to: range.upperBound, by: rows) {
                for row in 0..<rows { try bind(insert, Int32(row * columns + 1), places[start + row]) }
                ran(try insert.run())
            }
        }
    }
}
