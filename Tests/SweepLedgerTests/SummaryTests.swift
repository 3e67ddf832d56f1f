import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

/// What is kept beside points and results, and how far stop rules have weighed, held against the views after
/// every step of random histories.
@Suite("Summaries say what the views say")
struct SummaryTests {
    @Test("on random histories of attempts", arguments: 1...24)
    func histories(seed: Int) async throws {
        var history = try RandomHistory(seed: UInt64(seed))
        try await history.begin()
        for _ in 0..<60 {
            let what = try await history.advance()
            try await history.compare(after: what)
        }
        #expect(history.attempts > 1, "the history has one attempt alone")
    }

    @Test("a sweep that is deleted takes its own part along, and leaves that of jobs that another has too")
    func deleted() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b"]).changes.map(\.row)
        try await bench.launch(["b"], sweep: "other")
        for (worker, row) in zip(["one", "two"], rows) {
            _ = try await bench.register(worker)
            let token = try await bench.claim(worker, row).token
            _ = try await bench.metrics(token, first: 1, [1, 2], [1, .nan])
            let result = EvaluationRow(
                checkpoint: "c", epoch: 1, step: 1, class: "", prompts: "train", metric: "m", value: 1, n: 1)
            #expect(
                try await bench.report(worker, token, .evaluations(rows: [result], completed: ["c"])) == .accepted)
            #expect(try await bench.report(worker, token, .finished(position: 2)) == .accepted)
        }
        let curves = "SELECT s.name, c.jobs FROM sweep_curve c JOIN sweep s ON s.id = c.sweep ORDER BY 1"
        #expect(try bench.query(curves) == [[.text("bench"), .integer(2)], [.text("other"), .integer(1)]])
        let removed = try await bench.ledger.writer.perform(
            ReclaimSweep(sweep: "bench", action: .delete, now: bench.now))
        #expect(removed.after == nil)
        #expect(try bench.query(curves) == [[.text("other"), .integer(1)]])
        #expect(try bench.query("SELECT count(*) FROM curve_summary") == [[.integer(1)]])
        #expect(
            try bench.query("SELECT sum(results) FROM sweep_measure") == [[.integer(1)]])
        #expect(try await bench.ledger.check().findings.filter { !$0.contains("its file is gone") } == [])
    }

    @Test("evaluations are counted apart from what trains")
    func counts() async throws {
        let bench = try LedgerBench()
        var job = try LedgerBench.job("a")
        job.evaluation = EvaluationSpec(images: 2)
        job.base = ResolvedInput(path: "/base", digest: .of("base"))
        job.data = ResolvedInput(path: "/data", digest: .of("data"))
        let launched = try await bench.launch([job])
        _ = try await bench.register("one")
        let token = try await bench.claim("one", try #require(launched.changes.first?.row)).token
        #expect(try await bench.report("one", token, try await bench.checkpoint(step: 10, final: true)) == .accepted)
        #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
        let asked = try await bench.ledger.writer.perform(
            EvaluateSweep(sweep: "bench", spec: EvaluationSpec(metrics: ["kid"]), onlyFinal: false, now: bench.now))
        let evaluation = try #require(asked.changes.first)
        func summary() async throws -> SweepSummary { try #require(try await bench.ledger.sweeps().first) }
        let waiting = try await summary()
        #expect(waiting.states == ["done": 1] && waiting.jobs == 1)
        #expect(waiting.evaluations == ["waiting": 1] && !waiting.isFinished)
        _ = try await bench.claim("one", evaluation.row)
        let running = try await summary()
        #expect(running.evaluations == ["running": 1] && running.states == ["done": 1])
        #expect(try await bench.ledger.check().findings.filter { !$0.contains("its file is gone") } == [])
    }
}

/// A history of one job that is lost, resumed and reported late, drawn from a seed.
private struct RandomHistory {
    private let bench: LedgerBench
    private var random: SplitMix
    private let rule: StopRule
    private var row: Int64 = 0
    private var token: AttemptToken?
    private var lost: AttemptToken?
    private var position: UInt64 = 0
    private var step: Int64 = 0
    private var isDecided = false
    private(set) var attempts = 0
    private var sent: (first: UInt64, steps: [Int64], values: [Double], key: String)?
    private static let workers = ["one", "two", "three"]

    init(seed: UInt64) throws {
        bench = try LedgerBench()
        random = SplitMix(state: seed)
        rule = StopRule(
            metric: "loss", better: seed.isMultiple(of: 2) ? .lower : .higher, patience: 6 + Int(seed % 5),
            minDelta: seed.isMultiple(of: 3) ? 0.05 : 0, after: Int(seed % 7))
    }

    mutating func begin() async throws {
        var job = try LedgerBench.job("a")
        job.stopRule = rule
        row = try #require(try await bench.launch([job]).changes.first?.row)
        try await bench.launch([job], sweep: "second")
        for worker in Self.workers { _ = try await bench.register(worker) }
        try await claim()
    }

    private var worker: String { Self.workers[(attempts - 1) % Self.workers.count] }

    private mutating func claim() async throws {
        attempts += 1
        let claimed = try await bench.claim(worker, row)
        token = claimed.token
        position = 0
        step = Int64(claimed.resume?.step ?? 0)
        sent = nil
    }

    private mutating func value() -> Double {
        switch random.below(12) {
        case 0: .nan
        case 1: 0.5
        case 2: -0.0
        case 3: .infinity
        default: Double(random.below(1000)) / 1000
        }
    }

    /// - Returns: what was done, for a failure's message.
    mutating func advance() async throws -> String {
        guard let token else { throw CancellationError() }
        switch random.below(10) {
        case 0...4: return try await log(token)
        case 5:
            guard step > 0 else { return "nothing" }
            _ = try await bench.report(worker, token, try await bench.checkpoint(step: Int(step), position: position))
            return "a state of step \(step)"
        case 6: return try await evaluate(token)
        case 7 where lost != nil:
            // Late, from an attempt that was given up: nothing of it may count.
            if let lost {
                let answer = try await bench.metrics(lost, first: 1, [1, 2, 99], [0, 0, 0])
                #expect(answer == .superseded)
            }
            return "a late report"
        case 8 where sent != nil:
            if let sent {
                _ = try await bench.metrics(token, first: sent.first, sent.steps, sent.values, key: sent.key)
                try weighed(sent.key)
            }
            return "a repeated report"
        default:
            guard random.below(3) == 0 else { return try await log(token) }
            _ = try await bench.expire(token)
            lost = token
            try await claim()
            return "attempt \(attempts) from step \(step)"
        }
    }

    private mutating func log(_ token: AttemptToken) async throws -> String {
        let key = random.below(4) == 0 ? "score" : "loss"
        let count = 1 + random.below(5)
        var (steps, values): ([Int64], [Double]) = ([], [])
        for _ in 0..<count {
            // Mostly on; sometimes the same step again, or one far back.
            switch random.below(8) {
            case 0: steps.append(max(0, step - Int64(random.below(6))))
            case 1: steps.append(step)
            default:
                step += Int64(1 + random.below(3))
                steps.append(step)
            }
            values.append(value())
        }
        let overlap = min(UInt64(random.below(3)), position)
        let answer = try await bench.metrics(token, first: position + 1, steps, values, key: key)
        if case .stored(let next, _) = answer { position = next - 1 }
        sent = (first: position + 1 - UInt64(count), steps: steps, values: values, key: key)
        if overlap > 0 {
            // The end of it once more, with another point behind.
            step += 1
            let kept = min(Int(overlap), count)
            (steps, values) = (Array(steps.suffix(kept)) + [step], Array(values.suffix(kept)) + [value()])
            _ = try await bench.metrics(token, first: position + 1 - UInt64(kept), steps, values, key: key)
            position += 1
        }
        try weighed(key)
        return "\(key) at \(steps)"
    }

    private mutating func evaluate(_ token: AttemptToken) async throws -> String {
        var rows: [EvaluationRow] = []
        for _ in 0...random.below(3) {
            let at = random.below(Int(step) + 2)
            let number = value()
            rows.append(
                EvaluationRow(
                    checkpoint: "c\(at / 2)", epoch: at, step: at, class: random.below(4) == 0 ? "cat" : "",
                    prompts: random.below(2) == 0 ? "train" : "style", metric: random.below(2) == 0 ? "m" : "k",
                    value: number.isFinite ? number : nil, n: 1 + random.below(4)))
        }
        #expect(try await bench.report(worker, token, .evaluations(rows: rows, completed: [])) == .accepted)
        return "evaluations"
    }

    /// A batch of the rule's metric came: the decision must be the one that the whole curve gives.
    private mutating func weighed(_ key: String) throws {
        guard key == rule.metric, !isDecided else { return }
        let curve = try bench.query("SELECT step, value FROM metrics WHERE key = 'loss' ORDER BY step")
        let wanted = Self.decision(rule, curve)
        let found = try bench.query("SELECT step FROM stop_decision").first?.first
        #expect(found == wanted.map { QueryValue.integer($0) }, "of \(curve)")
        isDecided = wanted != nil
    }

    /// The rule as it was first written: over the whole curve, every time.
    private static func decision(_ rule: StopRule, _ curve: [[QueryValue]]) -> Int64? {
        var best: Double?
        var waited = 0
        for point in curve {
            guard case .integer(let step) = point[0] else { continue }
            if case .real(let value) = point[1], value.isFinite,
                best.map({ rule.better == .lower ? value < $0 - rule.minDelta : value > $0 + rule.minDelta }) ?? true
            {
                best = value
                waited = 0
                continue
            }
            guard step >= Int64(rule.after) else { continue }
            waited += 1
            if waited >= rule.patience { return step }
        }
        return nil
    }

    func compare(after what: String) async throws {
        let findings = try await bench.ledger.check().findings
        #expect(findings == [], "after \(what)")
        let kept = try bench.query(
            """
            SELECT k.name, c.step, c.value, c.low_step, c.low, c.high_step, c.high
            FROM curve_summary c JOIN metric_key k ON k.id = c.key ORDER BY 1
            """)
        var wanted: [[QueryValue]] = []
        for key in ["loss", "score"] {
            let points = try bench.query("SELECT step, value FROM metrics WHERE key = '\(key)' ORDER BY step")
            guard let last = points.last else { continue }
            let numbers = points.compactMap { point -> (step: QueryValue, value: Double)? in
                guard case .real(let value) = point[1] else { return nil }
                return (point[0], value)
            }
            var row: [QueryValue] = [.text(key), last[0], last[1]]
            // The first of equal ones, in the order of the steps.
            for extreme in [numbers.map(\.value).min(), numbers.map(\.value).max()] {
                let point = numbers.first { $0.value == extreme }
                row.append(point?.step ?? .null)
                row.append(point.map { QueryValue.real($0.value) } ?? .null)
            }
            wanted.append(row)
        }
        #expect(kept == wanted, "after \(what)")
    }
}

/// Sebastiano Vigna's SplitMix64.
struct SplitMix {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
}
