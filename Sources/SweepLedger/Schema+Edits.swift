extension Schema {
    /// As of version 21: which jobs edit pictures.
    static let edits: [String] = [
        "CREATE TABLE edit_job (job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE) STRICT",
        "DROP VIEW jobs", jobsWithEdits,
    ]

    private static let jobsWithEdits = """
        CREATE VIEW jobs AS SELECT j.identity AS id, s.name AS sweep, j.configuration AS configuration, j.state AS state,
            j.seed AS seed, j.attempt AS attempts, j.worker AS worker, j.failure AS failure, c.parameters AS parameters,
            j.message AS message, j.priority AS priority, j.created AS created, j.updated AS updated,
            CASE WHEN e.job IS NOT NULL THEN 'evaluate' WHEN p.job IS NOT NULL THEN 'prepare'
                WHEN EXISTS (SELECT 1 FROM edit_job d WHERE d.job = j.id) THEN 'edit' ELSE 'train' END AS kind,
            (SELECT t.identity FROM job t WHERE t.id = e.subject) AS subject,
            (SELECT f.parameters FROM oom_fallback f WHERE f.job = j.id) AS fallback
        FROM job j JOIN sweep s ON s.id = j.sweep JOIN configuration c ON c.id = j.configuration
        LEFT JOIN evaluation_job e ON e.job = j.id LEFT JOIN prepare_job p ON p.job = j.id
        """
}
