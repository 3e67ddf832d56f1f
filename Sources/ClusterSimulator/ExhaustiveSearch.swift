import CSimulatedDisk
import CoordinatorOperations
import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import SweepWire

/// The exhaustive small model: one job, two workers, a crash of the coordinator, a lease that runs out, a
/// worker that starts again, a lost and a doubled message, in every order there is. The real cores, the real
/// verbs on real SQLite; every state is held against the invariants. Complete where sampling is not.
package final class ExhaustiveSearch {
    package struct Report {
        package var states = 0
        /// Of them, those that hold different things.
        package var contents = 0
        package var transitions = 0
        package var ends = 0
        /// Faults of which every order was searched, and all states up to then.
        var rungs: [(budget: SmallWorld.Budget, states: Int)] = []
        package var deepest = 0
        /// Walks at random through what was searched whole, and their steps: every state on them was known.
        package var walks = (count: 0, steps: 0)
        /// Whether every state that can be reached was seen.
        package var isComplete = true
        /// What is wrong, and the steps that lead to it.
        package var violation: (what: String, path: [String])?
    }

    package private(set) var report = Report()
    private let mostStates: Int
    private let deadline: Date
    private var seen: Set<UInt64> = []
    private var contents: Set<UInt64> = []
    private let isMerging: Bool
    private let workers: Int
    private let walks: Int
    private let progress: (String) -> Void
    private let ladder: [SmallWorld.Budget]
    private var path: [SmallWorld.Step] = []
    private let translator = LedgerTranslator()

    /// - Parameters:
    ///   - isMerging: states that hold the same are one. Without it those are one on whose way every part has
    ///     heard the same in the same order: many more of the same.
    ///   - rungs: how far up the ladder of faults.
    ///   - workers: one or two.
    ///   - walks: through each rung that was searched whole, as many random walks; a state on them that is
    ///     not known would show that two states were taken for one which are not.
    ///   - progress: hears of every rung, and how far the search is every 100,000 states.
    package init(
        mostStates: Int = .max, seconds: Double = .infinity, isMerging: Bool = true, rungs: Int = .max,
        workers: Int = 2, walks: Int = 0, progress: @escaping (String) -> Void = { _ in }
    ) {
        self.workers = workers
        self.walks = walks
        self.progress = progress
        self.mostStates = mostStates
        self.isMerging = isMerging
        ladder = Array(SmallWorld.Budget.ladder.prefix(rungs))
        deadline = seconds.isFinite ? Date() + seconds : .distantFuture
        precondition(csd_register_vfs() == 0, "SQLite takes no other VFS")
    }

    package func run(mutants: Set<String> = []) throws {
        Mutant.use(mutants)
        Faults.countOnly()
        csd_seed_sqlite(1)
        let disk = SimulatedDisk(number: 62, seed: 1)
        defer { disk.dispose() }
        let world = World(seed: 1)
        let ledger = try Ledger(
            folder: disk.root + "/data", time: world, random: SeededRandom(seed: 1), files: disk, isStepped: true,
            onFatal: { _ in })
        let text = """
            name: small
            seeds: [1]
            trainer:
              command: [train, "{out}"]
              resume: ["{checkpoint}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              checkpoints: [ { glob: "{out}/state-*", step: "state-([0-9]+)", kind: state } ]
            groups:
              - list: [ { lr: 1e-4 } ]
            """
        try ledger.scratch { scratch in
            let request = LaunchRequest(
                key: String(repeating: "k", count: 32), bundle: LaunchBundle(fileName: "small.yaml", text: text))
            let prepared = try LaunchSweep.prepare(request, now: WallTime(milliseconds: 0))
            var verb = prepared.0
            verb.jobs = try prepared.1.jobs(0..<prepared.1.count).map { try LaunchJob($0) }
            _ = try scratch.run(verb)
            try scratch.run(
                AddBlobs(blobs: [(SmallWorld.state, 1)], now: WallTime(milliseconds: 0)))
            let start = try scratch.snapshot(at: WallTime(milliseconds: 0))
            for budget in ladder where report.violation == nil && report.isComplete {
                let world = SmallWorld(
                    ledgerID: ledger.id, epoch: ledger.epoch, start: start, workers: workers, budget: budget)
                // What fewer faults lead to is reached again with others left: other states.
                try explore(world, scratch)
                report.contents = isMerging ? report.states : contents.count
                guard report.isComplete, report.violation == nil else { continue }
                report.rungs.append((budget, report.states))
                progress("whole: \(budget), \(report.states) states so far")
                for number in 0..<(isMerging ? walks : 0) where report.violation == nil {
                    try walk(world, scratch, SeededRandom(seed: UInt64(number)))
                }
            }
        }
        disk.processGone()
    }

    private func explore(_ start: SmallWorld, _ ledger: LedgerScratch) throws {
        var world = start
        guard report.violation == nil, seen.insert(isMerging ? world.content : world.heard).inserted else { return }
        report.states += 1
        if report.states % 100_000 == 0 {
            progress("\(report.states) states, \(report.transitions) transitions, depth \(path.count)")
        }
        if !isMerging { contents.insert(world.content) }
        report.deepest = max(report.deepest, path.count)
        if report.states >= mostStates || (report.states % 256 == 0 && Date() > deadline) {
            report.isComplete = false
            return
        }
        if world.isAtRest {
            report.ends += 1
            if let wrong = try stuck(world, ledger) { return fail(wrong) }
        }
        for step in world.steps {
            guard report.violation == nil, report.isComplete else { return }
            report.transitions += 1
            path.append(step)
            var next = world
            let writes = step == .commit
            if writes { try ledger.mark() }
            if let wrong = try advance(&next, step, ledger) {
                fail(wrong)
            } else {
                try explore(next, ledger)
            }
            if writes { try ledger.back() }
            path.removeLast()
        }
    }

    /// What is wrong after a step, if something is.
    private func advance(_ world: inout SmallWorld, _ step: SmallWorld.Step, _ ledger: LedgerScratch) throws -> String?
    {
        try world.take(step, ledger, translator)
        if let wrong = world.promises.violation { return wrong }
        return step == .commit || step == .tell || step == .crash ? try check(&world, ledger) : nil
    }

    /// Any way through a rung that was searched whole, without merging anything: it may only meet what is
    /// known.
    private func walk(_ start: SmallWorld, _ ledger: LedgerScratch, _ random: SeededRandom) throws {
        var world = start
        var marks = 0
        report.walks.count += 1
        while report.violation == nil {
            let steps = world.steps
            if steps.isEmpty { break }
            let step = steps[Int(random.next() % UInt64(steps.count))]
            path.append(step)
            report.walks.steps += 1
            if step == .commit {
                try ledger.mark()
                marks += 1
            }
            if let wrong = try advance(&world, step, ledger) { fail(wrong) }
            if !seen.contains(world.content) { fail("a state that the search of all of them did not meet") }
        }
        path.removeAll()
        for _ in 0..<marks { try ledger.back() }
    }

    private func fail(_ what: String) {
        guard report.violation == nil else { return }
        report.violation = (what, path.map(\.description))
    }

    /// A job that waits although a worker waits for jobs.
    private func stuck(_ world: SmallWorld, _ ledger: LedgerScratch) throws -> String? {
        let job = try ledger.rows("SELECT state FROM job")[0][0]
        let polls = world.open.values.contains {
            if case .exchange(let request) = $0.body, request.freeSlots > 0 {
                world.workers[$0.worker].life == $0.life
            } else {
                false
            }
        }
        return job == "waiting" && polls ? "I17: the job waits, a worker waits for jobs, and nothing is under way" : nil
    }

    private struct Row {
        var row = 0, number = 0, worker = "", isOpen = false, outcome = "", points = 0, resumed = 0, checkpoints = 0
    }

    private func check(_ world: inout SmallWorld, _ ledger: LedgerScratch) throws -> String? {
        let job = try ledger.rows("SELECT state, attempt FROM job")[0]
        let (state, newest) = (job[0], Int(job[1]) ?? -1)
        let attempts = try ledger.rows(
            """
            SELECT a.id, a.number, a.worker, a.ended IS NULL, a.outcome, a.points, a.resumed_step,
                (SELECT count(*) FROM checkpoint c WHERE c.attempt = a.id), (SELECT count(*) FROM metric m WHERE m.attempt = a.id)
            FROM attempt a ORDER BY a.number
            """)
        let rows = attempts.map { row in
            Row(
                row: Int(row[0]) ?? 0, number: Int(row[1]) ?? 0, worker: row[2], isOpen: row[3] == "1", outcome: row[4],
                points: Int(row[5]) ?? -1, resumed: Int(row[6]) ?? -1, checkpoints: Int(row[7]) ?? -1)
        }
        if zip(attempts, rows).contains(where: { $0[8] != String($1.points) }) {
            return "I9: points counted, not stored"
        }
        if rows.map(\.number) != Array(0..<rows.count).map({ $0 + 1 }) || rows.count != newest {
            return "I4: attempts \(rows.map(\.number)) of \(newest)"
        }
        let results = rows.filter { $0.outcome == "done" }
        if results.count > 1 || (state == "done") != (results.count == 1) {
            return "I1: the job is \(state) with \(results.count) results"
        }
        let open = rows.filter(\.isOpen)
        if open.count > 1 || open.contains(where: { $0.number != newest }) {
            return "I6: open attempts \(open.map(\.number))"
        }
        if state == "running", open.isEmpty { return "I6: the job runs without an attempt" }
        if state == "done", !open.isEmpty { return "I6: the job is done, and an attempt is open" }
        for row in rows where row.number < newest {
            if let before = world.promises.frozen[row.number], before != [row.points, row.checkpoints] {
                return "I5: attempt \(row.number) took more after it was superseded"
            }
            world.promises.frozen[row.number] = [row.points, row.checkpoints]
        }
        for (token, count) in world.promises.acknowledged {
            guard let row = rows.first(where: { $0.number == token.attempt.value }), row.points >= Int(count) else {
                return "I2: \(count) points of \(token) were acknowledged"
            }
        }
        return try history(state, ledger) ?? resumable(state, rows, ledger) ?? curve(state, rows, ledger)
    }

    /// I7, and I5 again: only the newest attempt makes history.
    private func history(_ state: String, _ ledger: LedgerScratch) throws -> String? {
        var place = "waiting"
        var newest = "0"
        for event in try ledger.rows("SELECT kind, attempt FROM event WHERE job IS NOT NULL ORDER BY id") {
            if event[0] == "claim" { newest = event[1] }
            if event[1] != newest { return "I5: \(event[0]) of attempt \(event[1]), claimed as \(newest)" }
            switch (event[0], place) {
            case ("claim", "waiting"), ("claim", "expired"), ("revived", "running"), ("revived", "expired"):
                place = "running"
            case ("expired", "running"): place = "expired"
            case ("done", "running"), ("done", "expired"): place = "done"
            case ("released", "running"), ("released", "expired"), ("retry", "running"), ("retry", "expired"):
                place = "waiting"
            default: return "I7: \(event[0]) while the job is \(place)"
            }
        }
        let isFine = place == state || (place == "expired" && state == "waiting")
        return isFine ? nil : "I7: the job is \(state), its history says \(place)"
    }

    /// I11: what was committed can be gone on from.
    private func resumable(_ state: String, _ rows: [Row], _ ledger: LedgerScratch) throws -> String? {
        guard state != "done", rows.contains(where: { $0.checkpoints > 0 }) else { return nil }
        let states = try ledger.rows(
            "SELECT count(*) FROM checkpoint c JOIN checkpoint_file f ON f.checkpoint = c.id WHERE c.resumable = 1")
        return states[0][0] == "0" ? "I11: the job had a training state and has none any more" : nil
    }

    /// I12: once done, every step stands once in the curve.
    private func curve(_ state: String, _ rows: [Row], _ ledger: LedgerScratch) throws -> String? {
        guard state == "done" else { return nil }
        var steps: [Int] = []
        for row in rows {
            let later = rows.filter { $0.number > row.number }.map(\.resumed).min() ?? Int.max
            for point in try ledger.rows("SELECT step FROM metric WHERE attempt = \(row.row)") {
                guard let step = Int(point[0]), step > row.resumed, step <= later else { continue }
                steps.append(step)
            }
        }
        return steps.sorted() == [1, 2] ? nil : "I12: the curve has steps \(steps.sorted())"
    }
}
