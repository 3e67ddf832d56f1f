import GRDB
import SweepModel

/// What belongs to a sweep alone, in SQL: the same for looking and for doing.
struct ReclaimScope {
    let sweep: Int64
    let action: ReclaimAction

    /// Whether another sweep `o` keeps what it shares. One that is archived keeps no files.
    private func keeps(_ other: String) -> String {
        action == .delete
            ? "1" : "NOT EXISTS (SELECT 1 FROM sweep_archive ka WHERE ka.sweep = \(other))"
    }

    /// As a condition on a row of `member`.
    func isShared(_ member: String) -> String {
        """
        EXISTS (SELECT 1 FROM member o WHERE o.job = \(member).job AND o.sweep <> \(sweep) AND \(keeps("o.sweep")))
        """
    }

    /// Jobs of the sweep alone.
    var ownJobs: String { "SELECT m.job FROM member m WHERE m.sweep = \(sweep) AND NOT \(isShared("m"))" }

    /// Inputs that the sweep's files name, and those of no other sweep that still has its inputs.
    var ownInputs: String {
        """
        SELECT DISTINCT json_extract(i.value, '$.digest') AS digest
        FROM sweep_bundle b JOIN json_each(b.bundle, '$.inputs') i WHERE b.sweep = \(sweep)
        EXCEPT SELECT json_extract(i.value, '$.digest')
        FROM sweep_bundle b JOIN json_each(b.bundle, '$.inputs') i
        WHERE b.sweep <> \(sweep) AND NOT EXISTS (SELECT 1 FROM sweep_archive a WHERE a.sweep = b.sweep)
        """
    }

    /// The checkpoint of a job whose adapter is kept in an archive: the final one, else the newest.
    ///
    /// - Parameter job: SQL of its row number.
    static func keptCheckpoint(of job: String) -> String {
        """
        (SELECT v.checkpoint FROM visible_checkpoint v JOIN checkpoint kc ON kc.id = v.checkpoint
         WHERE v.job = \(job) AND EXISTS (SELECT 1 FROM checkpoint_file kf WHERE kf.checkpoint = kc.id AND kf.kind = 'adapter')
         ORDER BY kc.final DESC, kc.step DESC, v.number DESC LIMIT 1)
        """
    }

    /// As a condition on rows `c` of `checkpoint` and `f` of `checkpoint_file`, of the job `a.job`.
    private var goes: String {
        action == .delete
            ? "1" : "NOT (f.kind = 'adapter' AND c.id IS \(Self.keptCheckpoint(of: "a.job")))"
    }

    /// A digest for every row that goes and names one.
    private var goneReferences: String {
        """
        SELECT f.sha256 FROM attempt a JOIN checkpoint c ON c.attempt = a.id JOIN checkpoint_file f ON f.checkpoint = c.id
        WHERE a.job IN (\(ownJobs)) AND \(goes)
        UNION ALL SELECT r.sha256 FROM attempt a JOIN artifact r ON r.attempt = a.id WHERE a.job IN (\(ownJobs))
        UNION ALL SELECT g.sha256 FROM origin_file g WHERE g.job IN (\(ownJobs))
        UNION ALL SELECT p.sha256 FROM input_file p WHERE p.input IN (\(ownInputs))
        """
    }

    private static func references(_ sha256: String) -> String {
        ["checkpoint_file", "artifact", "origin_file", "input_file"]
            .map { "(SELECT count(*) FROM \($0) r WHERE r.sha256 = \(sha256))" }.joined(separator: " + ")
    }

    /// What is there to be freed; nothing changes.
    func report(_ name: String, _ db: Database) throws -> ReclaimReport {
        var report = ReclaimReport(sweep: name, action: action)
        report.jobs = try db.first("SELECT count(*) FROM (\(ownJobs))")?[0] ?? 0
        let rows = try db.all(
            """
            WITH gone AS (SELECT sha256, count(*) AS n FROM (\(goneReferences)) GROUP BY 1)
            SELECT g.sha256, b.bytes, g.n >= \(Self.references("g.sha256")) AS is_free,
                b.keep_until <= b.created + \(AddBlobs.graceMilliseconds) AS is_quiet
            FROM gone g JOIN blob b ON b.sha256 = g.sha256
            """)
        var kept: [String] = []
        for row in rows {
            let bytes: Int = row["bytes"]
            switch (row["is_free"] as Bool, row["is_quiet"] as Bool) {
            case (true, true):
                report.blobs += 1
                report.bytes += bytes
            case (true, false):
                report.laterBlobs += 1
                report.laterBytes += bytes
            default:
                report.sharedBlobs += 1
                report.sharedBytes += bytes
                kept.append(row["sha256"])
            }
        }
        try addShared(to: &report, keptBlobs: kept, db)
        return report
    }

    private func addShared(to report: inout ReclaimReport, keptBlobs: [String], _ db: Database) throws {
        let condition = "m.sweep = \(sweep) AND \(isShared("m"))"
        report.sharedJobs = try db.first("SELECT count(*) FROM member m WHERE \(condition)")?[0] ?? 0
        let others = "o.sweep <> \(sweep) AND \(keeps("o.sweep"))"
        report.shared = try db.all(
            """
            SELECT j.identity, (SELECT json_group_array(s.name) FROM member o JOIN sweep s ON s.id = o.sweep
                WHERE o.job = m.job AND \(others)) AS sweeps
            FROM member m JOIN job j ON j.id = m.job WHERE \(condition) ORDER BY m.job LIMIT \(ReclaimReport.mostNamed)
            """
        ).map { .init(job: $0["identity"], sweeps: try LedgerJSON.value([String].self, $0["sweeps"]).sorted()) }
        var names = try db.all(
            """
            SELECT DISTINCT s.name FROM member m JOIN member o ON o.job = m.job JOIN sweep s ON s.id = o.sweep
            WHERE m.sweep = \(sweep) AND \(others)
            """
        ).map { $0[0] as String }
        let digests = try LedgerJSON.text(keptBlobs)
        names += try db.all(
            """
            SELECT DISTINCT s.name FROM json_each(?1) k JOIN checkpoint_file f ON f.sha256 = k.value
            JOIN checkpoint c ON c.id = f.checkpoint JOIN attempt a ON a.id = c.attempt JOIN member o ON o.job = a.job
            JOIN sweep s ON s.id = o.sweep WHERE o.sweep <> \(sweep)
            UNION SELECT s.name FROM json_each(?1) k JOIN artifact r ON r.sha256 = k.value
            JOIN attempt a ON a.id = r.attempt JOIN member o ON o.job = a.job JOIN sweep s ON s.id = o.sweep
            WHERE o.sweep <> \(sweep)
            UNION SELECT s.name FROM json_each(?1) k JOIN input_file p ON p.sha256 = k.value
            JOIN sweep_bundle b JOIN json_each(b.bundle, '$.inputs') i ON json_extract(i.value, '$.digest') = p.input
            JOIN sweep s ON s.id = b.sweep WHERE b.sweep <> \(sweep)
            """, [digests]
        ).map { $0[0] as String }
        report.sharedWith = Set(names).sorted()
    }

    /// - Throws: `LedgerError` `conflict` while jobs of the sweep alone may still do something.
    func refuseActive(_ name: String, _ db: Database) throws {
        let active = try db.all(
            """
            SELECT j.state, count(*) AS n FROM job j WHERE j.id IN (\(ownJobs)) AND j.state IN ('running', 'waiting', 'paused')
            GROUP BY 1 ORDER BY 1
            """)
        guard !active.isEmpty else { return }
        let counts = active.map { "\($0["n"] as Int) \($0["state"] as String)" }.joined(separator: ", ")
        throw LedgerError(
            .conflict,
            "\(name) has jobs that are not over (\(counts)); wait for them, or `radiata cancel \(name)` first")
    }
}
