extension Schema {
    /// As of version 18: invitations and the tokens that they became; what sweeps may take.
    static let joining: [String] = [
        // `hash`: SHA-256 of the whole code. `token`: what it was exchanged for; then it lets nobody else in.
        // A table of its own, which queries of users do not reach.
        """
        CREATE TABLE invitation (
            id TEXT PRIMARY KEY, hash TEXT NOT NULL, scope TEXT NOT NULL, note TEXT NOT NULL,
            created INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER, token TEXT,
            CHECK ((used IS NULL) = (token IS NULL))
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX invitation_token ON invitation (token) WHERE token IS NOT NULL",
        // What a sweep may take, and what its attempts that ended took: milliseconds, and money times 3.6
        // million (the price of an hour times milliseconds). `since`: attempts from before cost it nothing.
        // `done` and `done_time`: jobs that it finished, and all attempts' time of those.
        """
        CREATE TABLE sweep_budget (
            sweep INTEGER PRIMARY KEY REFERENCES sweep ON DELETE CASCADE, hours REAL, money REAL,
            since INTEGER NOT NULL, spent_time INTEGER NOT NULL DEFAULT 0, spent_money REAL NOT NULL DEFAULT 0,
            done INTEGER NOT NULL DEFAULT 0, done_time INTEGER NOT NULL DEFAULT 0,
            CHECK (hours IS NOT NULL OR money IS NOT NULL)
        ) STRICT
        """,
        // What an hour of the attempt's slot cost, where its worker said.
        """
        CREATE TABLE attempt_price (
            attempt INTEGER PRIMARY KEY REFERENCES attempt ON DELETE CASCADE, price REAL NOT NULL CHECK (price >= 0)
        ) STRICT
        """,
        // However an attempt ends, its time is counted in the same transaction, once.
        """
        CREATE TRIGGER attempt_spent AFTER UPDATE OF ended ON attempt
        WHEN OLD.ended IS NULL AND NEW.ended IS NOT NULL AND EXISTS (SELECT 1 FROM sweep_budget) BEGIN
            UPDATE sweep_budget SET spent_time = spent_time + max(0, NEW.ended - NEW.started),
                spent_money = spent_money + max(0, NEW.ended - NEW.started)
                    * coalesce((SELECT p.price FROM attempt_price p WHERE p.attempt = NEW.id), 0),
                done = done + (NEW.outcome = 'done'),
                done_time = done_time + CASE WHEN NEW.outcome = 'done' THEN (
                    SELECT sum(max(0, a.ended - a.started)) FROM attempt a
                    WHERE a.job = NEW.job AND a.ended IS NOT NULL) ELSE 0 END
            WHERE since <= NEW.started AND sweep IN (SELECT m.sweep FROM member m WHERE m.job = NEW.job);
        END
        """,
    ]
}
