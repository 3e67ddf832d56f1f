import Ports
import SweepModel

/// The points of every attempt, and the curves that they make.
extension Checker {
    func checkMetrics(
        _ ledger: LedgerInspector, _ jobs: [Job], _ attempts: [Attempt], everyPoint: Bool
    ) throws {
        let counts = Dictionary(
            uniqueKeysWithValues: try ledger.rows("SELECT attempt, count(*) FROM metric GROUP BY attempt").map {
                ($0[0].int, $0[1].int)
            })
        // Points that could not be taken are counted; of a batch that came twice perhaps more than once.
        let notices = Dictionary(
            uniqueKeysWithValues: try ledger.rows(
                "SELECT attempt, sum(count) FROM attempt_notice WHERE kind LIKE 'metric-%' GROUP BY attempt"
            ).map { ($0[0].int, $0[1].int) })
        for attempt in attempts {
            let stored = counts[attempt.row] ?? 0
            let dropped = notices[attempt.row] ?? 0
            guard stored <= attempt.points, stored + dropped >= attempt.points, dropped > 0 || stored == attempt.points
            else {
                return world.fail(
                    "I9",
                    "attempt row \(attempt.row) counts \(attempt.points) points, has \(stored), and \(dropped) are noticed"
                )
            }
        }
        guard everyPoint else { return }
        let identities = Dictionary(uniqueKeysWithValues: jobs.map { ($0.row, $0.identity) })
        let rows = try ledger.rows(
            """
            SELECT m.attempt, k.name, m.step, m.value, b.bits FROM metric m JOIN metric_key k ON k.id = m.key
            LEFT JOIN metric_bits b ON b.attempt = m.attempt AND b.key = m.key AND b.step = m.step ORDER BY 1, 3, 2
            """)
        let byAttempt = Dictionary(grouping: rows) { $0[0].int }
        for attempt in attempts {
            guard let identity = identities[attempt.job], let id = JobID(identity) else { continue }
            let truth = cluster.truth(id)
            var wanted = attempt.resumed + 1
            for row in byAttempt[attempt.row] ?? [] where row[1].string != "spool.lost" {
                let step = row[2].int
                if step != wanted, step != wanted - 1 {
                    return world.fail("I9", "step \(step) where \(wanted) was wanted")
                }
                wanted = step + 1
                guard let value = truth.point(row[1].string, step) else {
                    return world.fail("I3", "a metric \(row[1].string) that nobody sent")
                }
                let isSame =
                    row[4].isNull
                    ? row[3].double?.bitPattern == value.bitPattern
                    : UInt64(bitPattern: Int64(row[4].int)) == value.bitPattern
                if !isSame { return world.fail("I3", "\(row[1].string) at step \(step) is not what was sent") }
            }
        }
    }

    /// Every job that is done: its curve is whole, and its adapter is that of an undisturbed run.
    func checkEnd(_ ledger: LedgerInspector, _ jobs: [Job], _ attempts: [Int: [Attempt]]) throws {
        let curve = Dictionary(
            grouping: try ledger.rows(
                "SELECT a.job, a.number, m.step, k.name FROM metric m JOIN metric_key k ON k.id = m.key JOIN attempt a ON a.id = m.attempt"
            )
        ) { $0[0].int }
        let shown = Dictionary(
            grouping: try ledger.rows("SELECT job, key, step, count(*) FROM metrics GROUP BY 1, 2, 3")
        ) { $0[0].string }.mapValues { rows in
            Dictionary(uniqueKeysWithValues: rows.map { ("\($0[1].string) \($0[2].int)", $0[3].int) })
        }
        let finals = Dictionary(
            grouping: try ledger.rows(
                """
                SELECT a.job, f.sha256, c.step FROM checkpoint c JOIN attempt a ON a.id = c.attempt
                JOIN checkpoint_file f ON f.checkpoint = c.id WHERE c.final = 1 AND f.kind = 'adapter' AND a.outcome = 'done'
                """)
        ) { $0[0].int }
        let decisions = Dictionary(
            try ledger.rows("SELECT job, step FROM stop_decision").map { ($0[0].int, $0[1].int) },
            uniquingKeysWith: { $1 })
        for job in jobs where job.state == "done" {
            guard let id = JobID(job.identity) else { continue }
            let truth = cluster.truth(id)
            let name = id.short
            let found = finals[job.row] ?? []
            // A job that was enough ends somewhere after it, or before, where its state was lost.
            let last = decisions[job.row] == nil ? truth.steps : found.first.map { $0[2].int } ?? truth.steps
            checkDecision(decisions[job.row], truth, last: last)
            let own = attempts[job.row] ?? []
            var counted: [String: Int] = [:]
            var repeated: Set<String> = []
            for row in curve[job.row] ?? [] {
                guard let attempt = own.first(where: { $0.number == row[1].int }) else { continue }
                let later = own.filter { $0.number > attempt.number }.map(\.resumed).min() ?? Int.max
                let point = "\(row[3].string) \(row[2].int)"
                if row[2].int > attempt.resumed, row[2].int <= later { counted[point, default: 0] += 1 }
                if row[2].int == attempt.resumed, row[2].int <= later { repeated.insert(point) }
            }
            // Of the step it went on from an attempt adds what is not there yet, once.
            for point in repeated where counted[point] == nil { counted[point] = 1 }
            for step in 1...max(1, last) {
                let keys = ["loss", "lr"] + (truth.validates(step) ? [JobTruth.validation] : [])
                for key in keys where counted["\(key) \(step)"] != 1 {
                    world.fail(
                        "I12",
                        "job \(name): \(key) at step \(step) stands \(counted["\(key) \(step)"] ?? 0) times in its curve"
                    )
                }
            }
            if counted != shown[job.identity] ?? [:] {
                world.fail("I12", "job \(name): the view 'metrics' is not the curve that its attempts make")
            }
            let wanted = ContentDigest.of(truth.adapterFile(truth.state(after: last))).text
            if found.count != 1 || found[0][1].string != wanted || found[0][2].int != last {
                world.fail("I12", "job \(name): its adapter is not that of an undisturbed run (\(found.count) found)")
            }
        }
    }
}
