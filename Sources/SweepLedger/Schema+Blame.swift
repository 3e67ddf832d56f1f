extension Schema {
    /// Who was stopped or suspended and why, and what tables of version 1 have no columns for.
    static let blame: [String] = [
        """
        CREATE TABLE sweep_stop (
            sweep INTEGER PRIMARY KEY REFERENCES sweep, at INTEGER NOT NULL, reason TEXT NOT NULL
        ) STRICT
        """,
        // Sweeps a job of which ever logged a point, saved a checkpoint or was done; noted when it is first
        // asked.
        "CREATE TABLE sweep_progress (sweep INTEGER PRIMARY KEY REFERENCES sweep) STRICT",
        // Of each job whose newest failure tells about others: its fingerprint, and how often in a row.
        """
        CREATE TABLE job_failure (
            job INTEGER PRIMARY KEY REFERENCES job, fingerprint TEXT NOT NULL, attempt INTEGER NOT NULL,
            failures INTEGER NOT NULL, worker TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX job_failure_print ON job_failure (fingerprint)",
        // `newest`: row of the newest attempt there was; later ones of the worker are trials.
        """
        CREATE TABLE worker_suspension (
            worker TEXT PRIMARY KEY, since INTEGER NOT NULL, strikes INTEGER NOT NULL, trial_at INTEGER NOT NULL,
            newest INTEGER NOT NULL, reason TEXT NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        // When it said goodbye, and since when it drains.
        """
        CREATE TABLE worker_mark (
            worker TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('goodbye', 'draining')), at INTEGER NOT NULL,
            PRIMARY KEY (worker, kind)
        ) STRICT, WITHOUT ROWID
        """,
        // JSON list; a worker without a row is of the time before they were registered.
        "CREATE TABLE worker_core (worker TEXT PRIMARY KEY, versions TEXT NOT NULL) STRICT, WITHOUT ROWID",
        // Names of workers that are gone, for the history of attempts.
        """
        CREATE TABLE forgotten_worker (
            worker TEXT PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        // There is no such state any more: a worker that was in it is simply tried again.
        "UPDATE worker SET state = 'active' WHERE state = 'quarantined'",
    ]
}
