import GRDB
import Ports
import RunSpec
import SweepAnalysis
import SweepLedger
import SweepModel
import Testing

/// Of a large sweep an answer reads numbers, and only what it shows whole: it must say what it says with
/// everything at hand.
@Suite("A large sweep is ranked by what is shown")
struct LargeSweepTests {
    private static let configurations = 720

    /// A ledger asked as its users do; counts what comes back.
    private final class Source: SweepSource, @unchecked Sendable {
        private let bench: LedgerBench
        private(set) var cells = 0

        init(_ bench: LedgerBench) { self.bench = bench }

        func jobs(ofSweep sweep: String) async throws -> [JobSummary] { [] }

        func answer(to sql: String, limit: Int) async throws -> [[QueryValue]] {
            let rows = try ReadOnlyQuery(path: bench.ledger.path, mostRows: limit).run(sql).rows
            cells += rows.reduce(0) { $0 + $1.count }
            return rows
        }
    }

    /// Results and curves of every job, as attempts leave them.
    private struct Fill: LedgerVerb {
        var lacking = false
        var diverged = false

        func run(_ db: Database) throws {
            try db.execute(
                sql: """
                    INSERT INTO attempt (job, number, epoch, worker, started, ended, outcome)
                        SELECT id, 1, 1, 'w', 0, 1, 'done' FROM job;
                    INSERT INTO metric_key (name) VALUES ('loss');
                    INSERT INTO measure (metric, prompts) VALUES ('paired_fidelity', 'train'), ('style_distance', 'style');
                    UPDATE job SET state = 'done', attempt = 1, epoch = 1;
                    """)
            var random = SplitMix(state: 11)
            func unit() -> Double { Double(random.below(1_000_000)) / 1e6 }
            let jobs = try Row.fetchAll(
                db, sql: "SELECT j.id AS job, j.seed AS seed, a.id AS attempt FROM job j JOIN attempt a ON a.job = j.id"
            )
            for row in jobs {
                let (job, attempt): (Int64, Int64) = (row["job"], row["attempt"])
                let place = Double(job % 97) / 97
                for (measure, name) in [("paired_fidelity", "train"), ("style_distance", "style")].enumerated() {
                    if lacking, measure == 1, job % 5 == 0 { continue }
                    for step in [10, 20] {
                        let rise = name.0 == "paired_fidelity" ? 0.4 * place : 0.3 * place * place
                        var value = 0.3 + rise + 0.05 * unit() + 0.01 * Double(step % 3)
                        if diverged, job == 40 { value = .infinity }
                        try db.execute(
                            sql: """
                                INSERT INTO evaluation (attempt, checkpoint, epoch, step, class, prompts, metric, value, n)
                                    VALUES (?, ?, 1, ?, '', ?, ?, ?, 4)
                                """, arguments: [attempt, "c\(step)", step, name.1, name.0, value])
                        try db.execute(
                            sql: "INSERT INTO result_mean VALUES (?, ?, ?, 1, ?, ?, 4)",
                            arguments: [measure + 1, job, "c\(step)", step, value])
                    }
                }
                let loss = 0.1 + 0.2 * place + 0.02 * unit()
                try db.execute(sql: "INSERT INTO metric VALUES (?, 1, 20, ?)", arguments: [attempt, loss])
                try db.execute(
                    sql: "INSERT INTO curve_summary VALUES (1, ?1, 20, ?2, ?2, 20, ?2, 20)", arguments: [job, loss])
            }
        }
    }

    private func bench(seeds: Int, _ fill: Fill) async throws -> LedgerBench {
        let bench = try LedgerBench()
        let jobs = try (0..<Self.configurations).flatMap { number in
            try (1...seeds).map { seed in
                let values: [String: ParameterValue] = [
                    "lr": .number(Double(1 + number % 60) * 1e-5), "dim": .number(Double(1 + number / 60)),
                ]
                return ResolvedJob(
                    id: JobID(.of("\(number) \(seed)")), configuration: ConfigurationID(.of("\(number)")),
                    sweep: try #require(SweepName("bench")), group: "g", trainer: .core, given: values,
                    parameters: values, seed: seed)
            }
        }
        try await bench.launch(jobs)
        _ = try await bench.ledger.writer.perform(fill)
        #expect(try await bench.ledger.check().findings == [])
        return bench
    }

    private func expectSame(_ short: SweepAnswer, _ whole: SweepAnswer, rows: Int) {
        #expect(short.rows.count < whole.rows.count && short.rows.count >= rows)
        #expect(short.count == whole.rows.count && whole.count == whole.rows.count)
        #expect(short.isEstablished == whole.isEstablished && short.isPaired == whole.isPaired)
        #expect(short.words == whole.words)
        for (a, b) in zip(short.rows, whole.rows) {
            #expect(a.rank == b.rank && a.configuration == b.configuration && a.label == b.label)
            #expect(a.step == b.step && a.checkpoint == b.checkpoint && a.seeds == b.seeds && a.jobs == b.jobs)
            #expect(a.tiedWith == b.tiedWith && a.dominatedBy == b.dominatedBy)
            let pairs = zip([a.score] + a.criteria, [b.score] + b.criteria)
            for (a, b) in pairs {
                #expect(abs(a.value - b.value) < 1e-9 && abs((a.low ?? 0) - (b.low ?? 0)) < 1e-9)
            }
            #expect(abs((a.bestProbability ?? 0) - (b.bestProbability ?? 0)) < 0.03)
        }
    }

    @Test("rows, ties, intervals and words are those of the whole answer", arguments: [3, 4], [true, false])
    func evaluations(seeds: Int, ofCurves: Bool) async throws {
        let bench = try await bench(seeds: seeds, Fill())
        let rule =
            ofCurves
            ? DecisionRule(criteria: [Criterion(metric: "loss", prompts: nil)])
            : DecisionRule(
                criteria: [
                    Criterion(metric: "paired_fidelity", prompts: "train", weight: 3),
                    Criterion(metric: "style_distance", prompts: "style"),
                ])
        let (all, few) = (Source(bench), Source(bench))
        let whole = try await SweepResults(source: all, sweep: "bench").fetchForAnswer(rule: rule).set
        let short = try await SweepResults(source: few, sweep: "bench").fetchForAnswer(rule: rule, rows: 20).set
        expectSame(short.answer(rule: rule), whole.answer(rule: rule), rows: 200)
        #expect(few.cells < all.cells / 2, "\(few.cells) cells of \(all.cells)")
        let last = try await SweepResults(source: few, sweep: "bench")
            .fetchForAnswer(rule: rule, checkpoints: .last, rows: 20).set
        expectSame(last.answer(rule: rule, checkpoints: .last), whole.answer(rule: rule, checkpoints: .last), rows: 200)
    }

    @Test("jobs that lack a measure are counted; one that diverged makes it read everything")
    func exceptions() async throws {
        let rule = DecisionRule(
            criteria: [
                Criterion(metric: "paired_fidelity", prompts: "train"),
                Criterion(metric: "style_distance", prompts: "style"),
            ])
        let lacking = Source(try await bench(seeds: 3, Fill(lacking: true)))
        let short = try await SweepResults(source: lacking, sweep: "bench").fetchForAnswer(rule: rule, rows: 20).set
        let jobs = Self.configurations * 3
        #expect(
            short.answer(rule: rule).warnings.contains {
                $0 == "\(jobs / 5) jobs have not all measures of the rule yet, and are left out."
            }, "\(short.answer(rule: rule).warnings)")
        let diverged = Source(try await bench(seeds: 3, Fill(diverged: true)))
        let all = try await SweepResults(source: diverged, sweep: "bench").fetchForAnswer(rule: rule, rows: 20).set
        let answer = all.answer(rule: rule)
        #expect(answer.rows.count == Self.configurations)
        #expect(answer.warnings.contains { $0.hasPrefix("1 configuration diverged") })
    }
}
