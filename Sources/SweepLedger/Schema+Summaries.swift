extension Schema {
    /// As of version 15: what rankings and overviews read instead of every point and result. All of it is
    /// kept in the transactions that change what it sums up, and says what the views say
    /// (`SummaryFaults`).
    ///
    /// `curve_summary`: of a job's curve, as `metrics` shows it, the last point and the first of its lowest
    /// and highest. `result_mean`: the rows of `results` that are averaged over classes.
    /// `sweep_curve`, `sweep_measure`: what a sweep's jobs have of both. `evaluation_count`: how many of the
    /// jobs that `sweep_count` counts are evaluations. `stop_state`: how far a stop rule has weighed a curve.
    static let summaries: [String] =
        summaryTables + summaryFill + summaryTriggers + [
            // States that few jobs are in: a page of them must not pass over all others.
            "CREATE INDEX job_failed ON job (id) WHERE state = 'failed'",
            "CREATE INDEX job_parked ON job (id) WHERE state = 'parked'",
            "CREATE INDEX job_canceled ON job (id) WHERE state = 'canceled'",
            "CREATE INDEX job_paused ON job (id) WHERE state = 'paused'",
            // How a sweep wants jobs measured that it shares with others.
            """
            CREATE TABLE protocol_wish (
                id INTEGER PRIMARY KEY, sweep INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE,
                protocol TEXT NOT NULL, created INTEGER NOT NULL, UNIQUE (sweep, protocol)
            ) STRICT
            """,
        ]

    private static let summaryTables: [String] = [
        """
        CREATE TABLE curve_summary (
            key INTEGER NOT NULL REFERENCES metric_key, job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
            step INTEGER NOT NULL, value REAL,
            low REAL, low_step INTEGER, high REAL, high_step INTEGER,
            PRIMARY KEY (key, job)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX curve_summary_job ON curve_summary (job)",
        """
        CREATE TABLE measure (
            id INTEGER PRIMARY KEY, metric TEXT NOT NULL, prompts TEXT NOT NULL, UNIQUE (metric, prompts)
        ) STRICT
        """,
        """
        CREATE TABLE result_mean (
            measure INTEGER NOT NULL REFERENCES measure, job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
            checkpoint TEXT NOT NULL, epoch INTEGER NOT NULL, step INTEGER NOT NULL, value REAL, n INTEGER NOT NULL,
            PRIMARY KEY (measure, job, checkpoint)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX result_mean_job ON result_mean (job, step)",
        """
        CREATE TABLE sweep_curve (
            sweep INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE, key INTEGER NOT NULL REFERENCES metric_key,
            jobs INTEGER NOT NULL, PRIMARY KEY (sweep, key)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE sweep_measure (
            sweep INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE, measure INTEGER NOT NULL REFERENCES measure,
            results INTEGER NOT NULL, PRIMARY KEY (sweep, measure)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE evaluation_count (
            sweep INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE, state TEXT NOT NULL, jobs INTEGER NOT NULL,
            PRIMARY KEY (sweep, state)
        ) STRICT, WITHOUT ROWID
        """,
        // `met`: the step by which the rule was met, after which nothing more is weighed.
        """
        CREATE TABLE stop_state (
            job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, step INTEGER NOT NULL,
            best REAL, best_step INTEGER, waited INTEGER NOT NULL, met INTEGER
        ) STRICT
        """,
    ]

    /// Of an older ledger: each curve is walked a few times by its index.
    private static let summaryFill: [String] = [
        """
        INSERT INTO curve_summary (key, job, step) SELECT key, job, step FROM (
            SELECT c.key AS key, c.job AS job, (
                SELECT max(m.step) FROM span p JOIN metric m ON m.attempt = p.attempt
                WHERE p.job = c.job AND m.key = c.key AND \(isVisible("m.step"))) AS step
            FROM (SELECT DISTINCT m.key AS key, a.job AS job FROM attempt a JOIN metric m ON m.attempt = a.id) c)
        WHERE step IS NOT NULL
        """,
        """
        UPDATE curve_summary SET value = (
            SELECT m.value FROM span p JOIN metric m ON m.attempt = p.attempt
            WHERE p.job = curve_summary.job AND m.key = curve_summary.key AND m.step = curve_summary.step
                AND \(isVisible("m.step")) LIMIT 1)
        """,
        extreme("low", "value, step"), extreme("high", "value DESC, step"),
        """
        INSERT INTO measure (metric, prompts) SELECT DISTINCT metric, prompts FROM evaluation WHERE class = '' ORDER BY 1, 2
        """,
        """
        INSERT INTO result_mean (measure, job, checkpoint, epoch, step, value, n)
        SELECT k.id, p.job, e.checkpoint, e.epoch, e.step, e.value, e.n
        FROM span p JOIN evaluation e ON e.attempt = p.attempt
        JOIN measure k ON k.metric = e.metric AND k.prompts = e.prompts
        WHERE e.class = '' AND e.step <= p.high AND NOT EXISTS (
            SELECT 1 FROM attempt q JOIN evaluation f ON f.attempt = q.id
            WHERE q.job = p.job AND q.number > p.number AND f.checkpoint = e.checkpoint AND f.prompts = e.prompts
                AND f.class = e.class AND f.metric = e.metric)
        """,
        """
        INSERT INTO sweep_curve (sweep, key, jobs)
        SELECT m.sweep, c.key, count(*) FROM curve_summary c JOIN member m ON m.job = c.job GROUP BY 1, 2
        """,
        """
        INSERT INTO sweep_measure (sweep, measure, results)
        SELECT m.sweep, r.measure, count(*) FROM result_mean r JOIN member m ON m.job = r.job GROUP BY 1, 2
        """,
        """
        INSERT INTO evaluation_count (sweep, state, jobs)
        SELECT m.sweep, j.state, count(*) FROM evaluation_job e JOIN member m ON m.job = e.job JOIN job j ON j.id = e.job
        GROUP BY 1, 2
        """,
    ]

    private static func extreme(_ column: String, _ order: String) -> String {
        """
        UPDATE curve_summary SET (\(column), \(column)_step) = (
            SELECT m.value AS value, m.step AS step FROM span p JOIN metric m ON m.attempt = p.attempt
            WHERE p.job = curve_summary.job AND m.key = curve_summary.key AND m.value IS NOT NULL
                AND \(isVisible("m.step")) ORDER BY \(order) LIMIT 1)
        """
    }

    private static let summaryTriggers: [String] = [
        """
        CREATE TRIGGER curve_summary_added AFTER INSERT ON curve_summary BEGIN
            INSERT INTO sweep_curve (sweep, key, jobs) SELECT sweep, new.key, 1 FROM member WHERE job = new.job
                ON CONFLICT (sweep, key) DO UPDATE SET jobs = jobs + 1;
        END
        """,
        """
        CREATE TRIGGER curve_summary_removed AFTER DELETE ON curve_summary BEGIN
            UPDATE sweep_curve SET jobs = jobs - 1
            WHERE key = old.key AND sweep IN (SELECT sweep FROM member WHERE job = old.job);
        END
        """,
        """
        CREATE TRIGGER result_mean_added AFTER INSERT ON result_mean BEGIN
            INSERT INTO sweep_measure (sweep, measure, results) SELECT sweep, new.measure, 1 FROM member WHERE job = new.job
                ON CONFLICT (sweep, measure) DO UPDATE SET results = results + 1;
        END
        """,
        """
        CREATE TRIGGER result_mean_removed AFTER DELETE ON result_mean BEGIN
            UPDATE sweep_measure SET results = results - 1
            WHERE measure = old.measure AND sweep IN (SELECT sweep FROM member WHERE job = old.job);
        END
        """,
        """
        CREATE TRIGGER member_summed AFTER INSERT ON member BEGIN
            INSERT INTO sweep_curve (sweep, key, jobs) SELECT new.sweep, key, 1 FROM curve_summary WHERE job = new.job
                ON CONFLICT (sweep, key) DO UPDATE SET jobs = jobs + 1;
            INSERT INTO sweep_measure (sweep, measure, results)
                SELECT new.sweep, measure, count(*) FROM result_mean WHERE job = new.job GROUP BY measure
                ON CONFLICT (sweep, measure) DO UPDATE SET results = results + excluded.results;
            INSERT INTO evaluation_count (sweep, state, jobs)
                SELECT new.sweep, j.state, 1 FROM evaluation_job e JOIN job j ON j.id = e.job WHERE e.job = new.job
                ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs + 1;
        END
        """,
        """
        CREATE TRIGGER member_removed AFTER DELETE ON member BEGIN
            UPDATE sweep_curve SET jobs = jobs - 1
            WHERE sweep = old.sweep AND key IN (SELECT key FROM curve_summary WHERE job = old.job);
            UPDATE sweep_measure SET results = results
                - (SELECT count(*) FROM result_mean r WHERE r.job = old.job AND r.measure = sweep_measure.measure)
            WHERE sweep = old.sweep AND measure IN (SELECT measure FROM result_mean WHERE job = old.job);
            UPDATE evaluation_count SET jobs = jobs - 1 WHERE sweep = old.sweep AND state = (
                SELECT j.state FROM evaluation_job e JOIN job j ON j.id = e.job WHERE e.job = old.job);
        END
        """,
        """
        CREATE TRIGGER evaluation_job_added AFTER INSERT ON evaluation_job BEGIN
            INSERT INTO evaluation_count (sweep, state, jobs)
                SELECT m.sweep, j.state, 1 FROM member m JOIN job j ON j.id = m.job WHERE m.job = new.job
                ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs + 1;
        END
        """,
        """
        CREATE TRIGGER evaluation_job_removed AFTER DELETE ON evaluation_job BEGIN
            UPDATE evaluation_count SET jobs = jobs - 1 WHERE EXISTS (
                SELECT 1 FROM member m JOIN job j ON j.id = m.job
                WHERE m.job = old.job AND m.sweep = evaluation_count.sweep AND j.state = evaluation_count.state);
        END
        """,
        """
        CREATE TRIGGER evaluation_state AFTER UPDATE OF state ON job
            WHEN old.state <> new.state AND EXISTS (SELECT 1 FROM evaluation_job WHERE job = new.id) BEGIN
            INSERT INTO evaluation_count (sweep, state, jobs) SELECT sweep, old.state, -1 FROM member WHERE job = new.id
                ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs - 1;
            INSERT INTO evaluation_count (sweep, state, jobs) SELECT sweep, new.state, 1 FROM member WHERE job = new.id
                ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs + 1;
        END
        """,
    ]
}
