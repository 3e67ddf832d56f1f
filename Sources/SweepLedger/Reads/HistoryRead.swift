import Foundation
import GRDB
import Ports
import RunSpec
package import SweepModel

/// What a launch would meet.
package struct HistoryRow: Sendable, Equatable {
    /// Jobs of the sweep of that name; nil if there is none.
    package var jobs: Int?
    /// Identities of what was launched under the name.
    package var launches: [String]
    package var runs: [EarlierRuns.Run]
}

extension Ledger {
    /// Newest finished jobs that are looked at for estimates.
    private static let mostRuns = 500
    /// Newest attempts that are looked at for who has an input.
    private static let mostUses = 2000

    /// - Parameters:
    ///   - base: digest, empty for none; likewise `data`.
    ///   - trainer: `TrainerSpec.paceIdentity`.
    /// - Throws: `DatabaseError`; `DecodingError` for a bundle or trainer that cannot be read.
    package func history(sweep: String, base: String, data: String, trainer: String) async throws -> HistoryRow {
        try await read { db in
            var row = HistoryRow(
                jobs: nil, launches: [], runs: try Self.runs(db, base: base, data: data, trainer: trainer))
            guard let known = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else { return row }
            let id: Int64 = known[0]
            row.jobs = try db.first("SELECT coalesce(sum(jobs), 0) FROM sweep_count WHERE sweep = ?", [id])?[0] ?? 0
            for file in try db.all("SELECT bundle FROM sweep_bundle WHERE sweep = ?", [id]) {
                let bundle = try JSONDecoder().decode(LaunchBundle.self, from: Data((file[0] as String).utf8))
                row.launches.append(try bundle.identity().text)
            }
            return row
        }
    }

    /// Workers that got somewhere with a job that uses an input, among the newest attempts.
    ///
    /// - Parameter inputs: digests.
    package func users(of inputs: [String]) async throws -> [String: Set<String>] {
        guard !inputs.isEmpty else { return [:] }
        return try await read { db in
            var users: [String: Set<String>] = [:]
            for input in inputs {
                let rows = try db.all(
                    """
                    SELECT DISTINCT a.worker AS worker
                    FROM (SELECT job, worker, outcome, points FROM attempt ORDER BY id DESC LIMIT ?1) a
                    JOIN job_spec s ON s.job = a.job
                    WHERE (a.outcome = 'done' OR a.points > 0) AND instr(s.spec, ?2) > 0
                    """, [Self.mostUses, input])
                users[input] = Set(rows.map { $0["worker"] as String })
            }
            return users
        }
    }

    /// Time of all attempts whose work counts, of the newest finished jobs.
    private static func runs(_ db: Database, base: String, data: String, trainer: String) throws -> [EarlierRuns.Run] {
        let rows = try db.all(
            """
            SELECT json_extract(s.spec, '$.trainer') AS trainer, json_extract(s.spec, '$.data.digest') AS data,
                json_extract(s.spec, '$.parameters') AS parameters,
                (SELECT sum(b.ended - b.started) FROM attempt b
                 WHERE b.job = a.job AND b.ended IS NOT NULL AND b.outcome IN ('done', 'released', 'paused')) AS spent,
                (SELECT coalesce(sum(f.bytes), 0) FROM attempt b JOIN checkpoint c ON c.attempt = b.id
                 JOIN checkpoint_file f ON f.checkpoint = c.id WHERE b.job = a.job) AS bytes
            FROM (SELECT id, job FROM attempt WHERE outcome = 'done' ORDER BY id DESC LIMIT ?1) a
            JOIN job_spec s ON s.job = a.job
            WHERE NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = a.job)
                AND NOT EXISTS (SELECT 1 FROM prepare_job p WHERE p.job = a.job)
                AND coalesce(json_extract(s.spec, '$.base.digest'), '') = ?2
            """, [mostRuns, base])
        var trainers: [String: TrainerSpec] = [:]
        return try rows.compactMap { row in
            guard let text = row["trainer"] as String?, let milliseconds = row["spent"] as Int64?, milliseconds > 0
            else {
                return nil
            }
            let spec = try trainers[text] ?? Self.trainer(text)
            trainers[text] = spec
            guard spec.paceIdentity == trainer else { return nil }
            let parameters = try LedgerJSON.value([String: ParameterValue].self, row["parameters"])
            return EarlierRuns.Run(
                seconds: Double(milliseconds) / 1000, length: TrainingLength(of: parameters, by: spec),
                isSameData: (row["data"] as String? ?? "") == data, bytes: row["bytes"])
        }
    }

    /// The trainer's as its job has it: `core`, or a map.
    private static func trainer(_ text: String) throws -> TrainerSpec {
        guard text.hasPrefix("{") else { return .core }
        return .command(try JSONDecoder().decode(CommandTrainer.self, from: Data(text.utf8)))
    }
}
