import GRDB
import Ports
import RunSpec
import SweepModel

/// Jobs as rows, one or many at once: a statement that adds fifty rows opens the tables and their indexes
/// once, which for one row is half of its work.
extension JobIntake {
    private static let rows = 50

    /// Whether ``addNew(_:_:)`` can take them: nothing must be done before one of them.
    func takesMany(_ jobs: [LaunchJob]) -> Bool { isMany && jobs.allSatisfy { $0.preparations.isEmpty } }

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
    /// Their rows are numbered in the order of `jobs`.
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
        // In their order: a row is appended to the table and to all indexes but that of identities, whose
        // pages are in the cache. In the order of identities it would be the other way round.
        try insert(
            Array(jobs.indices),
            into: "job (id, identity, sweep, configuration, seed, priority, requirements, retries, "
                + "states_kept, created, updated, attempt)",
            shared: [sweep, now.milliseconds], row: [nil, nil, 1, nil, nil, nil, nil, nil, nil, 2, 2, nil],
            "ON CONFLICT (identity) DO NOTHING"
        ) { row, place in
            let job = jobs[place]
            row.add(last + 1 + Int64(place))
            row.add(job.id.text)
            row.add(configurations[place])
            row.add(job.seed)
            row.add(job.priority)
            row.add(needs.text(of: job))
            row.add(job.retries)
            row.add(job.statesKept)
            row.add(isAnyRemoved ? try removedAttempts(job.id) : 0)
        }
    }

    private func removedAttempts(_ job: JobID) throws -> Int {
        try db.first("SELECT attempts FROM removed_job WHERE identity = ?", [job.text])?[0] ?? 0
    }

    private func insertDetails(_ jobs: [LaunchJob], _ rows: [Int64?]) throws {
        let added = jobs.indices.filter { rows[$0] != nil }
        try insert(added, into: "job_spec (job, spec)", row: [nil, nil]) { row, place in
            row.add(rows[place] ?? 0)
            row.add(jobs[place].spec)
        }
        let classed = added.filter { jobs[$0].memoryClass != nil }
        try insert(classed, into: "memory_class (job, class)", row: [nil, nil]) { row, place in
            row.add(rows[place] ?? 0)
            row.add(jobs[place].memoryClass ?? "")
        }
    }

    /// - Returns: how many were no members.
    @discardableResult
    func insertMemberships(_ jobs: [Joining]) throws -> Int {
        try insert(
            Array(jobs.indices), into: "member (sweep, job, group_name, parameters)", shared: [sweep],
            row: [1, nil, nil, nil], "ON CONFLICT DO NOTHING"
        ) { row, place in
            row.add(jobs[place].row)
            row.add(jobs[place].group)
            row.add(jobs[place].given)
        }
    }

    /// - Parameters:
    ///   - shared: what rows have in common.
    ///   - row: for each column which of `shared` it is, counted from 1; nil for a value of the row's own.
    ///   - fill: adds the own values of a row, in the order of the columns.
    /// - Returns: how many rows were added.
    @discardableResult
    private func insert(
        _ places: [Int], into table: String, shared: [Int64] = [], row: [Int?], _ conflict: String = "",
        fill: (inout RowBlock, Int) throws -> Void
    ) throws -> Int {
        func statement(_ rows: Int) throws -> PreparedStatement {
            var next = shared.count
            let values = (0..<rows).map { _ in
                let names = row.map { one -> String in
                    if let one { return "?\(one)" }
                    next += 1
                    return "?\(next)"
                }
                return "(" + names.joined(separator: ", ") + ")"
            }
            return try PreparedStatement(
                "INSERT INTO \(table) VALUES \(values.joined(separator: ", ")) \(conflict)", db)
        }
        var added = 0
        var block = RowBlock()
        let whole = places.count / Self.rows * Self.rows
        for (rows, range) in [(Self.rows, 0..<whole), (1, whole..<places.count)] where !range.isEmpty {
            let insert = try statement(rows)
            for (index, value) in shared.enumerated() { try insert.bind(Int32(index + 1), value) }
            for start in stride(from: range.lowerBound, to: range.upperBound, by: rows) {
                block.removeAll()
                for place in places[start..<start + rows] { try fill(&block, place) }
                added += try insert.run(with: block, from: Int32(shared.count + 1))
            }
        }
        return added
    }
}
