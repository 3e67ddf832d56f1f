import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import TestSupport
import Testing

/// The questions of `docs/guide/asking-the-ledger.md`, each asked of a ledger whose numbers are chosen by
/// hand, so that the answers can be read off below.
@Suite("Worked questions")
struct WorkedQuestionsTests {
    /// One job: its name, configuration, seed; fidelity at epochs 1 and 2; drift at the last; validation
    /// losses at steps 5, 10, 20.
    private struct Made {
        let name: String
        let algorithm: String
        let lr: Double
        let seed: Int
        let fidelity: [Double]
        let drift: Double
        let validation: [Double]
        var configuration: String { "\(algorithm) \(lr)" }
    }

    /// Means at the last checkpoint: lora 1e-4 0.72 (drift 0.01), lora 5e-4 0.82 (0.04), lokr 5e-4 0.70
    /// (0.02). So lokr is beaten in both by lora 1e-4, and nobody beats the other two.
    private static let jobs = [
        Made(
            name: "p1", algorithm: "lora", lr: 1e-4, seed: 1, fidelity: [0.60, 0.70], drift: 0.01,
            validation: [0.4, 0.3, 0.2]),
        Made(
            name: "p2", algorithm: "lora", lr: 1e-4, seed: 2, fidelity: [0.62, 0.74], drift: 0.01,
            validation: [0.4, 0.3, 0.21]),
        Made(
            name: "p3", algorithm: "lora", lr: 5e-4, seed: 1, fidelity: [0.85, 0.80], drift: 0.05,
            validation: [0.3, 0.1, 0.2]),
        Made(
            name: "p4", algorithm: "lora", lr: 5e-4, seed: 2, fidelity: [0.75, 0.84], drift: 0.03,
            validation: [0.3, 0.2, 0.15]),
        Made(
            name: "p5", algorithm: "lokr", lr: 5e-4, seed: 1, fidelity: [0.66, 0.70], drift: 0.02,
            validation: [0.5, 0.4, 0.38]),
    ]

    private func short(_ name: String) -> QueryValue { .text(String(JobID(.of(name)).text.prefix(12))) }

    private func resolved(_ made: Made) throws -> ResolvedJob {
        let given: [String: ParameterValue] = [
            "algorithm": .text(made.algorithm), "lr": .number(made.lr), "epochs": 2,
        ]
        return ResolvedJob(
            id: JobID(.of(made.name)), configuration: ConfigurationID(.of(made.configuration)),
            sweep: try #require(SweepName("paper")), group: "g", trainer: .core, given: given,
            parameters: try ParameterTable.resolve(given).parameters, seed: made.seed)
    }

    private func launch(_ bench: LedgerBench, _ sweep: String, _ jobs: [ResolvedJob]) async throws -> [Int64] {
        try await bench.ledger.writer.perform(
            LaunchSweep(
                key: SystemRandom().hexadecimal(bytes: 16), digest: sweep, name: try #require(SweepName(sweep)),
                fileDigest: "d", bundle: "{}", priority: 0, configurations: 3, checkpoints: 1,
                jobs: try jobs.map { try LaunchJob($0) }, now: bench.now)
        ).changes.map(\.row)
    }

    /// Exchanges at a time of the test's choice, in minutes after the start.
    private func exchange(
        _ bench: LedgerBench, _ worker: String, at minutes: Int64, _ reports: [Report] = [], claim: [Int64] = [],
        number: inout UInt64
    ) async throws -> ExchangeOutcome {
        number += 1
        return try await bench.ledger.writer.perform(
            ExchangeVerb(
                session: SessionID(rawValue: worker + "s"), worker: WorkerID(worker), number: number, reports: reports,
                candidates: claim, ledgerID: bench.ledger.id, epoch: bench.ledger.epoch,
                now: WallTime(milliseconds: bench.now.milliseconds + minutes * 60_000)))
    }

    private func evaluation(_ step: Int, _ metric: String, _ prompts: String, _ value: Double, images: [Double]? = nil)
        -> EvaluationRow
    {
        EvaluationRow(
            checkpoint: AttemptFolder.checkpointName(step: step), epoch: step / 10, step: step,
            class: images == nil ? "" : "cat", prompts: prompts, metric: metric, value: value, n: 2,
            values: images?.map { $0 })
    }

    private func train(_ bench: LedgerBench, _ made: Made, _ token: AttemptToken) async throws -> [Report] {
        _ = try await bench.metrics(token, first: 1, [5, 10, 20], made.validation, key: "validation_loss")
        // The mean of the last three is 0.2 plus the seed's hundredth.
        let losses = [9, 0.1, 0.2, 0.3].map { $0 + Double(made.seed) / 100 }
        _ = try await bench.metrics(token, first: 4, [1, 2, 3, 4], losses)
        var reports: [Report] = []
        for (place, step) in [10, 20].enumerated() {
            reports.append(
                Report(token: token, try await bench.checkpoint(step: step, final: step == 20, content: made.name)))
            var rows = [evaluation(step, "paired_fidelity", "train", made.fidelity[place])]
            rows.append(
                evaluation(
                    step, "paired_fidelity", "train", made.fidelity[place],
                    images: [made.fidelity[place] - 0.1, made.fidelity[place] + 0.1]))
            if step == 20 { rows.append(evaluation(step, "style_distance", "style", made.drift)) }
            reports.append(Report(token: token, .evaluations(rows: rows, completed: [])))
        }
        return reports
    }

    private func filled() async throws -> LedgerBench {
        let bench = try LedgerBench()
        var number: UInt64 = 0
        for worker in ["one", "two"] { _ = try await bench.register(worker) }
        let rows = try await launch(bench, "paper", Self.jobs.map(resolved))
        for (index, (made, row)) in zip(Self.jobs, rows).enumerated() {
            let worker = made.algorithm == "lora" ? "one" : "two"
            // p1's first attempt fails after 30 minutes on worker two and is lost; all take an hour else.
            if index == 0 {
                let failed = try #require(
                    try await exchange(bench, "two", at: 0, claim: [row], number: &number).claims.first)
                let report = Report(token: failed.token, .failed(.oom, message: "out of memory", exitCode: 1))
                _ = try await exchange(bench, "two", at: 30, [report], number: &number)
            }
            let token = try #require(
                try await exchange(bench, worker, at: 60, claim: [row], number: &number).claims.first
            ).token
            let reports = try await train(bench, made, token)
            let last = Report(token: token, .finished(position: 7))
            let outcome = try await exchange(bench, worker, at: 120, reports + [last], number: &number)
            #expect(outcome.outcomes.allSatisfy { $0 == .accepted }, "\(made.name): \(outcome.outcomes)")
        }
        // A second sweep with p1, and p3 extended to a fidelity of 0.9.
        _ = try await launch(bench, "other", [resolved(Self.jobs[0])])
        let child = try await bench.ledger.writer.perform(
            BranchJob(.extend(epochs: 4, checkpoints: []), of: JobID(.of("p3")).text, now: bench.now))
        let row = try #require(child.changes.first?.row)
        let claimed = try await exchange(bench, "one", at: 200, claim: [row], number: &number).claims.first
        let token = try #require(claimed).token
        let reports = [
            Report(token: token, try await bench.checkpoint(step: 40, final: true, content: "child")),
            Report(token: token, .evaluations(rows: [evaluation(40, "paired_fidelity", "train", 0.9)], completed: [])),
            Report(token: token, .finished(position: 0)),
        ]
        let done = try await exchange(bench, "one", at: 230, reports, number: &number)
        #expect(done.outcomes == [.accepted, .accepted, .accepted])
        for sweep in ["paper", "other"] {
            _ = try await bench.ledger.writer.perform(
                Annotate(target: sweep, add: ["cats"], remove: [], note: nil, now: bench.now))
        }
        return bench
    }

    /// The blocks of the page, by the number in their heading.
    private static func questions() throws -> [Int: String] {
        let page = SourceTree.root.appending(path: "docs/guide/asking-the-ledger.md")
        var found: [Int: String] = [:]
        var number: Int?
        var block: [String]?
        for line in try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n") {
            if line.hasPrefix("### ") { number = Int(line.dropFirst(4).prefix { $0 != "." }) }
            if line == "```sql" {
                block = []
            } else if line == "```", let lines = block, let number {
                #expect(found.updateValue(lines.joined(separator: "\n"), forKey: number) == nil, "\(number) twice")
                block = nil
            } else {
                block?.append(line)
            }
        }
        return found
    }

    @Test("each query of the page answers its question")
    func all() async throws {
        let bench = try await filled()
        var questions = try Self.questions()
        #expect(questions.keys.sorted() == Array(1...16))
        func ask(_ number: Int) throws -> [[QueryValue]] {
            let sql = questions.removeValue(forKey: number)
            return try bench.query(try #require(sql))
        }
        let configurations = try bench.query("SELECT id, digest FROM configuration")
        func row(_ configuration: String) -> QueryValue {
            configurations.first { $0[1] == .text(ContentDigest.of(configuration).text) }?[0] ?? .null
        }
        let child = try bench.query("SELECT job FROM origins")[0][0]
        guard case .text(let childID) = child else { return }
        let extended = QueryValue.text(String(childID.prefix(12)))
        let (slow, fast, lokr) = (row("lora 0.0001"), row("lora 0.0005"), row("lokr 0.0005"))
        let own = try bench.query("SELECT configuration FROM jobs WHERE id = '\(childID)'")[0][0]

        #expect(
            try ask(1).map { [$0[0], $0[4]] } == [
                [extended, .real(0.9)], [short("p3"), .real(0.85)], [short("p4"), .real(0.84)],
                [short("p3"), .real(0.8)],
                [short("p4"), .real(0.75)],
            ])
        // 0.82 ± √((0.02² + 0.02²) / 1) = 0.0283, and so on.
        #expect(
            try ask(2) == [
                [own, .integer(1), .real(0.9), .null], [fast, .integer(2), .real(0.82), .real(0.0283)],
                [slow, .integer(2), .real(0.72), .real(0.0283)], [lokr, .integer(1), .real(0.7), .null],
            ])
        #expect(try ask(3).map { [$0[0], $0[2]] } == [[fast, .real(0.04)], [slow, .real(0.01)]])
        #expect(
            try ask(4).map { [$0[0], $0[1], $0[2], $0[3]] } == [
                [.text("lokr"), .real(5e-4), .integer(2), .real(0.68)],
                [.text("lora"), .real(1e-4), .integer(4), .real(0.665)],
                // 0.85, 0.80, 0.75, 0.84 and the extended 0.9
                [.text("lora"), .real(5e-4), .integer(5), .real(0.828)],
            ])
        #expect(
            try ask(5) == [
                [short("p3"), .integer(10), .real(0.1)], [short("p4"), .integer(20), .real(0.15)],
                [short("p1"), .integer(20), .real(0.2)], [short("p2"), .integer(20), .real(0.21)],
                [short("p5"), .integer(20), .real(0.38)],
            ])
        #expect(try ask(6) == [[short("p3"), .real(0.1), .real(0.2)]])
        let losses = try ask(7)
        #expect(losses.count == 5 && losses.allSatisfy { $0[1] == .integer(3) })
        #expect(losses.map { $0[2] } == [.real(0.21), .real(0.21), .real(0.21), .real(0.22), .real(0.22)])
        #expect(try ask(8) == [[fast, .real(0.05), .integer(2)], [slow, .real(0.01), .integer(2)]])
        #expect(
            try ask(9) == [[short("p1"), .integer(1), .text("two"), .text("oom"), .text("out of memory")]])
        // Worker one: four jobs of an hour and the child of half; worker two: one job, and half an hour lost.
        #expect(
            try ask(10) == [
                [.text("one"), .integer(5), .real(4.5), .real(0)], [.text("two"), .integer(2), .real(1.5), .real(0.5)],
            ])
        // p1 took 90 minutes with its failure, p2 to p4 60, the child 30: 300 / 5.
        #expect(
            try ask(11) == [
                [.text("lokr"), .integer(1), .real(60)], [.text("lora"), .integer(5), .real(60)],
            ])
        // Adapters "adapter p1 10" of 13 bytes, states "p1 10" of 5; the child's are longer by 3 letters.
        let disk = try ask(12)
        let (adapters, states) = (10 * 13 + 16, 10 * 5 + 8)
        #expect(
            disk.contains([.text("paper"), .text("adapter"), .integer(11), .integer(Int64(adapters))])
                && disk.contains([.text("paper"), .text("state"), .integer(11), .integer(Int64(states))])
                && disk.contains([.text("other"), .text("adapter"), .integer(2), .integer(26)]), "\(disk)")
        #expect(try ask(13) == [[short("p1"), .text("other, paper")]])
        #expect(
            try ask(14) == [[.text("extend"), .text(#"{"epochs":4}"#), short("p3"), .real(0.8), .real(0.9)]])
        // The extended checkpoint is the best and has no images; without it p3's first.
        #expect(try ask(15) == [])
        _ = try await bench.ledger.writer.perform(PlainChange(sql: "DELETE FROM evaluation WHERE step = 40"))
        let images = try #require(try Self.questions()[15])
        #expect(
            try bench.query(images) == [
                [.text("cat"), .integer(0), .integer(1000), .real(0.75)],
                [.text("cat"), .integer(1), .integer(1001), .real(0.95)],
            ])
        #expect(
            try ask(16) == [
                [.text("paper"), .integer(5), .real(0.85)], [.text("other"), .integer(1), .real(0.7)],
            ])
        #expect(questions.isEmpty)
    }
}
