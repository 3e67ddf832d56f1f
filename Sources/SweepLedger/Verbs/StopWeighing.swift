import GRDB
import Ports
import RunSpec
import SweepModel

/// Holds what a job has measured against its stop rule.
struct StopWeighing {
    /// Row of the job.
    let job: Int64
    let token: AttemptToken
    let now: WallTime

    /// - Parameter measured: whether the new values may concern a metric; nothing is read for others.
    /// - Returns: the attempt that has trained enough by this; nil for none, and where it was decided before.
    func run(_ db: Database, measured: (String) -> Bool) throws -> AttemptToken? {
        guard let row = try db.first("SELECT * FROM stop_rule WHERE job = ?", [job]), measured(row["metric"]),
            let better = MetricDeclaration.Direction(rawValue: row["better"])
        else { return nil }
        let rule = StopRule(
            metric: row["metric"], better: better, patience: row["patience"], minDelta: row["min_delta"],
            after: row["after"])
        guard try db.first("SELECT 1 FROM stop_decision WHERE job = ?", [job]) == nil,
            let decision = rule.decision(try values(rule, db))
        else { return nil }
        // A result without anything to take home would be none.
        if row["needs_adapter"], try !hasAdapter(db) { return nil }
        let reason = rule.reason(decision)
        try db.change(
            "INSERT INTO stop_decision (job, attempt, step, reason, at) VALUES (?, ?, ?, ?, ?)",
            [job, token.attempt.value, decision.step, reason, now.milliseconds])
        try db.note("enough", at: now, job: job, attempt: token.attempt.value, detail: reason)
        return token
    }

    private func values(_ rule: StopRule, _ db: Database) throws -> [StopRule.Value] {
        let rows = try db.all(
            "SELECT step, value FROM metrics WHERE job = ? AND key = ? ORDER BY step", [token.job.text, rule.metric])
        if !rows.isEmpty { return rows.map { StopRule.Value(step: $0["step"], value: $0["value"]) } }
        let (metric, prompts) = StopRule.parts(of: rule.metric)
        return try db.all(
            """
            SELECT step, avg(value) AS value FROM results
            WHERE job = ?1 AND metric = ?2 AND prompts = ?3 AND class = '' GROUP BY step ORDER BY step
            """, [token.job.text, metric, prompts]
        ).map { StopRule.Value(step: $0["step"], value: $0["value"]) }
    }

    private func hasAdapter(_ db: Database) throws -> Bool {
        try db.first(
            """
            SELECT 1 FROM visible_checkpoint v JOIN checkpoint_file f ON f.checkpoint = v.checkpoint AND f.kind = 'adapter'
            WHERE v.job = ? LIMIT 1
            """, [job]) != nil
    }

    /// The newest checkpoint becomes the final one of a job that ended early, if its trainer wrote none.
    static func sealNewest(_ job: Int64, _ db: Database) throws {
        guard try db.first("SELECT 1 FROM stop_decision WHERE job = ?", [job]) != nil else { return }
        try db.change(
            """
            UPDATE checkpoint SET final = 1 WHERE id = (
                SELECT c.id FROM visible_checkpoint v JOIN checkpoint c ON c.id = v.checkpoint
                WHERE v.job = ?1 AND EXISTS (
                    SELECT 1 FROM checkpoint_file f WHERE f.checkpoint = c.id AND f.kind = 'adapter')
                ORDER BY c.step DESC, v.number DESC LIMIT 1)
            AND NOT EXISTS (
                SELECT 1 FROM visible_checkpoint v JOIN checkpoint c ON c.id = v.checkpoint WHERE v.job = ?1 AND c.final = 1)
            """, [job])
    }
}
