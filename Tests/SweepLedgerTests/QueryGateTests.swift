import Foundation
import GRDB
import Ports
import SweepLedger
import SweepModel
import Testing

/// Each would take minutes or gigabytes without its limit.
private enum QueryBombs {
    private static func listed(_ one: String, _ count: Int) -> String {
        "SELECT " + Array(repeating: one, count: count).joined(separator: ",")
    }

    private static let nested: String =
        "SELECT " + String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000)
    private static let unions: String = "SELECT 1 " + String(repeating: "UNION SELECT 1 ", count: 500)
    private static let patterns: String =
        "SELECT '\(String(repeating: "a", count: 5000))' LIKE '\(String(repeating: "%a", count: 2500))b'"

    static let all: [String] = [
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) SELECT count(*) FROM c a, c b, c d",
        "SELECT length(printf('%.*c', 1000000000, 'x'))", "SELECT length(zeroblob(2000000000))",
        "SELECT length(replace(hex(zeroblob(1000000)), '0', 'xxxxxxxxxxxxxxxx'))",
        """
        WITH RECURSIVE c(x, y) AS (SELECT 1, randomblob(1000000) UNION ALL SELECT x + 1, randomblob(1000000) FROM c LIMIT 100000)
        SELECT count(*) FROM (SELECT y FROM c ORDER BY y)
        """,
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x * 3 % 1000003 FROM c) SELECT group_concat(x || hex(randomblob(500))) FROM c",
        // One step of each took 43 s, or 546 MB, or for ever.
        "SELECT instr(hex(zeroblob(2000000)), hex(zeroblob(1900000)) || '1')",
        listed("hex(zeroblob(2000000))", 20),
        listed("instr(hex(zeroblob(1000000)), hex(zeroblob(900000)) || '1')", 58),
        listed("1", 5000), nested, unions, patterns, String(repeating: "/", count: 200_000) + "SELECT 1",
    ]
}

/// The statements of a hostile user (docs/explanation/security.md, "Ad-hoc SQL").
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
            "SELECT * FROM dbstat", "SELECT count(*) FROM dbstat", "SELECT * FROM sqlite_dbpage",
            "SELECT '\u{0}'; DELETE FROM job", "SELECT 1\u{0}; DELETE FROM job",
            "SELECT count(*) FROM pragma_table_info('token')", "SELECT * FROM pragma_database_list",
            "SELECT * FROM pragma_module_list", "SELECT * FROM sqlite_stmt", "SELECT * FROM sqlite_temp_master",
            "SELECT * FROM fts3tokenize('simple', 'x')", "SELECT * FROM worker_owner", "SELECT spec FROM job",
            "SELECT * FROM invitation",
            "SELECT session FROM worker", "SELECT session FROM attempt", "SELECT count(*) FROM audit",
            "WITH t AS (SELECT 1) SELECT * FROM t; SELECT 2",
            "WITH x AS (SELECT * FROM exchange) SELECT count(*) FROM x",
            "SELECT * FROM job JOIN sqlite_sequence", "CREATE VIEW v AS SELECT * FROM token_hash",
            "EXPLAIN SELECT 1; SELECT 2",
        ])
    func refused(sql: String) async throws {
        let bench = try LedgerBench()
        try await bench.launch(["a"])
        #expect(throws: LedgerError.self) { try ReadOnlyQuery(path: bench.ledger.path).run(sql) }
        #expect(try bench.query("SELECT state FROM job") == [[.text("waiting")]])
    }

    private static let forms = [
        "SELECT $c FROM $t", "SELECT $c FROM $t FULL JOIN (SELECT NULL AS $c) USING ($c)",
        "SELECT $c FROM (SELECT NULL AS $c) LEFT JOIN $t USING ($c)",
        "SELECT * FROM $t NATURAL JOIN (SELECT NULL AS $c)",
        "SELECT $c FROM $t NATURAL FULL JOIN (SELECT NULL AS $c)", "SELECT count(*) FROM $t",
        "SELECT 1 FROM job, $t", "SELECT $c FROM main.$t FULL JOIN (SELECT NULL AS $c) USING ($c)",
        "WITH x AS (SELECT $c FROM $t FULL JOIN (SELECT NULL AS $c) USING ($c)) SELECT $c FROM x",
        "WITH RECURSIVE x($c) AS (SELECT 1 UNION ALL SELECT $c FROM $t FULL JOIN (SELECT NULL AS $c) USING ($c)) SELECT $c FROM x",
        "SELECT (SELECT group_concat($c) FROM $t FULL JOIN (SELECT NULL AS $c) USING ($c))",
        "SELECT id FROM job WHERE EXISTS (SELECT $c FROM $t FULL JOIN (SELECT NULL AS $c) USING ($c))",
        "SELECT id FROM job ORDER BY (SELECT $c FROM $t FULL JOIN (SELECT NULL AS $c) USING ($c))",
        "SELECT json_group_array($c) FROM $t FULL JOIN (SELECT NULL AS $c) USING ($c)",
        "SELECT value FROM $t, json_each('[1]')", "SELECT 1 UNION SELECT $c FROM $t", "VALUES ((SELECT $c FROM $t))",
        "SELECT sum(1) OVER (ORDER BY $c) FROM $t FULL JOIN (SELECT NULL AS $c) USING ($c)",
        "SELECT * FROM $t AS job", "SELECT rowid FROM $t", "/* x */ SELECT $c FROM $t", "; SELECT $c FROM $t",
    ]

    /// Columns of USING and NATURAL joins are read without a call of SQLite's authorizer (3.40).
    @Test(
        "no form of statement reaches a table of secrets",
        arguments: [
            ("job_spec", "spec"), ("sweep_bundle", "bundle"), ("worker_session", "session"),
            ("attempt_session", "session"), ("token_hash", "hash"), ("worker_owner", "key"), ("exchange", "reply"),
            ("request_key", "reply"), ("audit", "detail"), ("invitation", "hash"),
        ])
    func secrets(table: String, column: String) async throws {
        let bench = try LedgerBench()
        try await bench.launch(["a"])
        for form in Self.forms {
            let sql = form.replacing("$t", with: table).replacing("$c", with: column)
            let error = #expect(throws: LedgerError.self, "\(sql)") {
                try ReadOnlyQuery(path: bench.ledger.path).run(sql)
            }
            #expect(error?.code == .query, "\(sql): \(error?.message ?? "")")
        }
    }

    @Test(
        "WITH, comments, semicolons and odd places for them are fine",
        arguments: [
            "WITH t AS (SELECT 7 AS n) SELECT n FROM t", "WITH t AS (SELECT 1 AS n) SELECT count(*) * 7 FROM t",
            "WITH a AS (SELECT 3 AS n), b AS (SELECT n + 4 AS n FROM a) SELECT b.n FROM a, b",
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 7) SELECT max(n) FROM c",
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 7) SELECT count(*) FROM c",
            "WITH t AS MATERIALIZED (SELECT id FROM jobs) SELECT count(*) + 6 FROM t",
            "with x as (select count(*) as n from members) select n + 6 from x",
            "-- a comment\nSELECT 7", "/* a; comment */ SELECT 7", ";;SELECT 7", " \n\t; -- x\n ; SELECT 7;",
            "SELECT 7 -- done", "SELECT 7; -- done", "SELECT 7 ; /* done */ ;\n",
            "SELECT 7 FROM (SELECT 1) NATURAL JOIN (SELECT 2)",
            "SELECT count(*) + 6 FROM jobs j JOIN members m ON m.job = j.id", "VALUES (7)",
            "SELECT printf('%d', 7) + 0",
        ])
    func written(sql: String) async throws {
        let bench = try LedgerBench()
        try await bench.launch(["a"])
        #expect(try bench.query(sql).first == [.integer(7)])
    }

    @Test("public tables and views are read")
    func allowed() async throws {
        let bench = try LedgerBench()
        try await bench.launch(["a"])
        for view in [
            "jobs", "results", "metrics", "latest_metrics", "checkpoints", "members", "artifacts", "span",
            "image_results",
        ] {
            _ = try bench.query("SELECT * FROM \(view)")
        }
        for table in [
            "sweep", "configuration", "job", "attempt", "metric", "checkpoint", "evaluation", "event", "worker",
        ] {
            _ = try bench.query("SELECT * FROM \(table)")
        }
        #expect(try bench.query("SELECT count(*) FROM sweep_file") == [[.integer(1)]])
        #expect(try bench.query("SELECT value FROM json_each('[7]')") == [[.integer(7)]])
        #expect(try bench.query("EXPLAIN QUERY PLAN SELECT * FROM job").isEmpty == false)
        var admin = ReadOnlyQuery(path: bench.ledger.path)
        admin.mayReadAudit = true
        #expect(try admin.run("SELECT * FROM audit").rows == [])
    }

    @Test("bombs end within their limits of time, memory and size", arguments: QueryBombs.all)
    func bombs(sql: String) throws {
        let bench = try LedgerBench()
        let query = ReadOnlyQuery(path: bench.ledger.path, milliseconds: 500)
        let clock = SuspendingClock()
        let started = clock.now
        #expect(throws: LedgerError.self) { try query.run(sql) }
        // The limit is half a second, and one more until its process is killed; the rest is a loaded
        // machine's.
        #expect(started.duration(to: clock.now) < .seconds(10))
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

    @Test("a process started ahead sees what was written since, and allows no more than one started for the query")
    func startedAhead() async throws {
        let bench = try LedgerBench()
        bench.ledger.spares.prepare()
        #expect(bench.ledger.spares.processes.count == 2)
        var query = ReadOnlyQuery(path: bench.ledger.path, milliseconds: 500)
        query.spares = bench.ledger.spares
        for count in 1...4 {
            try await bench.launch(["job \(count)"])
            let before = bench.ledger.spares.processes
            #expect(try query.run("SELECT count(*) FROM jobs").rows == [[.integer(Int64(count))]])
            #expect(Set(before).subtracting(bench.ledger.spares.processes).count == 1)
        }
        for sql in [
            "SELECT * FROM token", "SELECT spec FROM job_spec", "PRAGMA user_version", "ATTACH ':memory:' AS x",
            "SELECT 1; SELECT 2", "DELETE FROM jobs", "SELECT * FROM audit",
        ] + QueryBombs.all.prefix(2) {
            #expect(throws: LedgerError.self, "\(sql)") { try query.run(sql) }
        }
    }

    @Test("where the system ended a process that was started ahead, another answers; all end with the ledger")
    func endedAhead() throws {
        let bench = try LedgerBench()
        var query = ReadOnlyQuery(path: bench.ledger.path)
        query.spares = bench.ledger.spares
        bench.ledger.spares.prepare()
        for pid in bench.ledger.spares.processes {
            kill(pid, SIGKILL)
            // Until it is dead, and still nobody has reaped it.
            var information = siginfo_t()
            #expect(waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) == 0)
        }
        for _ in 0..<3 { #expect(try query.run("SELECT count(*) FROM jobs").rows == [[.integer(0)]]) }
        let waiting = bench.ledger.spares.processes
        bench.ledger.close()
        #expect(waiting.count == 2 && waiting.allSatisfy { kill($0, 0) == -1 })
        #expect(bench.ledger.spares.processes.isEmpty)
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
