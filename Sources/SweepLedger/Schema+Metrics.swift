extension Schema {
    /// As of version 10: what the newest file of a sweep says about metrics, in the file's order, which
    /// `place` keeps.
    static let sweepMetrics = [
        """
        CREATE TABLE sweep_metric (
            sweep INTEGER NOT NULL REFERENCES sweep, name TEXT NOT NULL, place INTEGER NOT NULL,
            better TEXT CHECK (better IN ('lower', 'higher')), unit TEXT, title TEXT, prompts TEXT,
            weight REAL CHECK (weight > 0),
            PRIMARY KEY (sweep, name)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE VIEW sweep_metrics AS SELECT s.name AS sweep, m.name AS metric, m.better AS better, m.unit AS unit,
            m.title AS title, m.prompts AS prompts, m.weight AS weight, m.place AS place
        FROM sweep_metric m JOIN sweep s ON s.id = m.sweep
        """,
    ]
}
