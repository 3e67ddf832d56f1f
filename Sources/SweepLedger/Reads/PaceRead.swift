import GRDB

/// What tells how fast a sweep goes.
package struct SweepPace: Sendable, Equatable {
    /// Of the jobs that were done lately: seconds that their last attempts took, and when they ended
    /// (milliseconds since 1970), newest first.
    package var ended: [(seconds: Double, at: Int64)] = []
    /// When the attempts that run now began.
    package var running: [Int64] = []

    package static func == (a: SweepPace, b: SweepPace) -> Bool {
        a.running == b.running && a.ended.elementsEqual(b.ended) { $0 == $1 }
    }
}

extension Ledger {
    /// How many of the ledger's newest events are looked at: enough for any sweep that moves.
    private static let recentEvents = 20_000
    private static let mostEnded = 300

    /// Of every sweep that has jobs to do yet and in which one was done lately or runs now, by its name.
    ///
    /// - Throws: `DatabaseError`.
    package func paces() async throws -> [String: SweepPace] {
        try await read { db in
            var open: Set<String> = []
            let names = try db.all(
                """
                SELECT DISTINCT s.name FROM sweep_count c JOIN sweep s ON s.id = c.sweep
                WHERE c.state IN ('waiting', 'running', 'paused') AND c.jobs > 0
                """)
            for row in names { open.insert(row[0]) }
            guard !open.isEmpty else { return [:] }
            var paces: [String: SweepPace] = [:]
            // Ended early where all sweeps have enough.
            let ended = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT s.name, a.started, a.ended FROM event e
                        CROSS JOIN attempt a ON a.job = e.job AND a.number = e.attempt
                        CROSS JOIN member m ON m.job = a.job CROSS JOIN sweep s ON s.id = m.sweep
                        WHERE e.id > (SELECT coalesce(max(id), 0) FROM event) - ?1 AND e.kind = 'done' AND a.outcome = 'done'
                        ORDER BY e.id DESC
                        """), arguments: [Self.recentEvents])
            var lacking = open
            while !lacking.isEmpty, let row = try ended.next() {
                let name: String = row[0]
                guard lacking.contains(name) else { continue }
                let (from, to): (Int64, Int64) = (row[1], row[2])
                paces[name, default: SweepPace()].ended.append((Double(to - from) / 1000, to))
                if paces[name]?.ended.count == Self.mostEnded { lacking.remove(name) }
            }
            let running = try db.all(
                """
                SELECT s.name, a.started FROM attempt a JOIN job j ON j.id = a.job AND j.state = 'running'
                JOIN member m ON m.job = a.job JOIN sweep s ON s.id = m.sweep WHERE a.ended IS NULL
                """)
            for row in running { paces[row[0], default: SweepPace()].running.append(row[1]) }
            return paces
        }
    }

    /// The attempts of a sweep, and the milliseconds that they took together so far.
    ///
    /// - Throws: `DatabaseError`.
    package func cost(sweep: String, now: Int64) async throws -> (attempts: Int, milliseconds: Int64) {
        try await read { db in
            let ended = try db.first(
                "SELECT c.attempts, c.milliseconds FROM sweep s JOIN sweep_cost c ON c.sweep = s.id WHERE s.name = ?",
                [sweep])
            guard let ended else { return (0, 0) }
            let open = try db.first(
                """
                SELECT coalesce(sum(?2 - a.started), 0) FROM sweep s CROSS JOIN job j ON j.state = 'running'
                CROSS JOIN member m ON m.sweep = s.id AND m.job = j.id
                CROSS JOIN attempt a ON a.job = j.id AND a.ended IS NULL WHERE s.name = ?1
                """, [sweep, now])
            return (ended[0], (ended[1] as Int64) + (open?[0] ?? 0))
        }
    }

    /// What the running attempts measured last of their machines (`system/…`), by job and name.
    ///
    /// - Throws: `DatabaseError`.
    package func usage() async throws -> [String: [String: Double]] {
        try await read { db in
            let rows = try db.all(
                """
                SELECT j.identity, k.name, (SELECT m.value FROM metric m WHERE m.attempt = a.id AND m.key = k.id
                    ORDER BY m.step DESC LIMIT 1) AS value
                FROM attempt a JOIN job j ON j.id = a.job AND j.state = 'running'
                JOIN metric_key k ON k.name >= 'system/' AND k.name < 'system0'
                WHERE a.ended IS NULL AND value IS NOT NULL
                """)
            var usage: [String: [String: Double]] = [:]
            for row in rows { usage[row[0], default: [:]][row[1]] = row[2] }
            return usage
        }
    }

    /// The number of the ledger's last event: grows with every change of a job, a sweep or a worker.
    ///
    /// - Throws: `DatabaseError`.
    package func lastEvent() async throws -> Int64 {
        try await read { db in try db.first("SELECT coalesce(max(id), 0) FROM event")?[0] ?? 0 }
    }
}
