import GRDB
import Ports

/// One step from a shape of the ledger to the next. Steps are never changed once a ledger may have them; a
/// new shape is a new step at the end.
struct Migration: Sendable {
    /// The `user_version` after it.
    let version: Int
    let statements: [String]
}

extension Schema {
    /// In order. Version 1 is `tables`, `triggers` and `views`, which stay as they were.
    static let migrations: [Migration] = [
        // Some ledgers of version 1 have it already.
        Migration(
            version: 2,
            statements: [
                """
                CREATE TABLE IF NOT EXISTS audit (
                    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, call TEXT NOT NULL, detail TEXT NOT NULL
                ) STRICT
                """,
                """
                CREATE TRIGGER IF NOT EXISTS audit_kept_update BEFORE UPDATE ON audit BEGIN
                    SELECT RAISE(ABORT, 'the audit table is only added to');
                END
                """,
                """
                CREATE TRIGGER IF NOT EXISTS audit_kept_delete BEFORE DELETE ON audit BEGIN
                    SELECT RAISE(ABORT, 'the audit table is only added to');
                END
                """,
            ]),
        // Whom a worker's id and its newest session belong to (SHA-256 of its key); which jobs' checkpoints
        // were thinned.
        Migration(
            version: 3,
            statements: [
                """
                CREATE TABLE worker_owner (
                    worker TEXT PRIMARY KEY, token TEXT NOT NULL, session TEXT NOT NULL, key TEXT
                ) STRICT, WITHOUT ROWID
                """,
                "ALTER TABLE job ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0 CHECK (thinned IN (0, 1))",
                "CREATE INDEX job_unthinned ON job (id) WHERE state = 'done' AND thinned = 0",
            ]),
        // An adapter of the very step that the attempt went on from, where no earlier attempt had come to
        // write it.
        Migration(version: 4, statements: [visibleCheckpoints, "DROP VIEW checkpoints", checkpoints]),
        // Points that only a later attempt logged at the very step it went on from.
        Migration(version: 5, statements: ["DROP VIEW metrics", metrics, "DROP VIEW latest_metrics", latestMetrics]),
        // What queries of users must not reach has tables of its own.
        Migration(version: 6, statements: secretsApart),
        // Sweeps that stop themselves, suspended workers, goodbyes, core versions, forgotten workers.
        Migration(version: 7, statements: blame),
        // What of an attempt could not be taken; the line of its log that is not ended yet.
        Migration(
            version: 8,
            statements: [
                """
                CREATE TABLE attempt_notice (
                    attempt INTEGER NOT NULL REFERENCES attempt, kind TEXT NOT NULL,
                    count INTEGER NOT NULL CHECK (count > 0), detail TEXT NOT NULL,
                    PRIMARY KEY (attempt, kind)
                ) STRICT, WITHOUT ROWID
                """,
                """
                CREATE TABLE log_line (
                    attempt INTEGER PRIMARY KEY REFERENCES attempt, text TEXT NOT NULL
                ) STRICT
                """,
                notices,
            ]),
        // What single images measured.
        Migration(
            version: 9,
            statements: [
                "ALTER TABLE evaluation ADD COLUMN image_values TEXT", imageResults,
            ]),
        // What sweep files say about metrics.
        Migration(version: 10, statements: sweepMetrics),
        // Evaluations as jobs.
        Migration(version: 11, statements: evaluationJobs),
        // Jobs that end when they have trained enough.
        Migration(version: 12, statements: stopRules),
        // Jobs made of others; sweeps that were put away; tags and notes.
        Migration(version: 13, statements: keeping),
        // The GPUs of each worker, one by one.
        Migration(
            version: 14,
            statements: [
                """
                CREATE TABLE worker_gpu (
                    worker TEXT PRIMARY KEY, devices TEXT NOT NULL, share INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID
                """
            ]),
        // What rankings read instead of every point and result.
        Migration(version: 15, statements: summaries),
        // Jobs that others wait for; values that jobs fell back to.
        Migration(version: 16, statements: preparations),
        // Votes on pairs of pictures.
        Migration(version: 17, statements: votes),
        // Invitations, budgets and prices.
        Migration(version: 18, statements: joining),
        // Protocols of sweeps that share trainings.
        Migration(version: 19, statements: ownProtocols),
        // What sweeps cost; what operators are told.
        Migration(version: 20, statements: operating),
        // Jobs that edit pictures.
        Migration(version: 21, statements: edits),
        // No figure takes the place of another protocol's.
        Migration(version: 22, statements: drawings),
    ]

    static var version: Int { migrations.last?.version ?? 1 }

    /// Brings an older ledger up to date: all steps in one transaction, checked before the commit.
    static func migrate(_ db: Database, path: String, from found: Int) throws {
        Faults.reach("ledger.migration-begins")
        do {
            try db.inTransaction(.immediate) {
                for step in migrations where step.version > found { try apply(step, db) }
                try check(db, path)
                return .commit
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            throw LedgerError(
                .notALedger,
                "\(path) has schema \(found), but not its tables (\(error.message ?? "")); is it damaged? Nothing was changed"
            )
        }
        Faults.reach("ledger.migrated")
    }

    static func apply(_ step: Migration, _ db: Database) throws {
        for statement in step.statements {
            try db.execute(sql: statement)
            Faults.reach("ledger.migration-step")
        }
        try db.execute(sql: "PRAGMA user_version = \(step.version)")
    }

    private static func check(_ db: Database, _ path: String) throws {
        let broken = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").count
        let findings = try String.fetchAll(db, sql: "PRAGMA integrity_check")
        guard broken == 0, findings == ["ok"] else {
            throw LedgerError(
                .inputOutput,
                "\(path) is damaged, so it was not brought up to date: \(findings.prefix(3).joined(separator: "; ")), "
                    + "\(broken) rows refer to nothing; restore a backup")
        }
    }
}
