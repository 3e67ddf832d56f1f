import GRDB
import Ports
import RunSpec
import SweepModel

/// Many jobs at once: a statement that adds fifty rows opens the tables and their indexes once, which for one
/// row is half of its work.
extension JobIntake {
    private static let rows = 50

    /// Whether ``addNew(_:_:)`` can take them: nothing must be done before one of them.
    func takesMany(_ jobs: [LaunchJob]) -> Bool { isMany && jobs.allSatisfy(\.preparations.isEmpty) }

    /// Adds those that are not in the ledger, as ``add(_:_:)`` would one by one.
    ///
    /// They are written in the order of their identities, so that each page of that index is changed once;
    /// their rows are numbered in the order of `jobs`.
    ///
    /// - Returns: the places of those that are there already.
    /// - Throws: `DatabaseError`; `LedgerError`.
    mutating func addNew(_ jobs: [LaunchJob], _ outcome: inout LaunchSweep.Outcome) throws -> [Int] {
        let last: Int64 = try db.first("SELECT coalesce(max(id), 0) FROM job")?[0] ?? 0
        var configurations: [Int64] = []
        configurations.reserveCapacity(jobs.count)
        for job in jobs { configurations.append(try row(of: job.configuration, job.parameters)) }
        let needs = try Needs(jobs, &self)
        var known: [Int] = []
        try unchecked {
            let added = try insertJobs(jobs, configurations, needs, after: last)
            if added < jobs.count { known = try missing(jobs.count, after: last) }
        }
        var places = Array(jobs.indices)
        if !known.isEmpty {
            let there = Set(known)
            places.removeAll { there.contains($0) }
        }
        try unchecked { try insertDetails(jobs, places, after: last) }
        for place in places {
            let (job, id) = (jobs[place], last + 1 + Int64(place))
            try insertRare(job, id)
            joining.append((id, job.group, job.given))
            outcome.changes.append(
                JobChange(
                    row: id, job: job.id, state: .waiting, priority: job.priority, needs: needs.spec(of: job),
                    isHeld: wasStopped))
        }
        outcome.added += places.count
        return known
    }

    /// What jobs need, with what is known of the memory of their classes.
    private struct Needs {
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
        let isAnyRemoved = try db.first("SELECT 1 FROM removed_job LIMIT 1") != nil
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

    /// The places of jobs that were there.
    private func missing(_ count: Int, after last: Int64) throws -> [Int] {
        var isAdded = Array(repeating: false, count: count)
        let rows = try db.all("SELECT id FROM job WHERE id > ?", [last]) { $0[0] as Int64 }
        for row in rows { isAdded[Int(row - last - 1)] = true }
        return isAdded.indices.filter { !isAdded[$0] }
    }

    private func insertDetails(_ jobs: [LaunchJob], _ places: [Int], after last: Int64) throws {
        try insert(places, into: "job_spec (job, spec)", columns: 2) { statement, first, place in
            try statement.bind(first, last + 1 + Int64(place))
            try statement.bind(first + 1, jobs[place].spec)
        }
        let classed = places.filter { jobs[$0].memoryClass != nil }
        try insert(classed, into: "memory_class (job, class)", columns: 2) { statement, first, place in
            try statement.bind(first, last + 1 + Int64(place))
            try statement.bind(first + 1, jobs[place].memoryClass)
        }
    }

    func insertMemberships() throws {
        try insert(
            Array(joining.indices), into: "member (sweep, job, group_name, parameters)", columns: 4,
            "ON CONFLICT DO NOTHING"
        ) { statement, first, place in
            try statement.bind(first, sweep)
            try statement.bind(first + 1, joining[place].row)
            try statement.bind(first + 2, joining[place].group)
            try statement.bind(first + 3, joining[place].given)
        }
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
