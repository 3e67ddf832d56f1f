import Foundation
import GRDB
import Ports
package import RunSpec
package import SweepModel

/// What of a job a person looks for: where it belongs, its files, its log.
package struct JobFiles: Sendable {
    package struct File: Sendable {
        /// Below the job's folder, with slashes.
        package var path: String
        package var sha256: String
    }

    /// Sweeps that it belongs to, by row.
    package var sweeps: [Int64]
    package var files: [File]
    /// The end of the newest attempt's.
    package var log: String

    static let logBytes = 64 << 10
}

/// A job in its sweep, for a name that people read.
package struct SweepMember: Sendable {
    package var row: Int64
    package var id: JobID
    package var given: [String: ParameterValue]
    package var seed: Int
    /// Under which it was launched, where its trainer asks for one.
    package var name: String?
}

/// How far the ledger has come, for those who follow it.
package struct LedgerMark: Equatable, Sendable {
    package var event: Int64
    package var checkpoint: Int64

    package init(event: Int64 = 0, checkpoint: Int64 = 0) {
        self.event = event
        self.checkpoint = checkpoint
    }

    fileprivate init(_ db: Database) throws {
        let newest = try db.first(
            "SELECT coalesce((SELECT max(id) FROM event), 0), coalesce((SELECT max(id) FROM checkpoint), 0)")
        self.init(event: newest?[0] ?? 0, checkpoint: newest?[1] ?? 0)
    }
}

extension Ledger {
    /// Where the ledger is now.
    ///
    /// - Throws: `DatabaseError`.
    package func mark() async throws -> LedgerMark { try await read { db in try LedgerMark(db) } }

    /// Jobs with files or a log that something happened to since a mark, and the new mark.
    ///
    /// - Throws: `DatabaseError`.
    package func jobs(since mark: LedgerMark) async throws -> (jobs: [Int64], mark: LedgerMark) {
        try await read { db in
            let reached = try LedgerMark(db)
            guard reached != mark else { return ([], mark) }
            let jobs = try db.all(
                """
                SELECT n.job FROM (
                    SELECT e.job FROM event e WHERE e.id > ?1 AND e.job IS NOT NULL
                    UNION SELECT a.job FROM checkpoint c JOIN attempt a ON a.id = c.attempt WHERE c.id > ?2) n
                WHERE \(Self.hasFiles("n.job"))
                """, [mark.event, mark.checkpoint]
            ).map { $0[0] as Int64 }
            return (jobs.sorted(), reached)
        }
    }

    private static func hasFiles(_ job: String) -> String {
        """
        EXISTS (SELECT 1 FROM attempt a WHERE a.job = \(job) AND (
            EXISTS (SELECT 1 FROM log_text t WHERE t.attempt = a.id)
            OR EXISTS (SELECT 1 FROM checkpoint c WHERE c.attempt = a.id)
            OR EXISTS (SELECT 1 FROM artifact f WHERE f.attempt = a.id)))
        """
    }

    /// Sweeps that are not archived, by row.
    ///
    /// - Throws: `DatabaseError`.
    package func sweepNames() async throws -> [Int64: String] {
        try await read { db in
            Dictionary(
                try db.all("SELECT id, name FROM sweep WHERE id NOT IN (SELECT sweep FROM sweep_archive)").map {
                    ($0[0] as Int64, $0[1] as String)
                }, uniquingKeysWith: { $1 })
        }
    }

    /// The jobs of a sweep that train, in the order they were made.
    ///
    /// - Throws: `DatabaseError`, `LedgerError`.
    package func members(of sweep: Int64) async throws -> [SweepMember] {
        try await read { db in
            let rows = try db.all(
                """
                SELECT j.id, j.identity, m.parameters, j.seed, json_extract(s.spec, '$.name') AS name
                FROM member m JOIN job j ON j.id = m.job JOIN job_spec s ON s.job = j.id
                WHERE m.sweep = ? AND NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = j.id)
                    AND NOT EXISTS (SELECT 1 FROM prepare_job p WHERE p.job = j.id) ORDER BY j.id
                """, [sweep]
            )
            // Seeds of a configuration follow each other.
            var (text, given): (String, [String: ParameterValue]) = ("", [:])
            return try rows.map { row in
                let parameters: String = row["parameters"]
                if parameters != text {
                    (text, given) = (parameters, try LedgerJSON.value([String: ParameterValue].self, parameters))
                }
                return SweepMember(
                    row: row["id"], id: try JobID.stored(row["identity"]), given: given, seed: row["seed"],
                    name: row["name"])
            }
        }
    }

    /// Jobs of a sweep that have files or a log, among the first so many after a row.
    ///
    /// - Returns: these jobs by row, and the last row that was looked at; nil for it where there are no more.
    /// - Throws: `DatabaseError`.
    package func jobsWithFiles(of sweep: Int64, after row: Int64, limit: Int) async throws
        -> (jobs: [Int64], last: Int64?)
    {
        try await read { db in
            let rows = try db.all(
                """
                SELECT m.job, \(Self.hasFiles("m.job")) FROM member m WHERE m.sweep = ? AND m.job > ? ORDER BY m.job LIMIT ?
                """, [sweep, row, limit])
            return (rows.filter { $0[1] }.map { $0[0] }, rows.count < limit ? nil : rows.last?[0])
        }
    }

    /// - Returns: nil for a job that is not there any more, or that trains nothing.
    /// - Throws: `DatabaseError`.
    package func files(ofJob job: Int64) async throws -> JobFiles? {
        try await read { db in
            let known = try db.first(
                """
                SELECT identity FROM job j WHERE id = ? AND NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = j.id)
                    AND NOT EXISTS (SELECT 1 FROM prepare_job p WHERE p.job = j.id)
                """, [job])
            guard let identity = known?[0] as String? else { return nil }
            var files = try db.all(
                "SELECT name, file, sha256 FROM checkpoints WHERE job = ? AND kind = 'adapter' ORDER BY step",
                [identity]
            ).map { row in
                JobFiles.File(
                    path: "checkpoints/\(row["name"] as String)/\(row["file"] as String)", sha256: row["sha256"])
            }
            files += try db.all(
                "SELECT kind, name, sha256 FROM artifacts WHERE job = ? ORDER BY kind, name", [identity]
            )
            .map { row in
                let kind: String = row["kind"]
                return JobFiles.File(
                    path: "\(kind == "sample" ? "samples" : kind)/\(row["name"] as String)", sha256: row["sha256"])
            }
            let log = try db.all(
                """
                SELECT t.text FROM log_text t WHERE t.attempt = (
                    SELECT id FROM attempt WHERE job = ? ORDER BY number DESC LIMIT 1) ORDER BY t.start
                """, [job]
            ).map { $0[0] as String }.joined()
            // All of it stands in the ledger; a second copy of everything would fill the disk.
            let end = log.utf8.count <= JobFiles.logBytes ? log : Self.end(of: log)
            return JobFiles(
                sweeps: try db.all("SELECT sweep FROM member WHERE job = ?", [job]).map { $0[0] as Int64 },
                files: files, log: end)
        }
    }

    /// From the beginning of a line on.
    private static func end(of log: String) -> String {
        let bytes = log.utf8.suffix(JobFiles.logBytes)
        let start = bytes.firstIndex(of: UInt8(ascii: "\n")).map { bytes.index(after: $0) } ?? bytes.startIndex
        return String(decoding: bytes[start...], as: UTF8.self)
    }
}
