import GRDB
import Ports
import RunSpec
import SweepModel

/// A job that ran out of memory and is tried again with less, where its sweep file says how.
enum MemoryFallback {
    /// What a job fell back to, and in which attempt; nil for nothing yet.
    static func current(_ job: Int64, _ db: Database) throws -> (
        level: Int, attempt: Int, values: [String: ParameterValue]
    )? {
        let row = try db.first("SELECT level, attempt, parameters FROM oom_fallback WHERE job = ?", [job])
        return try row.map {
            ($0["level"], $0["attempt"], try LedgerJSON.value([String: ParameterValue].self, $0["parameters"]))
        }
    }

    /// Takes the next step down.
    ///
    /// - Parameter attempt: that ran out of memory.
    /// - Returns: what is set, in words; nil where nothing is declared, or nothing less is possible.
    static func fall(_ job: Int64, attempt: Int, _ db: Database) throws -> String? {
        let row = try db.first(
            "SELECT spec FROM job_spec WHERE job = ? AND json_extract(spec, '$.onOOM') IS NOT NULL", [job])
        guard let row else { return nil }
        let spec = try LedgerJSON.value(ResolvedJob.self, row[0])
        let before = try current(job, db)
        let known = spec.parameters.merging(before?.values ?? [:]) { $1 }
        guard let next = spec.fallback(after: before?.values ?? [:]) else { return nil }
        try db.change(
            """
            INSERT INTO oom_fallback (job, level, attempt, parameters) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET level = excluded.level, attempt = excluded.attempt, parameters = excluded.parameters
            """, [job, (before?.level ?? 0) + 1, attempt, try LedgerJSON.text(next)])
        // A budget of its own for what is tried now.
        try db.change("UPDATE job SET budget_from = ? WHERE id = ?", [attempt, job])
        return next.sorted { $0.key < $1.key }.map { name, value in
            "\(name) \(known[name].map { "\($0)" } ?? "-") to \(value)"
        }.joined(separator: ", ")
    }
}
