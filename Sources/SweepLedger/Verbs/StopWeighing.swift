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

    /// What may have met the rule.
    enum News {
        /// Keys of curves, and the first step at which each is another now.
        case logged([String: Int64])
        /// Names of metrics.
        case evaluated(Set<String>)
        /// Something to take home: it may have been enough before there was.
        case deliverable

        func concerns(_ metric: String) -> Bool {
            switch self {
            case .logged(let changed): changed[metric] != nil
            case .evaluated(let names): names.contains(StopRule.parts(of: metric).metric)
            case .deliverable: true
            }
        }
    }

    /// - Returns: the attempt that has trained enough by this; nil for none, and where it was decided before.
    func run(_ db: Database, after news: News) throws -> AttemptToken? {
        guard let row = try db.first("SELECT * FROM stop_rule WHERE job = ?", [job]), news.concerns(row["metric"]),
            let better = MetricDeclaration.Direction(rawValue: row["better"])
        else { return nil }
        let rule = StopRule(
            metric: row["metric"], better: better, patience: row["patience"], minDelta: row["min_delta"],
            after: row["after"])
        guard try db.first("SELECT 1 FROM stop_decision WHERE job = ?", [job]) == nil,
            let decision = try decision(rule, news, db)
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

    private func decision(_ rule: StopRule, _ news: News, _ db: Database) throws -> StopRule.Decision? {
        if let progress = try progress(rule, news, db) { return progress.decision }
        let (metric, prompts) = StopRule.parts(of: rule.metric)
        return rule.decision(
            try db.all(
                """
                SELECT r.step, avg(r.value) AS value FROM measure k JOIN result_mean r ON r.measure = k.id
                WHERE k.metric = ?2 AND k.prompts = ?3 AND r.job = ?1 GROUP BY r.step ORDER BY r.step
                """, [job, metric, prompts]
            ).map { StopRule.Value(step: $0["step"], value: $0["value"]) })
    }

    /// How far the rule has weighed the job's curve, brought up to date: only what is behind the last step
    /// that it knows is read. A value that came late, or another instead of one that it knows, makes it
    /// begin anew.
    ///
    /// - Returns: nil where there is no curve.
    private func progress(_ rule: StopRule, _ news: News, _ db: Database) throws -> StopRule.Progress? {
        var known: StopRule.Progress?
        if let row = try db.first("SELECT * FROM stop_state WHERE job = ?", [job]) {
            let best: Int? = row["best_step"]
            known = StopRule.Progress(
                step: row["step"], best: best.map { StopRule.Value(step: $0, value: row["best"]) },
                waited: row["waited"], isMet: row["met"] != nil)
        }
        if case .logged(let changed) = news, let first = changed[rule.metric], let old = known, first <= old.step {
            known = nil
        }
        guard known?.isMet != true else { return known }
        var progress = known
        let values = try db.all(
            "SELECT step, value FROM metrics WHERE job = ? AND key = ? AND step > ? ORDER BY step",
            [token.job.text, rule.metric, known.map { Int64($0.step) } ?? Int64.min]
        ) { StopRule.Value(step: $0["step"], value: $0["value"]) }
        for value in values {
            progress = rule.weigh(value, after: progress)
            if progress?.isMet == true { break }
        }
        guard let progress, progress != known else { return progress }
        try db.change(
            """
            INSERT INTO stop_state (job, step, best, best_step, waited, met) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET step = excluded.step, best = excluded.best, best_step = excluded.best_step,
                waited = excluded.waited, met = excluded.met
            """,
            [
                job, progress.step, progress.best?.value, progress.best?.step, progress.waited,
                progress.isMet ? progress.step : nil,
            ])
        return progress
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
