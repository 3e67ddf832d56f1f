import Foundation
package import GRDB
package import Ports
import SweepModel

/// What operators may be told about.
package enum WebhookKind: String, CaseIterable, Sendable {
    /// No job of a sweep can move any more.
    case finished
    /// Jobs failed, and nobody tries them again.
    case failed
    /// A sweep stopped itself.
    case stopped
    /// A worker gets no jobs but for trials.
    case suspended
    /// The coordinator's disk fills up, or has space again.
    case disk
}

/// Whom to tell, and about what.
package struct WebhookTarget: Hashable, Sendable {
    /// A digest of the address.
    package let hook: String
    package let kinds: Set<WebhookKind>

    package init(hook: String, kinds: Set<WebhookKind>) {
        self.hook = hook
        self.kinds = kinds
    }
}

/// One message to one address.
package struct WebhookMessage: Equatable, Sendable {
    package let row: Int64
    package let hook: String
    /// The same however often it is sent.
    package let name: String
    package let kind: String
    package let body: String
    /// How often it was sent in vain.
    package let tries: Int
    package let at: Int64
}

/// Makes messages of what was noted in the history since the last time. What happened and its row of history
/// are one transaction; the messages and how far the history was read are another. So nothing is lost and
/// nothing is told under two names, wherever the process ends.
package struct QueueWebhooks: LedgerVerb {
    private let targets: [WebhookTarget]
    private let ledgerID: String
    private let now: WallTime

    /// Rows of the history that one transaction reads.
    static let mostEvents = 5000
    private static let namedJobs = 10

    /// - Parameter targets: an address that is not among them any more is forgotten, with what it has not
    ///   taken. A new one hears of what happens from now on.
    package init(_ targets: [WebhookTarget], ledgerID: String, now: WallTime) {
        self.targets = targets
        self.ledgerID = ledgerID
        self.now = now
    }

    /// - Returns: whether there may be more to read at once.
    package func run(_ db: Database) throws -> Bool {
        let newest: Int64 = try db.first("SELECT coalesce(max(id), 0) FROM event")?[0] ?? 0
        let known = try db.all("SELECT hook, told FROM webhook").map { ($0[0] as String, $0[1] as Int64) }
        let wanted = Set(targets.map(\.hook))
        for (hook, _) in known where !wanted.contains(hook) {
            try db.change("DELETE FROM webhook WHERE hook = ?", [hook])
            try db.change("DELETE FROM webhook_message WHERE hook = ?", [hook])
        }
        let told = Dictionary(known) { first, _ in first }
        var isBehind = false
        for target in targets {
            guard let from = told[target.hook] else {
                try db.change("INSERT INTO webhook (hook, told) VALUES (?, ?)", [target.hook, newest])
                continue
            }
            // A ledger that was restored has a shorter history.
            let start = min(from, newest)
            let end = min(newest, start + Int64(Self.mostEvents))
            isBehind = isBehind || end < newest
            guard end != from else { continue }
            if end > start {
                for message in try messages(after: start, to: end, db) where target.kinds.contains(message.kind) {
                    try message.store(for: target.hook, ledgerID, now, db)
                }
            }
            try db.change("UPDATE webhook SET told = ? WHERE hook = ?", [end, target.hook])
        }
        return isBehind
    }

    private func messages(after start: Int64, to end: Int64, _ db: Database) throws -> [WebhookDraft] {
        try failed(start, end, db) + stopped(start, end, db) + suspended(start, end, db) + finished(start, end, db)
    }

    private func finished(_ start: Int64, _ end: Int64, _ db: Database) throws -> [WebhookDraft] {
        let sweeps = try db.all(
            """
            SELECT s.id, s.name, max(e.id) AS event FROM event e JOIN member m ON m.job = e.job JOIN sweep s ON s.id = m.sweep
            WHERE e.id > ?1 AND e.id <= ?2 AND e.kind IN ('done', 'failed', 'parked', 'cancel') GROUP BY s.id
            """, [start, end])
        return try sweeps.compactMap { row -> WebhookDraft? in
            let states = try Self.states(row[0], db)
            let open = ["waiting", "running", "paused"].reduce(0) { $0 + (states[$1] ?? 0) }
            guard open == 0 else { return nil }
            let name: String = row[1]
            let words = states.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            return WebhookDraft(
                kind: .finished, event: row[2], about: "\(row[0] as Int64)", text: "\(name) is finished: \(words)",
                data: WebhookDraft.Details(sweep: name, jobs: states))
        }
    }

    private static func states(_ sweep: Int64, _ db: Database) throws -> [String: Int] {
        let rows = try db.all("SELECT state, jobs FROM sweep_count WHERE sweep = ? AND jobs > 0", [sweep])
        return Dictionary(rows.map { ($0[0] as String, $0[1] as Int) }) { $1 }
    }

    /// One message a sweep, however many of its jobs fail at once.
    private func failed(_ start: Int64, _ end: Int64, _ db: Database) throws -> [WebhookDraft] {
        let rows = try db.all(
            """
            SELECT s.id, s.name, max(e.id) AS event, count(DISTINCT e.job) AS jobs
            FROM event e JOIN member m ON m.job = e.job JOIN sweep s ON s.id = m.sweep
            WHERE e.id > ?1 AND e.id <= ?2 AND e.kind IN ('failed', 'parked') GROUP BY s.id
            """, [start, end])
        return try rows.map { row -> WebhookDraft in
            let (name, count): (String, Int) = (row[1], row[3])
            let jobs = try db.all(
                """
                SELECT DISTINCT j.identity, j.failure, substr(j.message, 1, 300) FROM event e JOIN job j ON j.id = e.job
                JOIN member m ON m.job = j.id AND m.sweep = ?3
                WHERE e.id > ?1 AND e.id <= ?2 AND e.kind IN ('failed', 'parked') ORDER BY j.id LIMIT ?4
                """, [start, end, row[0] as Int64, Self.namedJobs]
            ).map { WebhookDraft.FailedJob(job: $0[0], failure: $0[1], message: $0[2]) }
            let what = jobs.first.map { "\($0.job.prefix(8)): \($0.failure ?? "failed")" } ?? ""
            return WebhookDraft(
                kind: .failed, event: row[2], about: "\(row[0] as Int64)",
                text: "\(name): \(count) job\(count == 1 ? "" : "s") failed (\(what))",
                data: WebhookDraft.Details(sweep: name, count: count, failed: jobs))
        }
    }

    private func stopped(_ start: Int64, _ end: Int64, _ db: Database) throws -> [WebhookDraft] {
        try db.all(
            """
            SELECT s.id, s.name, e.id, e.detail FROM event e JOIN sweep s ON s.id = e.sweep
            WHERE e.id > ?1 AND e.id <= ?2 AND e.kind = 'sweep-stopped' ORDER BY e.id
            """, [start, end]
        ).map { row -> WebhookDraft in
            let (name, reason): (String, String) = (row[1], row[3])
            return WebhookDraft(
                kind: .stopped, event: row[2], about: "\(row[0] as Int64)", text: "\(name) stopped itself: \(reason)",
                data: WebhookDraft.Details(sweep: name, reason: reason))
        }
    }

    private func suspended(_ start: Int64, _ end: Int64, _ db: Database) throws -> [WebhookDraft] {
        try db.all(
            """
            SELECT e.worker, coalesce(w.name, e.worker), e.id, e.detail FROM event e LEFT JOIN worker w ON w.id = e.worker
            WHERE e.id > ?1 AND e.id <= ?2 AND e.kind = 'worker-suspended' ORDER BY e.id
            """, [start, end]
        ).map { row -> WebhookDraft in
            let (name, reason): (String, String) = (row[1], row[3])
            return WebhookDraft(
                kind: .suspended, event: row[2], about: row[0], text: "worker \(name) is suspended: \(reason)",
                data: WebhookDraft.Details(worker: name, reason: reason))
        }
    }
}

/// Tells of the coordinator's disk, of which the history knows nothing.
package struct QueueDiskWebhook: LedgerVerb {
    private let targets: [WebhookTarget]
    private let ledgerID: String
    private let level: String
    private let text: String
    private let now: WallTime

    /// - Parameter level: enough, low or full.
    package init(_ targets: [WebhookTarget], ledgerID: String, level: String, text: String, now: WallTime) {
        self.targets = targets
        self.ledgerID = ledgerID
        self.level = level
        self.text = text
        self.now = now
    }

    package func run(_ db: Database) throws {
        let draft = WebhookDraft(
            kind: .disk, event: now.milliseconds, about: level, text: text,
            data: WebhookDraft.Details(reason: text, level: level))
        for target in targets where target.kinds.contains(.disk) {
            try draft.store(for: target.hook, ledgerID, now, db)
        }
    }
}

/// Takes a message off the list: it arrived, or nobody wants it any more.
package struct EndWebhook: LedgerVerb {
    private let row: Int64

    package init(row: Int64) { self.row = row }

    package func run(_ db: Database) throws { try db.change("DELETE FROM webhook_message WHERE id = ?", [row]) }
}

/// Notes that a message was sent in vain.
package struct DelayWebhook: LedgerVerb {
    private let row: Int64
    private let due: WallTime

    package init(row: Int64, due: WallTime) {
        self.row = row
        self.due = due
    }

    package func run(_ db: Database) throws {
        try db.change(
            "UPDATE webhook_message SET tries = tries + 1, due = ? WHERE id = ?", [due.milliseconds, row])
    }
}

extension Ledger {
    /// The messages that are due, oldest first.
    ///
    /// - Throws: `DatabaseError`.
    package func dueWebhooks(at now: WallTime, limit: Int) async throws -> [WebhookMessage] {
        try await read { db in
            try db.all(
                """
                SELECT id, hook, name, kind, body, tries, at FROM webhook_message WHERE due <= ? ORDER BY due, id LIMIT ?
                """, [now.milliseconds, limit]
            ).map {
                WebhookMessage(
                    row: $0[0], hook: $0[1], name: $0[2], kind: $0[3], body: $0[4], tries: $0[5], at: $0[6])
            }
        }
    }

    /// Messages that were not taken yet.
    ///
    /// - Throws: `DatabaseError`.
    package func waitingWebhooks() async throws -> Int {
        try await read { db in try db.first("SELECT count(*) FROM webhook_message")?[0] ?? 0 }
    }
}

/// A message before it is written: its JSON is the documented one (docs/guide/operating.md).
private struct WebhookDraft {
    struct FailedJob: Encodable {
        var job: String
        var failure: String?
        var message: String?
    }

    struct Details: Encodable {
        var sweep: String?
        /// By state.
        var jobs: [String: Int]?
        var count: Int?
        var failed: [FailedJob]?
        var worker: String?
        var reason: String?
        var level: String?
    }

    private struct Document: Encodable {
        let version = 1
        let id: String
        let type: String
        let timestamp: String
        let ledger: String
        let text: String
        let data: Details
    }

    let kind: WebhookKind
    /// The newest row of history that it is about.
    let event: Int64
    let about: String
    let text: String
    let data: Details

    func store(for hook: String, _ ledgerID: String, _ now: WallTime, _ db: Database) throws {
        let name = "\(ledgerID.prefix(12))-\(kind.rawValue)-\(about)-\(event)"
        let document = Document(
            id: name, type: kind.rawValue, timestamp: now.description, ledger: ledgerID, text: text, data: data)
        try db.change(
            """
            INSERT INTO webhook_message (hook, name, kind, at, body, due) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (hook, name) DO NOTHING
            """,
            [hook, name, kind.rawValue, now.milliseconds, try LedgerJSON.text(document), now.milliseconds])
    }
}
