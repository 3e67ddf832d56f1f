import GRDB
import Ports
package import RunSpec
package import SweepModel

/// What a worker tells of one attempt. Repeating a report changes nothing more.
package struct LedgerReport: Equatable, Sendable {
    package enum Body: Equatable, Sendable {
        /// `position`: number of the last metric point made before it.
        case checkpoint(name: String, manifest: CheckpointManifest, position: UInt64)
        case evaluations(rows: [EvaluationRow], completed: [String])
        case artifacts([StoredArtifactFile])
        case log(LogPiece)
        case finished(position: UInt64)
        case failed(FailureClass, message: String, exitCode: Int?)
        /// Given back without fault. `paused`: because a pause was asked for.
        case released(paused: Bool)
    }

    package var token: AttemptToken
    package var body: Body

    package init(token: AttemptToken, _ body: Body) {
        self.token = token
        self.body = body
    }
}

/// A piece of an attempt's log.
package struct LogPiece: Equatable, Sendable {
    package var offset: UInt64
    package var text: String
    /// The line that is not ended yet; nil: as it was.
    package var line: String?
    package var notices: [AttemptNotice]

    package init(
        offset: UInt64, text: String, line: String? = nil, notices: [AttemptNotice] = []
    ) {
        self.offset = offset
        self.text = text
        self.line = line
        self.notices = notices
    }
}

package struct StoredArtifactFile: Codable, Equatable, Sendable {
    package var checkpoint: String
    package var kind: String
    package var name: String
    package var sha256: String
    package var bytes: Int

    package init(checkpoint: String, kind: String, name: String, sha256: String, bytes: Int) {
        self.checkpoint = checkpoint
        self.kind = kind
        self.name = name
        self.sha256 = sha256
        self.bytes = bytes
    }
}

package enum ReportResult: Equatable, Sendable {
    case accepted
    case superseded
    /// The metric stream ends before the report's position; this is the number wanted next.
    case gap(expected: UInt64)
    case missingBlobs([String])
    case refused(String)
    /// An earlier report of the attempt in the same exchange was not accepted.
    case notTried
}

struct ReportEffects {
    var changes: [JobChange] = []
    var workers: [WorkerNews] = []
}

extension LedgerReport {
    /// Most quarantined reports kept for one job, and their size.
    private static let quarantinedPerJob = 16
    private static let quarantinedBytes = 64 << 10

    func run(_ db: Database, worker: WorkerID, now: WallTime, _ effects: inout ReportEffects) throws -> ReportResult {
        let result: ReportResult
        switch body {
        case .checkpoint(let name, let manifest, let position):
            result = try storeCheckpoint(db, name: name, manifest: manifest, position: position, now: now)
        case .evaluations(let rows, let completed):
            result = try storeEvaluations(db, rows: rows, completed: completed)
        case .artifacts(let files): result = try storeArtifacts(db, files)
        case .log(let piece): result = try storeLog(db, piece)
        case .finished(let position):
            result = try finish(db, position: position, now: now, &effects)
        case .failed(let failure, let message, let exitCode):
            result = try fail(db, failure, message: message, exitCode: exitCode, worker: worker, now: now, &effects)
        case .released(let paused):
            result = try release(db, paused: paused, now: now, &effects)
        }
        if result == .superseded { try quarantine(db, now: now) }
        return result
    }

    /// The attempt's row and stream position, if the token is still good.
    func openAttempt(
        _ db: Database, fence: String = Fence.sql
    ) throws -> (attempt: Int64, job: Int64, points: UInt64)? {
        let row = try db.first("SELECT a.id, j.id, a.points \(fence)", token.fence)
        return row.map { ($0[0], $0[1], UInt64(clamping: $0[2] as Int64)) }
    }

    /// Keeps what a superseded attempt sent, within bounds, for people to look at; it is never merged.
    private func quarantine(_ db: Database, now: WallTime) throws {
        let kind: String
        var text: String
        switch body {
        case .checkpoint(let name, let manifest, _):
            (kind, text) = ("checkpoint", try LedgerJSON.text([name: manifest]))
        case .evaluations(let rows, _): (kind, text) = ("evaluations", try LedgerJSON.text(rows))
        case .artifacts(let files): (kind, text) = ("artifacts", try LedgerJSON.text(files))
        case .finished(let position): (kind, text) = ("finished", "{\"position\":\(position)}")
        case .failed(let failure, let message, _):
            (kind, text) = ("failed", try LedgerJSON.text([failure.rawValue: message]))
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
