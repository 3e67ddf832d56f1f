extension Schema {
    /// As of version 12: when jobs have trained enough, and the decisions. A decision is of the attempt
    /// that it was made in; every later one finishes with what is there.
    static let stopRules = [
        """
        CREATE TABLE stop_rule (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, metric TEXT NOT NULL,
            better TEXT NOT NULL CHECK (better IN ('lower', 'higher')), patience INTEGER NOT NULL CHECK (patience > 0),
            min_delta REAL NOT NULL, after INTEGER NOT NULL, needs_adapter INTEGER NOT NULL CHECK (needs_adapter IN (0, 1))
        ) STRICT
        """,
        """
        CREATE TABLE stop_decision (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, attempt INTEGER NOT NULL, step INTEGER NOT NULL,
            reason TEXT NOT NULL, at INTEGER NOT NULL
        ) STRICT
        """,
    ]
}
