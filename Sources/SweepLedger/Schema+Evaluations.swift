extension Schema {
    /// As of version 11: evaluations as jobs of their own.
    ///
    /// `evaluation_wish` says what a sweep's trained jobs are to be measured by beside what their trainer
    /// measures; every job that becomes done is held against it. `confirmation` holds what the best one
    /// measured on prompts and noise that nothing was chosen by.
    static let evaluationJobs = [
        """
        CREATE TABLE evaluation_wish (
            id INTEGER PRIMARY KEY, sweep INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE, spec TEXT NOT NULL,
            scope TEXT NOT NULL CHECK (scope IN ('final', 'all')), created INTEGER NOT NULL,
            UNIQUE (sweep, scope, spec)
        ) STRICT
        """,
        """
        CREATE TABLE evaluation_job (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
            subject INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, checkpoint TEXT NOT NULL,
            purpose TEXT NOT NULL CHECK (purpose IN ('measure', 'confirm'))
        ) STRICT
        """,
        "CREATE INDEX evaluation_job_subject ON evaluation_job (subject)",
        """
        CREATE TABLE confirmation (
            source INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, checkpoint TEXT NOT NULL,
            epoch INTEGER NOT NULL, step INTEGER NOT NULL,
            class TEXT NOT NULL, prompts TEXT NOT NULL, metric TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
            image_values TEXT, image_notes TEXT,
            PRIMARY KEY (source, prompts, class, metric)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE confirmation_choice (
            sweep INTEGER PRIMARY KEY REFERENCES sweep ON DELETE CASCADE, trained INTEGER NOT NULL,
            configuration TEXT, created INTEGER NOT NULL
        ) STRICT
        """,
        // Of rows that an evaluation job measured: its row.
        "ALTER TABLE evaluation ADD COLUMN source INTEGER",
        "ALTER TABLE evaluation ADD COLUMN image_notes TEXT",
        "DROP VIEW image_results", imageResultsWithNotes,
        "DROP VIEW jobs", jobsWithKind,
        "DROP VIEW members", membersThatTrain,
        """
        CREATE VIEW confirmations AS SELECT j.identity AS job, s.name AS sweep, c.checkpoint AS checkpoint,
            c.epoch AS epoch, c.step AS step, c.class AS class, c.prompts AS prompts, c.metric AS metric,
            c.value AS value, c.n AS n
        FROM confirmation c JOIN evaluation_job e ON e.job = c.source JOIN job j ON j.id = e.subject
        JOIN member m ON m.job = c.source JOIN sweep s ON s.id = m.sweep
        """,
    ]

    private static let imageResultsWithNotes = imageResults.replacing(
        "CAST(v.value AS REAL) AS value",
        with: """
            CAST(v.value AS REAL) AS value,
                (SELECT t.value FROM json_each(e.image_notes) t WHERE t.key = v.key) AS note
            """)

    private static let jobsWithKind = """
        CREATE VIEW jobs AS SELECT j.identity AS id, s.name AS sweep, j.configuration AS configuration, j.state AS state,
            j.seed AS seed, j.attempt AS attempts, j.worker AS worker, j.failure AS failure, c.parameters AS parameters,
            j.message AS message, j.priority AS priority, j.created AS created, j.updated AS updated,
            CASE WHEN e.job IS NULL THEN 'train' ELSE 'evaluate' END AS kind,
            (SELECT t.identity FROM job t WHERE t.id = e.subject) AS subject
        FROM job j JOIN sweep s ON s.id = j.sweep JOIN configuration c ON c.id = j.configuration
        LEFT JOIN evaluation_job e ON e.job = j.id
        """

    private static let membersThatTrain = """
        CREATE VIEW members AS SELECT s.name AS sweep, j.identity AS job, m.group_name AS group_name,
            j.configuration AS configuration, m.parameters AS parameters
        FROM member m JOIN sweep s ON s.id = m.sweep JOIN job j ON j.id = m.job
        WHERE NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = m.job)
        """
}
