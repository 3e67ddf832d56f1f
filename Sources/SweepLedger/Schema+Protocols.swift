extension Schema {
    /// As of version 19: the figures of sweeps that draw by a protocol of their own.
    ///
    /// `evaluation_job.apart`: 1 for an evaluation that a sweep asks for by such a protocol. What it measured
    /// stands in `protocol_result` and takes nobody's place: `results` has what the training and its own
    /// sweep measured. `own_protocol`: the jobs of which a sweep sees the former, and nothing of the latter.
    /// `sweep_results`, `sweep_image_results`: what each sweep sees.
    static let ownProtocols: [String] = [
        "ALTER TABLE evaluation_job ADD COLUMN apart INTEGER NOT NULL DEFAULT 0 CHECK (apart IN (0, 1))",
        "CREATE INDEX evaluation_job_apart ON evaluation_job (job) WHERE apart = 1",
        """
        CREATE TABLE protocol_result (
            source INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, checkpoint TEXT NOT NULL,
            epoch INTEGER NOT NULL, step INTEGER NOT NULL,
            class TEXT NOT NULL, prompts TEXT NOT NULL, metric TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
            image_values TEXT, image_notes TEXT,
            PRIMARY KEY (source, prompts, class, metric)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE VIEW own_protocol AS SELECT DISTINCT s.name AS sweep, t.identity AS job
        FROM sweep s CROSS JOIN evaluation_job e ON e.apart = 1 CROSS JOIN member m ON m.sweep = s.id AND m.job = e.job
        CROSS JOIN job t ON t.id = e.subject
        WHERE EXISTS (SELECT 1 FROM protocol_wish w WHERE w.sweep = s.id)
        """,
        // Of two of its protocols a sweep sees the one that it asked for last.
        """
        CREATE VIEW visible_protocol_result AS SELECT s.name AS sweep, t.identity AS job, r.checkpoint, r.epoch, r.step,
            r.class, r.prompts, r.metric, r.value, r.n, r.image_values
        FROM sweep s CROSS JOIN evaluation_job e ON e.apart = 1 CROSS JOIN member m ON m.sweep = s.id AND m.job = e.job
        CROSS JOIN job t ON t.id = e.subject CROSS JOIN protocol_result r ON r.source = e.job
        WHERE EXISTS (SELECT 1 FROM protocol_wish w WHERE w.sweep = s.id) AND NOT EXISTS (
            SELECT 1 FROM evaluation_job f JOIN member n ON n.job = f.job AND n.sweep = s.id
            JOIN protocol_result q ON q.source = f.job
            WHERE f.subject = e.subject AND f.apart = 1 AND f.job > e.job AND q.checkpoint = r.checkpoint
                AND q.prompts = r.prompts AND q.class = r.class AND q.metric = r.metric)
        """,
        """
        CREATE VIEW sweep_results AS
        SELECT m.sweep AS sweep, r.job AS job, r.checkpoint AS checkpoint, r.epoch AS epoch, r.step AS step,
            r.class AS class, r.prompts AS prompts, r.metric AS metric, r.value AS value, r.n AS n
        FROM members m JOIN results r ON r.job = m.job
        WHERE NOT EXISTS (SELECT 1 FROM own_protocol o WHERE o.sweep = m.sweep AND o.job = m.job)
        UNION ALL SELECT sweep, job, checkpoint, epoch, step, class, prompts, metric, value, n
        FROM visible_protocol_result
        """,
        """
        CREATE VIEW sweep_image_results AS
        SELECT m.sweep AS sweep, r.job AS job, r.checkpoint AS checkpoint, r.epoch AS epoch, r.step AS step,
            r.class AS class, r.prompts AS prompts, r.metric AS metric, r.image AS image, r.value AS value
        FROM members m JOIN image_results r ON r.job = m.job
        WHERE NOT EXISTS (SELECT 1 FROM own_protocol o WHERE o.sweep = m.sweep AND o.job = m.job)
        UNION ALL SELECT r.sweep, r.job, r.checkpoint, r.epoch, r.step, r.class, r.prompts, r.metric, v.key,
            CAST(v.value AS REAL)
        FROM visible_protocol_result r JOIN json_each(r.image_values) v
        """,
    ]

    /// As of version 22: of several protocols that draw otherwise a sweep sees the one that its newest file
    /// asks for, also where it asked for another one in between. No evaluation takes the place of what its
    /// training measured.
    ///
    /// `drawing`: what decides the figures of the same name, as ``drawing(_:)`` writes it.
    static let drawings: [String] = [
        "ALTER TABLE evaluation_job ADD COLUMN drawing TEXT",
        "ALTER TABLE protocol_wish ADD COLUMN drawing TEXT",
        "UPDATE evaluation_job SET drawing = (SELECT \(drawing("p.spec")) FROM job_spec p WHERE p.job = evaluation_job.job)",
        "UPDATE protocol_wish SET drawing = \(drawing("protocol"))",
        // Those that an earlier program asked for and nobody has measured yet.
        """
        UPDATE evaluation_job SET apart = 1 WHERE purpose = 'measure' AND apart = 0
            AND EXISTS (SELECT 1 FROM job j WHERE j.id = evaluation_job.job AND j.state <> 'done')
            AND EXISTS (SELECT 1 FROM job_spec p WHERE p.job = evaluation_job.subject
                AND json_extract(p.spec, '$.evaluation') IS NOT NULL
                AND \(drawing("p.spec")) IS NOT evaluation_job.drawing)
        """,
        "DROP VIEW own_protocol",
        """
        CREATE VIEW own_protocol AS SELECT DISTINCT s.name AS sweep, t.identity AS job
        FROM sweep s CROSS JOIN evaluation_job e ON e.apart = 1 CROSS JOIN member m ON m.sweep = s.id AND m.job = e.job
        CROSS JOIN job t ON t.id = e.subject
        WHERE EXISTS (SELECT 1 FROM protocol_wish w WHERE w.sweep = s.id AND w.drawing IS e.drawing)
        """,
        "DROP VIEW visible_protocol_result",
        """
        CREATE VIEW visible_protocol_result AS SELECT s.name AS sweep, t.identity AS job, r.checkpoint, r.epoch, r.step,
            r.class, r.prompts, r.metric, r.value, r.n, r.image_values
        FROM sweep s CROSS JOIN evaluation_job e ON e.apart = 1 CROSS JOIN member m ON m.sweep = s.id AND m.job = e.job
        CROSS JOIN job t ON t.id = e.subject CROSS JOIN protocol_result r ON r.source = e.job
        WHERE EXISTS (SELECT 1 FROM protocol_wish w WHERE w.sweep = s.id AND w.drawing IS e.drawing) AND NOT EXISTS (
            SELECT 1 FROM evaluation_job f JOIN member n ON n.job = f.job AND n.sweep = s.id
            JOIN protocol_result q ON q.source = f.job
            WHERE f.subject = e.subject AND f.apart = 1 AND f.drawing IS e.drawing AND f.job > e.job
                AND q.checkpoint = r.checkpoint AND q.prompts = r.prompts AND q.class = r.class AND q.metric = r.metric)
        """,
    ]

    /// What of a protocol decides its figures (`EvaluationPlanner.isApart`), as an expression.
    ///
    /// - Parameter json: of a job or a protocol, as an expression.
    static func drawing(_ json: String) -> String {
        func part(_ name: String) -> String { "json_extract(\(json), '$.evaluation.\(name)')" }
        return """
            json_array(\(part("images")), \(part("sampler")), \(part("steps")), CAST(\(part("guidance")) AS REAL), \
            coalesce(\(part("promptSet")), 'plain'), CAST(coalesce(\(part("imageGuidance")), 1.5) AS REAL), \
            coalesce(\(part("fit")), 'crop'))
            """
    }
}
