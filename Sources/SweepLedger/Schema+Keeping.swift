extension Schema {
    /// As of version 13: jobs made of others, sweeps that were put away, and what people say about both.
    static let keeping: [String] = [
        // `parent` is an id, which outlives the parent's row. `step` 0: from the beginning. `changes`: what
        // was set, as JSON.
        """
        CREATE TABLE job_origin (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
            way TEXT NOT NULL CHECK (way IN ('rerun', 'extend')),
            parent TEXT NOT NULL CHECK (length(parent) = 64), checkpoint TEXT NOT NULL DEFAULT '',
            epoch INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0 CHECK (step >= 0),
            changes TEXT NOT NULL, notice TEXT NOT NULL DEFAULT ''
        ) STRICT
        """,
        "CREATE INDEX job_origin_parent ON job_origin (parent)",
        // A configuration goes with its last job.
        "CREATE INDEX job_configuration ON job (configuration)",
        // The training state that a job begins with, kept for it whatever becomes of its parent's.
        """
        CREATE TABLE origin_file (
            job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, name TEXT NOT NULL,
            sha256 TEXT NOT NULL REFERENCES blob, bytes INTEGER NOT NULL,
            PRIMARY KEY (job, name)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX origin_file_blob ON origin_file (sha256)",
        """
        CREATE VIEW origins AS SELECT j.identity AS job, o.way AS way, o.parent AS parent, o.epoch AS epoch,
            o.step AS step, o.changes AS changes
        FROM job_origin o JOIN job j ON j.id = o.job
        """,
        // `bytes` of the blobs that went.
        """
        CREATE TABLE sweep_archive (
            sweep INTEGER PRIMARY KEY REFERENCES sweep ON DELETE CASCADE, at INTEGER NOT NULL, bytes INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE removed_sweep (
            name TEXT PRIMARY KEY, at INTEGER NOT NULL, jobs INTEGER NOT NULL, blobs INTEGER NOT NULL,
            bytes INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        // How many attempts a job had that was removed: their numbers are never given again, since somebody
        // who held one may come back.
        """
        CREATE TABLE removed_job (
            identity TEXT PRIMARY KEY, attempts INTEGER NOT NULL CHECK (attempts > 0)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE sweep_tag (
            sweep INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE, name TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (sweep, name)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE job_tag (
            job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, name TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (job, name)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX job_tag_name ON job_tag (name, job)",
        """
        CREATE TABLE sweep_note (
            sweep INTEGER PRIMARY KEY REFERENCES sweep ON DELETE CASCADE, text TEXT NOT NULL, at INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE job_note (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, text TEXT NOT NULL, at INTEGER NOT NULL
        ) STRICT
        """,
        // Of a sweep where `job` is NULL.
        """
        CREATE VIEW tags AS SELECT s.name AS sweep, NULL AS job, t.name AS tag, t.at AS at
        FROM sweep_tag t JOIN sweep s ON s.id = t.sweep
        UNION ALL SELECT s.name, j.identity, t.name, t.at
        FROM job_tag t JOIN job j ON j.id = t.job JOIN sweep s ON s.id = j.sweep
        """,
        """
        CREATE VIEW notes AS SELECT s.name AS sweep, NULL AS job, n.text AS note, n.at AS at
        FROM sweep_note n JOIN sweep s ON s.id = n.sweep
        UNION ALL SELECT s.name, j.identity, n.text, n.at
        FROM job_note n JOIN job j ON j.id = n.job JOIN sweep s ON s.id = j.sweep
        """,
    ]
}
