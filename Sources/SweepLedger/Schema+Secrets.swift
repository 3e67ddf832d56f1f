extension Schema {
    /// What no query of a user may show stands in tables of its own, which the gate never opens
    /// (`ReadOnlyQuery`): a column beside public ones can be reached by SQL that no authorizer is asked
    /// about.
    ///
    /// Columns are dropped in place; no table that others refer to is made anew.
    static let secretsApart: [String] = [
        // Environments and templates of a sweep file may hold credentials.
        """
        CREATE TABLE job_spec (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, spec TEXT NOT NULL
        ) STRICT
        """,
        "INSERT INTO job_spec (job, spec) SELECT id, spec FROM job",
        "ALTER TABLE job DROP COLUMN spec",
        """
        CREATE TABLE sweep_bundle (
            sweep INTEGER NOT NULL, digest TEXT NOT NULL, bundle TEXT NOT NULL,
            PRIMARY KEY (sweep, digest), FOREIGN KEY (sweep, digest) REFERENCES sweep_file ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID
        """,
        "INSERT INTO sweep_bundle (sweep, digest, bundle) SELECT sweep, digest, bundle FROM sweep_file",
        "ALTER TABLE sweep_file DROP COLUMN bundle",
        // Who knows a session can report in its name.
        """
        CREATE TABLE attempt_session (
            attempt INTEGER PRIMARY KEY REFERENCES attempt ON DELETE CASCADE, session TEXT NOT NULL
        ) STRICT
        """,
        "INSERT INTO attempt_session (attempt, session) SELECT id, session FROM attempt",
        "ALTER TABLE attempt DROP COLUMN session",
        """
        CREATE TABLE worker_session (
            worker TEXT PRIMARY KEY REFERENCES worker ON DELETE CASCADE, session TEXT NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "INSERT INTO worker_session (worker, session) SELECT id, session FROM worker",
        "ALTER TABLE worker DROP COLUMN session",
        """
        CREATE TABLE token_hash (
            token TEXT PRIMARY KEY REFERENCES token ON DELETE CASCADE, hash TEXT NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "INSERT INTO token_hash (token, hash) SELECT id, hash FROM token",
        "ALTER TABLE token DROP COLUMN hash",
    ]
}
