extension Schema {
    /// As of version 17: which of two pictures people preferred, without knowing whose they were. What the
    /// votes say of each checkpoint stands among its evaluations, as the metric `votes`.
    static let votes = [
        """
        CREATE TABLE vote (
            id INTEGER PRIMARY KEY, sweep INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE,
            at INTEGER NOT NULL, actor TEXT NOT NULL,
            left_job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, left_place TEXT NOT NULL,
            right_job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, right_place TEXT NOT NULL,
            series TEXT NOT NULL, outcome TEXT NOT NULL CHECK (outcome IN ('left', 'right', 'tie'))
        ) STRICT
        """,
        "CREATE INDEX vote_sweep ON vote (sweep, id)",
        "CREATE INDEX vote_left ON vote (left_job)",
        "CREATE INDEX vote_right ON vote (right_job)",
    ]
}
