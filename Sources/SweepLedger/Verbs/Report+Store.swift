import GRDB
import Ports
import RunSpec
import SweepModel

/// What a report did beside its outcome.
struct ReportEffects {
    var changes: [JobChange] = []
    var workers: [WorkerChange] = []
    /// Attempts that have trained enough by their rules.
    var enough: [AttemptToken] = []
}

/// Takes reports into the ledger. Repeating one changes nothing more.
extension Report {
    /// Most quarantined reports kept for one job, and their size.
    private static let quarantinedPerJob = 16
    private static let quarantinedBytes = 64 << 10

    /// - Parameter worker: whose report it is.
    /// - Throws: `DatabaseError`; `LedgerError` for what the ledger holds and cannot be read.
    func run(_ db: Database, worker: WorkerID, now: WallTime, _ effects: inout ReportEffects) throws -> ReportOutcome {
        let outcome: ReportOutcome
        switch body {
        case .checkpoint(let checkpoint): outcome = try store(db, checkpoint, now: now, &effects)
        case .evaluations(let report): outcome = try store(db, report, now: now, &effects)
        case .artifacts(let report): outcome = try store(db, report.rows)
        case .log(let piece): outcome = try store(db, piece)
        case .finished(let report):
            outcome = try finish(db, position: report.streamPosition, worker: worker, now: now, &effects)
        case .failed(let report): outcome = try fail(db, report, worker: worker, now: now, &effects)
        case .released(let report): outcome = try release(db, paused: report.reason == .pause, now: now, &effects)
        }
        if outcome == .superseded { try quarantine(db, now: now) }
        return outcome
    }

    /// The attempt's row and stream position, if the token is still good.
    func openAttempt(
        _ db: Database, fence: String = Fence.sql
    ) throws -> (attempt: Int64, job: Int64, points: UInt64)? {
        let row = try db.first("SELECT a.id AS attempt, j.id AS job, a.points \(fence)", token.fence)
        return row.map { ($0["attempt"], $0["job"], UInt64(clamping: $0["points"] as Int64)) }
    }

    /// Keeps what a superseded attempt sent, within bounds, for people to look at; it is never merged.
    private func quarantine(_ db: Database, now: WallTime) throws {
        let kind: String
        var text: String
        switch body {
        case .checkpoint(let report):
            (kind, text) = ("checkpoint", try LedgerJSON.text([report.name: report.manifest]))
        case .evaluations(let report): (kind, text) = ("evaluations", try LedgerJSON.text(report.rows.map(\.finite)))
        case .artifacts(let report): (kind, text) = ("artifacts", try LedgerJSON.text(report.rows))
        case .finished(let report): (kind, text) = ("finished", "{\"position\":\(report.streamPosition)}")
        case .failed(let report):
            (kind, text) = ("failed", try LedgerJSON.text([report.failure.rawValue: report.message]))
        case .log, .released: return
        }
        if text.utf8.count > Self.quarantinedBytes { text = "{\"bytes\":\(text.utf8.count)}" }
        try db.change(
            """
            INSERT INTO quarantine (at, job, attempt, kind, body) SELECT ?1, ?2, ?3, ?4, ?5
            WHERE NOT EXISTS (SELECT 1 FROM quarantine WHERE job = ?2 AND attempt = ?3 AND kind = ?4 AND body = ?5)
                AND (SELECT count(*) FROM quarantine WHERE job = ?2) < \(Self.quarantinedPerJob)
            """, [now.milliseconds, token.job.text, token.attempt.value, kind, text])
    }

    func missingBlobs(_ db: Database, _ digests: [String]) throws -> [String] {
        try Set(digests).sorted().filter { try db.first("SELECT 1 FROM blob WHERE sha256 = ?", [$0]) == nil }
    }
}
