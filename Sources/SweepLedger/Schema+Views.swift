extension Schema {
    /// Counters by state are kept where the state changes, so that no status has to count a million rows.
    static let triggers: [String] = [
        """
        CREATE TRIGGER job_state AFTER UPDATE OF state ON job WHEN old.state <> new.state BEGIN
            INSERT INTO sweep_count (sweep, state, jobs) SELECT sweep, old.state, -1 FROM member WHERE job = new.id
                ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs - 1;
            INSERT INTO sweep_count (sweep, state, jobs) SELECT sweep, new.state, 1 FROM member WHERE job = new.id
                ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs + 1;
        END
        """,
        """
        CREATE TRIGGER member_added AFTER INSERT ON member BEGIN
            INSERT INTO sweep_count (sweep, state, jobs) SELECT new.sweep, state, 1 FROM job WHERE id = new.job
                ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs + 1;
        END
        """,
    ]

    /// The splice of attempts. `low`: rows of the attempt count from the step after it (−1 for a start from
    /// the beginning, so that step 0 counts). `high`: the smallest step that a later attempt went on from;
    /// what lies beyond it was done again.
    private static let span = """
        CREATE VIEW span AS SELECT a.id AS attempt, a.job, a.number,
            CASE WHEN a.resumed_step = 0 THEN -1 ELSE a.resumed_step END AS low,
            coalesce((SELECT min(CASE WHEN b.resumed_step = 0 THEN -1 ELSE b.resumed_step END)
                      FROM attempt b WHERE b.job = a.job AND b.number > a.number), 9223372036854775807) AS high
        FROM attempt a
        """

    /// The splice of checkpoints. Those of the step that an attempt went on from are those of the attempt
    /// that saved the state, unless it was lost between the state and the adapter: then the first adapter
    /// that a later one wrote counts.
    static let visibleCheckpoints = """
        CREATE VIEW visible_checkpoint AS SELECT c.id AS checkpoint, p.attempt, p.job, p.number, c.step,
            c.step = p.low AS is_resumed_step
        FROM span p JOIN checkpoint c ON c.attempt = p.attempt
        WHERE c.step >= p.low AND c.step <= p.high AND (c.step > p.low OR (
            EXISTS (SELECT 1 FROM checkpoint_file f WHERE f.checkpoint = c.id AND f.kind = 'adapter')
            AND NOT EXISTS (
                SELECT 1 FROM span q JOIN checkpoint d ON d.attempt = q.attempt
                JOIN checkpoint_file g ON g.checkpoint = d.id AND g.kind = 'adapter'
                WHERE q.job = p.job AND q.number < p.number AND d.step = c.step AND d.step >= q.low AND d.step <= q.high)))
        """

    /// As of version 4.
    static let checkpoints = """
        CREATE VIEW checkpoints AS SELECT j.identity AS job, v.number AS attempt, c.epoch AS epoch, c.step AS step,
            f.kind AS kind, f.sha256 AS sha256, f.bytes AS bytes, c.name AS name, f.name AS file, c.final AS final
        FROM job j JOIN visible_checkpoint v ON v.job = j.id JOIN checkpoint c ON c.id = v.checkpoint
        JOIN checkpoint_file f ON f.checkpoint = c.id
        WHERE v.is_resumed_step = 0 OR f.kind = 'adapter'
        """

    /// Whether point `m` of span `p` counts. Those of the very step that an attempt went on from are as a
    /// rule those of the attempt that saved the state; what only a later one logged there (a validation at
    /// its start) counts, once.
    static func isVisible(_ step: String) -> String {
        """
        \(step) >= p.low AND \(step) <= p.high AND (\(step) > p.low OR NOT EXISTS (
            SELECT 1 FROM span q JOIN metric e ON e.attempt = q.attempt AND e.key = m.key AND e.step = m.step
            WHERE q.job = p.job AND q.number < p.number AND e.step >= q.low AND e.step <= q.high))
        """
    }

    /// As of version 5.
    static let metrics = """
        CREATE VIEW metrics AS SELECT j.identity AS job, p.number AS attempt, k.name AS key, m.step AS step, m.value AS value
        FROM job j JOIN span p ON p.job = j.id JOIN metric m ON m.attempt = p.attempt JOIN metric_key k ON k.id = m.key
        WHERE \(isVisible("m.step"))
        """

    /// As of version 5. The largest step is the same whether or not a point of a resumed step counts.
    static let latestMetrics = """
        CREATE VIEW latest_metrics AS SELECT j.identity AS job, k.name AS key, l.step AS step, m.value AS value
        FROM job j JOIN (
            SELECT p.job AS job, m.key AS key, max(m.step) AS step
            FROM span p JOIN metric m ON m.attempt = p.attempt
            WHERE m.step >= p.low AND m.step <= p.high GROUP BY p.job, m.key
        ) l ON l.job = j.id
        JOIN metric_key k ON k.id = l.key
        JOIN span p ON p.job = l.job
        JOIN metric m ON m.attempt = p.attempt AND m.key = l.key AND m.step = l.step
        WHERE \(isVisible("l.step"))
        """

    /// As of version 9: `results`, image by image. Image i started from the noise of seed 1000 + i.
    static let imageResults = """
        CREATE VIEW image_results AS SELECT j.identity AS job, s.name AS sweep, e.checkpoint AS checkpoint, e.epoch AS epoch,
            e.step AS step, e.class AS class, e.prompts AS prompts, e.metric AS metric, v.key AS image,
            1000 + v.key AS seed, CAST(v.value AS REAL) AS value
        FROM job j JOIN sweep s ON s.id = j.sweep JOIN span p ON p.job = j.id JOIN evaluation e ON e.attempt = p.attempt
        JOIN json_each(e.image_values) v
        WHERE e.step <= p.high AND NOT EXISTS (
            SELECT 1 FROM span q JOIN evaluation f ON f.attempt = q.attempt
            WHERE q.job = j.id AND q.number > p.number AND f.checkpoint = e.checkpoint AND f.prompts = e.prompts
                AND f.class = e.class AND f.metric = e.metric)
        """

    /// As of version 8.
    static let notices = """
        CREATE VIEW notices AS SELECT j.identity AS job, a.number AS attempt, n.kind AS kind, n.count AS count,
            n.detail AS detail
        FROM attempt_notice n JOIN attempt a ON a.id = n.attempt JOIN job j ON j.id = a.job
        """

    /// What users query; names and columns are a contract.
    static let views: [String] = [
        span,
        """
        CREATE VIEW jobs AS SELECT j.identity AS id, s.name AS sweep, j.configuration AS configuration, j.state AS state,
            j.seed AS seed, j.attempt AS attempts, j.worker AS worker, j.failure AS failure, c.parameters AS parameters,
            j.message AS message, j.priority AS priority, j.created AS created, j.updated AS updated
        FROM job j JOIN sweep s ON s.id = j.sweep JOIN configuration c ON c.id = j.configuration
        """,
        """
        CREATE VIEW members AS SELECT s.name AS sweep, j.identity AS job, m.group_name AS group_name,
            j.configuration AS configuration, m.parameters AS parameters
        FROM member m JOIN sweep s ON s.id = m.sweep JOIN job j ON j.id = m.job
        """,
        """
        CREATE VIEW metrics AS SELECT j.identity AS job, p.number AS attempt, k.name AS key, m.step AS step, m.value AS value
        FROM job j JOIN span p ON p.job = j.id JOIN metric m ON m.attempt = p.attempt JOIN metric_key k ON k.id = m.key
        WHERE m.step > p.low AND m.step <= p.high
        """,
        """
        CREATE VIEW latest_metrics AS SELECT j.identity AS job, k.name AS key, l.step AS step, m.value AS value
        FROM job j JOIN (
            SELECT p.job AS job, m.key AS key, max(m.step) AS step
            FROM span p JOIN metric m ON m.attempt = p.attempt
            WHERE m.step > p.low AND m.step <= p.high GROUP BY p.job, m.key
        ) l ON l.job = j.id
        JOIN metric_key k ON k.id = l.key
        JOIN span p ON p.job = l.job AND l.step > p.low AND l.step <= p.high
        JOIN metric m ON m.attempt = p.attempt AND m.key = l.key AND m.step = l.step
        """,
        """
        CREATE VIEW checkpoints AS SELECT j.identity AS job, p.number AS attempt, c.epoch AS epoch, c.step AS step,
            f.kind AS kind, f.sha256 AS sha256, f.bytes AS bytes, c.name AS name, f.name AS file, c.final AS final
        FROM job j JOIN span p ON p.job = j.id JOIN checkpoint c ON c.attempt = p.attempt
        JOIN checkpoint_file f ON f.checkpoint = c.id
        WHERE c.step > p.low AND c.step <= p.high
        """,
        // An attempt evaluates checkpoints of earlier ones too, so only `high` counts; of several results the
        // newest attempt's stands.
        """
        CREATE VIEW results AS SELECT j.identity AS job, s.name AS sweep, e.checkpoint AS checkpoint, e.epoch AS epoch,
            e.step AS step, e.class AS class, e.prompts AS prompts, e.metric AS metric, e.value AS value, e.n AS n
        FROM job j JOIN sweep s ON s.id = j.sweep JOIN span p ON p.job = j.id JOIN evaluation e ON e.attempt = p.attempt
        WHERE e.step <= p.high AND NOT EXISTS (
            SELECT 1 FROM span q JOIN evaluation f ON f.attempt = q.attempt
            WHERE q.job = j.id AND q.number > p.number AND f.checkpoint = e.checkpoint AND f.prompts = e.prompts
                AND f.class = e.class AND f.metric = e.metric)
        """,
        """
        CREATE VIEW artifacts AS SELECT j.identity AS job, a.checkpoint AS checkpoint, a.kind AS kind, a.name AS name,
            a.sha256 AS sha256, a.bytes AS bytes
        FROM job j JOIN span p ON p.job = j.id JOIN artifact a ON a.attempt = p.attempt
        WHERE a.step <= p.high AND NOT EXISTS (
            SELECT 1 FROM span q JOIN artifact b ON b.attempt = q.attempt
            WHERE q.job = j.id AND q.number > p.number AND b.kind = a.kind AND b.name = a.name)
        """,
    ]
}
