import Foundation
import GRDB
import Ports
import SweepLedger
import Testing

/// The statements of a hostile user (docs/security.md, "Ad-hoc SQL").
@Suite("The gate for users' SQL")
struct QueryGateTests {
    @Test(
        "what writes, opens files, reads secrets or is more than one statement is refused",
        arguments: [
            "DELETE FROM job", "UPDATE job SET state = 'done'", "INSERT INTO token VALUES (1)", "DROP TABLE job",
            "CREATE TABLE t (a)", "CREATE TEMP TABLE t (a)", "CREATE TEMP VIEW v AS SELECT 1", "VACUUM",
            "VACUUM INTO '/tmp/x'",
            "ATTACH '/etc/passwd' AS p", "DETACH main", "PRAGMA journal_mode = DELETE", "PRAGMA table_info(job)",
            "SELECT * FROM pragma_table_info('token')", "SELECT * FROM token", "SELECT hash FROM token",
            "SELECT (SELECT hash FROM token LIMIT 1)", "SELECT 1 WHERE EXISTS (SELECT 1 FROM token)",
            "WITH t AS (SELECT * FROM token) SELECT * FROM t", "SELECT count(*) FROM token",
            "SELECT * FROM request_key",
            "SELECT * FROM exchange", "SELECT * FROM audit", "SELECT bundle FROM sweep_file",
            "SELECT * FROM sqlite_stat1",
            "SELECT load_extension('/tmp/x.so')", "SELECT readfile('/etc/passwd')", "SELECT writefile('/tmp/x', 'y')",
            "SELECT edit('x')", "SELECT fts3_tokenizer('x')", "SELECT 1; SELECT 2", "SELECT 1; DELETE FROM job", "",
            ";", "-- nothing", "BEGIN", "COMMIT", "SAVEPOINT s", "REINDEX", "ANALYZE", "EXPLAIN DELETE FROM job",
            "SELECT * FROM main.token", "SELECT * FROM \"token\"", "SELECT * FROM TOKEN", "SELECT * FROM [token]",
            "SELECT t.hash FROM job j JOIN token t", "SELECT 1 FROM job ORDER BY (SELECT hash FROM token)",
            "SELECT * FROM dbstat", "SELECT * FROM sqlite_dbpage", "SELECT '\u{0}'; DELETE FROM job",
        ])
    func refused(sql: String) async throws {
        let bench = try LedgerBench()
        try await bench.launch(["a"])
        #expect(throws: LedgerError.self) { try ReadOnlyQuery(path: bench.ledger.path).run(sql) }
        #expect(try bench.query("SELECT state FROM job") == [[.text("waiting")]])
    }

    @Test("public tables and views are read; columns that may hold secrets read as NULL")
    func allowed() async throws {
        let bench = try LedgerBench()
        try await bench.launch(["a"])
        for view in ["jobs", "results", "metrics", "latest_metrics", "checkpoints", "members", "artifacts", "span"] {
            _ = try bench.query("SELECT * FROM \(view)")
        }
        for table in [
            "sweep", "configuration", "job", "attempt", "metric", "checkpoint", "evaluation", "event", "worker",
        ] {
            _ = try bench.query("SELECT * FROM \(table)")
        }
        #expect(try bench.query("SELECT count(*), max(spec) FROM job") == [[.integer(1), .null]])
        #expect(try bench.query("SELECT value FROM json_each('[7]')") == [[.integer(7)]])
        #expect(try bench.query("EXPLAIN QUERY PLAN SELECT * FROM job").isEmpty == false)
        var admin = ReadOnlyQuery(path: bench.ledger.path)
        admin.mayReadAudit = true
        #expect(try admin.run("SELECT * FROM audit").rows == [])
    }

    /// Each would take minutes or gigabytes without its limit.
    @Test(
        "bombs end within their limits of time, memory and size",
        arguments: [
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) SELECT count(*) FROM c a, c b, c d",
            "SELECT length(printf('%.*c', 1000000000, 'x'))", "SELECT length(zeroblob(2000000000))",
            "SELECT length(replace(hex(zeroblob(1000000)), '0', 'xxxxxxxxxxxxxxxx'))",
            """
            WITH RECURSIVE c(x, y) AS (SELECT 1, randomblob(1000000) UNION ALL SELECT x + 1, randomblob(1000000) FROM c LIMIT 100000)
            SELECT count(*) FROM (SELECT y FROM c ORDER BY y)
            """,
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x * 3 % 1000003 FROM c) SELECT group_concat(x || hex(randomblob(500))) FROM c",
            "SELECT '\(String(repeating: "a", count: 5000))' LIKE '\(String(repeating: "%a", count: 2500))b'",
            "SELECT " + String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000),
            "SELECT " + Array(repeating: "1", count: 5000).joined(separator: ","),
            "SELECT 1 " + String(repeating: "UNION SELECT 1 ", count: 500),
            String(repeating: " ", count: 200_000) + "SELECT 1",
        ])
    func bombs(sql: String) throws {
        let bench = try LedgerBench()
        let query = ReadOnlyQuery(path: bench.ledger.path, milliseconds: 500)
        let clock = SuspendingClock()
        let started = clock.now
        #expect(throws: LedgerError.self) { try query.run(sql) }
        // The limit is half a second; the rest is a loaded machine's.
        #expect(started.duration(to: clock.now) < .seconds(10))
        // SQLite's own count: the process has tests of other parts running beside this one.
        #expect(ReadOnlyQuery.memoryHighWater < 1_500_000_000)
    }

    @Test("rows and bytes are cut, and it is said")
    func cut() throws {
        let bench = try LedgerBench()
        let many =
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000) SELECT x, hex(zeroblob(1000)) FROM c"
        let rows = try ReadOnlyQuery(path: bench.ledger.path, mostRows: 10).run(many)
        #expect(rows.rows.count == 10 && rows.isTruncated)
        let bytes = try ReadOnlyQuery(path: bench.ledger.path, mostBytes: 50_000).run(many)
        #expect(bytes.rows.count < 40 && bytes.isTruncated)
    }

    @Test("the audit table is only added to, by whichever connection")
    func audit() async throws {
        let bench = try LedgerBench()
        try await bench.ledger.writer.perform(AuditEntry(actor: "a", call: "c", detail: "d", now: bench.now))
        for sql in ["UPDATE audit SET actor = 'b'", "DELETE FROM audit"] {
            await #expect(throws: (any Error).self) {
                try await bench.ledger.writer.perform(RawStatement(sql: sql))
            }
        }
        var admin = ReadOnlyQuery(path: bench.ledger.path)
        admin.mayReadAudit = true
        #expect(try admin.run("SELECT actor, call, detail FROM audit").rows == [[.text("a"), .text("c"), .text("d")]])
    }
}

/// A statement as it is, on the writer's connection.
private struct RawStatement: LedgerVerb {
    let sql: String
    func run(_ db: Database) throws { try db.execute(sql: sql) }
}
