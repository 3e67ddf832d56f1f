extension Schema {
    /// As of version 20: what sweeps cost so far, and what operators are told.
    static let operating: [String] = costs + webhooks

    /// `sweep_cost`: the attempts of a sweep's jobs, and the milliseconds of those that ended. However an
    /// attempt begins and ends, it is counted in the same transaction.
    private static let costs: [String] = [
        """
        CREATE TABLE sweep_cost (
            sweep INTEGER PRIMARY KEY REFERENCES sweep ON DELETE CASCADE, attempts INTEGER NOT NULL,
            milliseconds INTEGER NOT NULL
        ) STRICT
        """,
        """
        INSERT INTO sweep_cost (sweep, attempts, milliseconds)
        SELECT s.id, count(a.id), coalesce(sum(a.ended - a.started), 0)
        FROM sweep s LEFT JOIN member m ON m.sweep = s.id LEFT JOIN attempt a ON a.job = m.job GROUP BY s.id
        """,
        """
        CREATE TRIGGER sweep_costs AFTER INSERT ON sweep BEGIN
            INSERT INTO sweep_cost (sweep, attempts, milliseconds) VALUES (new.id, 0, 0);
        END
        """,
        """
        CREATE TRIGGER attempt_cost_begun AFTER INSERT ON attempt BEGIN
            UPDATE sweep_cost SET attempts = attempts + 1,
                milliseconds = milliseconds + coalesce(new.ended - new.started, 0)
            WHERE sweep IN (SELECT sweep FROM member WHERE job = new.job);
        END
        """,
        """
        CREATE TRIGGER attempt_cost_ended AFTER UPDATE OF ended ON attempt BEGIN
            UPDATE sweep_cost SET milliseconds = milliseconds
                + coalesce(new.ended - new.started, 0) - coalesce(old.ended - old.started, 0)
            WHERE sweep IN (SELECT sweep FROM member WHERE job = new.job);
        END
        """,
        """
        CREATE TRIGGER attempt_cost_removed AFTER DELETE ON attempt BEGIN
            UPDATE sweep_cost SET attempts = attempts - 1,
                milliseconds = milliseconds - coalesce(old.ended - old.started, 0)
            WHERE sweep IN (SELECT sweep FROM member WHERE job = old.job);
        END
        """,
        """
        CREATE TRIGGER member_cost_added AFTER INSERT ON member
        WHEN EXISTS (SELECT 1 FROM attempt WHERE job = new.job) BEGIN
            UPDATE sweep_cost SET attempts = attempts + (SELECT count(*) FROM attempt WHERE job = new.job),
                milliseconds = milliseconds
                    + (SELECT coalesce(sum(ended - started), 0) FROM attempt WHERE job = new.job)
            WHERE sweep = new.sweep;
        END
        """,
        """
        CREATE TRIGGER member_cost_removed AFTER DELETE ON member
        WHEN EXISTS (SELECT 1 FROM attempt WHERE job = old.job) BEGIN
            UPDATE sweep_cost SET attempts = attempts - (SELECT count(*) FROM attempt WHERE job = old.job),
                milliseconds = milliseconds
                    - (SELECT coalesce(sum(ended - started), 0) FROM attempt WHERE job = old.job)
            WHERE sweep = old.sweep;
        END
        """,
    ]

    /// `webhook`: how far the history was told to an address, which stands there as a digest, since addresses
    /// may hold secrets. `webhook_message`: what it is to be told and has not taken yet. Queries of users do
    /// not reach either.
    private static let webhooks: [String] = [
        """
        CREATE TABLE webhook (hook TEXT PRIMARY KEY, told INTEGER NOT NULL) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE webhook_message (
            id INTEGER PRIMARY KEY, hook TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
            body TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL, UNIQUE (hook, name)
        ) STRICT
        """,
        "CREATE INDEX webhook_due ON webhook_message (due)",
    ]
}
