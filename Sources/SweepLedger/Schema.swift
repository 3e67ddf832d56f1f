import GRDB
import Ports

/// The tables and views, and the versions of their shape (`docs/reference/ledger.md` describes every column).
enum Schema {
    /// "Radi" in ASCII, at byte 68 of the file.
    static let applicationID = 0x5261_6469

    /// Makes a new ledger, or brings an old one up to date, in one transaction.
    ///
    /// - Parameter keepCopy: called with its version before an older ledger is changed.
    /// - Throws: `LedgerError` for a file that is something else or newer.
    static func prepare(
        _ db: Database, path: String, ledgerID: String, now: Int64,
        keepCopy: (Database, Int) throws -> Void = { _, _ in }
    ) throws {
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
        if isEmpty {
            try db.inTransaction(.immediate) {
                let counters = triggers.dropFirst(Mutant.isOn("counters-not-kept") ? 1 : 0)
                for statement in tables + counters + views { try db.execute(sql: statement) }
                for step in migrations { try apply(step, db) }
                try db.execute(
                    sql: "INSERT INTO ledger (one, id, epoch, created) VALUES (1, ?, 1, ?)", arguments: [ledgerID, now])
                try db.execute(sql: "PRAGMA application_id = \(applicationID)")
                return .commit
            }
            return
        }
        guard application == applicationID, found >= 1 else {
            throw LedgerError(
                .notALedger,
                "\(path) is not a Radiata ledger (application id \(application), wanted \(applicationID)); give another --data folder"
            )
        }
        guard found <= version else {
            throw LedgerError(
                .newerSchema,
                "\(path) has schema \(found), this program knows up to \(version); use the newer radiata that wrote it")
        }
        guard found < version else { return }
        try keepCopy(db, found)
        try migrate(db, path: path, from: found)
    }

    static let tables: [String] = [
        """
        CREATE TABLE ledger (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            id TEXT NOT NULL, epoch INTEGER NOT NULL, created INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE sweep (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'canceled')),
            digest TEXT NOT NULL, priority INTEGER NOT NULL,
            configurations INTEGER NOT NULL, checkpoints INTEGER NOT NULL, created INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE sweep_file (
            sweep INTEGER NOT NULL REFERENCES sweep, digest TEXT NOT NULL, bundle TEXT NOT NULL, launched INTEGER NOT NULL,
            PRIMARY KEY (sweep, digest)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE configuration (
            id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, parameters TEXT NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE job (
            id INTEGER PRIMARY KEY,
            identity TEXT NOT NULL UNIQUE CHECK (length(identity) = 64),
            sweep INTEGER NOT NULL REFERENCES sweep,
            configuration INTEGER NOT NULL REFERENCES configuration,
            seed INTEGER NOT NULL,
            state TEXT NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'running', 'done', 'failed', 'parked', 'canceled', 'paused')),
            stop TEXT CHECK (stop IS NULL OR (stop = 'pause' AND state = 'running')),
            priority INTEGER NOT NULL,
            attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
            epoch INTEGER NOT NULL DEFAULT 0,
            budget_from INTEGER NOT NULL DEFAULT 0,
            ready_at INTEGER, avoid TEXT,
            worker TEXT, failure TEXT, message TEXT,
            spec TEXT NOT NULL, requirements TEXT NOT NULL, retries TEXT NOT NULL, states_kept INTEGER NOT NULL,
            created INTEGER NOT NULL, updated INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX job_waiting ON job (priority DESC, id) WHERE state = 'waiting'",
        "CREATE INDEX job_running ON job (id) WHERE state = 'running'",
        """
        CREATE TABLE member (
            sweep INTEGER NOT NULL REFERENCES sweep, job INTEGER NOT NULL REFERENCES job,
            group_name TEXT NOT NULL, parameters TEXT NOT NULL,
            PRIMARY KEY (sweep, job)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX member_job ON member (job)",
        """
        CREATE TABLE sweep_count (
            sweep INTEGER NOT NULL REFERENCES sweep, state TEXT NOT NULL, jobs INTEGER NOT NULL,
            PRIMARY KEY (sweep, state)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE attempt (
            id INTEGER PRIMARY KEY,
            job INTEGER NOT NULL REFERENCES job, number INTEGER NOT NULL, epoch INTEGER NOT NULL,
            worker TEXT NOT NULL, session TEXT NOT NULL,
            started INTEGER NOT NULL, ended INTEGER,
            outcome TEXT CHECK (outcome IN ('done', 'failed', 'lost', 'released', 'paused', 'canceled')),
            failure TEXT, message TEXT, exit_code INTEGER,
            resumed_step INTEGER NOT NULL DEFAULT 0 CHECK (resumed_step >= 0),
            points INTEGER NOT NULL DEFAULT 0, log_end INTEGER NOT NULL DEFAULT 0,
            UNIQUE (job, number),
            CHECK ((ended IS NULL) = (outcome IS NULL))
        ) STRICT
        """,
        "CREATE UNIQUE INDEX attempt_result ON attempt (job) WHERE outcome = 'done'",
        "CREATE INDEX attempt_open ON attempt (worker) WHERE ended IS NULL",
        "CREATE INDEX attempt_failed ON attempt (worker, ended) WHERE outcome IN ('failed', 'done')",
        "CREATE TABLE metric_key (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
        """
        CREATE TABLE metric (
            attempt INTEGER NOT NULL, key INTEGER NOT NULL, step INTEGER NOT NULL, value REAL,
            PRIMARY KEY (attempt, key, step)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE metric_bits (
            attempt INTEGER NOT NULL, key INTEGER NOT NULL, step INTEGER NOT NULL, bits INTEGER NOT NULL,
            PRIMARY KEY (attempt, key, step)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE checkpoint (
            id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL REFERENCES attempt, name TEXT NOT NULL,
            epoch INTEGER NOT NULL, step INTEGER NOT NULL, final INTEGER NOT NULL CHECK (final IN (0, 1)),
            resumable INTEGER NOT NULL CHECK (resumable IN (0, 1)), created INTEGER NOT NULL,
            UNIQUE (attempt, name)
        ) STRICT
        """,
        """
        CREATE TABLE checkpoint_file (
            checkpoint INTEGER NOT NULL REFERENCES checkpoint, name TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('adapter', 'state')),
            sha256 TEXT NOT NULL REFERENCES blob, bytes INTEGER NOT NULL,
            PRIMARY KEY (checkpoint, name)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX checkpoint_file_blob ON checkpoint_file (sha256)",
        """
        CREATE TABLE evaluation (
            attempt INTEGER NOT NULL REFERENCES attempt, checkpoint TEXT NOT NULL,
            epoch INTEGER NOT NULL, step INTEGER NOT NULL,
            class TEXT NOT NULL, prompts TEXT NOT NULL, metric TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
            PRIMARY KEY (attempt, checkpoint, prompts, class, metric)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE evaluated (
            attempt INTEGER NOT NULL REFERENCES attempt, checkpoint TEXT NOT NULL, step INTEGER NOT NULL,
            PRIMARY KEY (attempt, checkpoint)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE artifact (
            attempt INTEGER NOT NULL REFERENCES attempt, kind TEXT NOT NULL, name TEXT NOT NULL,
            checkpoint TEXT NOT NULL, step INTEGER NOT NULL,
            sha256 TEXT NOT NULL REFERENCES blob, bytes INTEGER NOT NULL,
            PRIMARY KEY (attempt, kind, name)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX artifact_blob ON artifact (sha256)",
        """
        CREATE TABLE log_text (
            attempt INTEGER NOT NULL REFERENCES attempt, start INTEGER NOT NULL, bytes INTEGER NOT NULL, text TEXT NOT NULL,
            PRIMARY KEY (attempt, start)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE blob (
            sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64), bytes INTEGER NOT NULL,
            created INTEGER NOT NULL, keep_until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE input (
            digest TEXT PRIMARY KEY, name TEXT NOT NULL, is_folder INTEGER NOT NULL, bytes INTEGER NOT NULL,
            created INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE input_file (
            input TEXT NOT NULL REFERENCES input, path TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
            PRIMARY KEY (input, path)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX input_file_blob ON input_file (sha256)",
        """
        CREATE TABLE worker (
            id TEXT PRIMARY KEY, name TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'draining', 'quarantined')),
            slots INTEGER NOT NULL, threads INTEGER NOT NULL, gpus INTEGER NOT NULL, memory INTEGER NOT NULL,
            labels TEXT NOT NULL, version TEXT NOT NULL, session TEXT NOT NULL,
            trusted_from INTEGER NOT NULL DEFAULT 0,
            first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE exchange (
            session TEXT NOT NULL, number INTEGER NOT NULL, reply TEXT NOT NULL,
            PRIMARY KEY (session, number)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE request_key (
            key TEXT PRIMARY KEY, digest TEXT NOT NULL, reply TEXT NOT NULL, created INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE token (
            id TEXT PRIMARY KEY, hash TEXT NOT NULL, scope TEXT NOT NULL, note TEXT NOT NULL,
            created INTEGER NOT NULL, expires INTEGER, revoked INTEGER
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE event (
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
            job INTEGER REFERENCES job, attempt INTEGER, sweep INTEGER REFERENCES sweep, worker TEXT,
            detail TEXT NOT NULL DEFAULT ''
        ) STRICT
        """,
        "CREATE INDEX event_job ON event (job, id)",
        """
        CREATE TABLE quarantine (
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, job TEXT NOT NULL, attempt INTEGER NOT NULL,
            kind TEXT NOT NULL, body TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX quarantine_job ON quarantine (job, id)",
    ]
}
