extension Schema {
    /// As of version 16: jobs that others wait for, and what jobs fell back to when memory ran out.
    static let preparations = [
        """
        CREATE TABLE prepare_job (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, name TEXT NOT NULL,
            scope TEXT NOT NULL CHECK (scope IN ('host', 'fleet'))
        ) STRICT
        """,
        // `job` is not handed out before `prepare` is done.
        """
        CREATE TABLE prepare_need (
            job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
            prepare INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
            PRIMARY KEY (job, prepare)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX prepare_need_prepare ON prepare_need (prepare, job)",
        // `attempt`: the last one that ran out of memory; `parameters`: what is set since, as JSON.
        """
        CREATE TABLE oom_fallback (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, level INTEGER NOT NULL CHECK (level > 0),
            attempt INTEGER NOT NULL, parameters TEXT NOT NULL
        ) STRICT
        """,
        // Jobs that need about the same memory of a GPU, and the most that one of them was seen to use.
        """
        CREATE TABLE memory_class (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, class TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX memory_class_class ON memory_class (class)",
        """
        CREATE TABLE gpu_memory (
            class TEXT PRIMARY KEY, bytes INTEGER NOT NULL, attempts INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        // Of the state that the attempt went on from; keys whose steps are epochs.
        "ALTER TABLE attempt ADD COLUMN resumed_epoch INTEGER NOT NULL DEFAULT 0",
        """
        CREATE TABLE epoch_key (
            attempt INTEGER NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (attempt, key)
        ) STRICT, WITHOUT ROWID
        """,
        "DROP VIEW metrics", metricsWithEpochs,
        "DROP VIEW latest_metrics", latestMetricsWithEpochs,
        "DROP VIEW jobs", jobsWithPreparations,
        "DROP VIEW members", membersThatCompare,
    ]

    /// The splice by epochs: those up to the one that a later attempt went on from. Where its state tells no
    /// epoch, what it logged first does.
    private static func isEpochVisible(_ step: String) -> String {
        """
        \(step) > (SELECT CASE WHEN ea.resumed_step = 0 OR ea.resumed_epoch = 0 THEN -1 ELSE ea.resumed_epoch END
            FROM attempt ea WHERE ea.id = p.attempt)
        AND \(step) <= coalesce((SELECT min(CASE WHEN eb.resumed_step = 0 THEN -1
                WHEN eb.resumed_epoch > 0 THEN eb.resumed_epoch
                ELSE (SELECT min(em.step) - 1 FROM metric em WHERE em.attempt = eb.id AND em.key = m.key) END)
            FROM attempt eb WHERE eb.job = p.job AND eb.number > p.number), 9223372036854775807)
        """
    }

    private static let isEpochKey =
        "EXISTS (SELECT 1 FROM epoch_key ek WHERE ek.attempt = m.attempt AND ek.key = m.key)"

    /// Whether a point `m` of an attempt with the span `p` is part of its job's curve.
    static func isShown(_ step: String) -> String {
        "CASE WHEN \(isEpochKey) THEN \(isEpochVisible(step)) ELSE \(isVisible(step)) END"
    }

    private static let metricsWithEpochs = """
        CREATE VIEW metrics AS SELECT j.identity AS job, p.number AS attempt, k.name AS key, m.step AS step, m.value AS value
        FROM job j JOIN span p ON p.job = j.id JOIN metric m ON m.attempt = p.attempt JOIN metric_key k ON k.id = m.key
        WHERE CASE WHEN \(isEpochKey) THEN \(isEpochVisible("m.step")) ELSE \(isVisible("m.step")) END
        """

    private static let latestMetricsWithEpochs = """
        CREATE VIEW latest_metrics AS SELECT j.identity AS job, k.name AS key, l.step AS step, m.value AS value
        FROM job j JOIN (
            SELECT p.job AS job, m.key AS key, max(m.step) AS step
            FROM span p JOIN metric m ON m.attempt = p.attempt
            WHERE CASE WHEN \(isEpochKey) THEN \(isEpochVisible("m.step"))
                ELSE m.step >= p.low AND m.step <= p.high END GROUP BY p.job, m.key
        ) l ON l.job = j.id
        JOIN metric_key k ON k.id = l.key
        JOIN span p ON p.job = l.job
        JOIN metric m ON m.attempt = p.attempt AND m.key = l.key AND m.step = l.step
        WHERE CASE WHEN \(isEpochKey) THEN \(isEpochVisible("l.step")) ELSE \(isVisible("l.step")) END
        """

    private static let jobsWithPreparations = """
        CREATE VIEW jobs AS SELECT j.identity AS id, s.name AS sweep, j.configuration AS configuration, j.state AS state,
            j.seed AS seed, j.attempt AS attempts, j.worker AS worker, j.failure AS failure, c.parameters AS parameters,
            j.message AS message, j.priority AS priority, j.created AS created, j.updated AS updated,
            CASE WHEN e.job IS NOT NULL THEN 'evaluate' WHEN p.job IS NOT NULL THEN 'prepare' ELSE 'train' END AS kind,
            (SELECT t.identity FROM job t WHERE t.id = e.subject) AS subject,
            (SELECT f.parameters FROM oom_fallback f WHERE f.job = j.id) AS fallback
        FROM job j JOIN sweep s ON s.id = j.sweep JOIN configuration c ON c.id = j.configuration
        LEFT JOIN evaluation_job e ON e.job = j.id LEFT JOIN prepare_job p ON p.job = j.id
        """

    private static let membersThatCompare = """
        CREATE VIEW members AS SELECT s.name AS sweep, j.identity AS job, m.group_name AS group_name,
            j.configuration AS configuration, m.parameters AS parameters
        FROM member m JOIN sweep s ON s.id = m.sweep JOIN job j ON j.id = m.job
        WHERE NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = m.job)
            AND NOT EXISTS (SELECT 1 FROM prepare_job p WHERE p.job = m.job)
        """
}
