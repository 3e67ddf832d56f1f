import Foundation
import RunSpec
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

/// A large ledger: launch, the questions people ask, a restart, and what a point weighs.
struct BenchLedger {
    var jobs = 10_000
    var points = 1_000_000
    /// How many jobs have a result.
    var results = 200
    /// Jobs that have results and curves.
    private static let busy = 200
    private static let seeds = 5
    /// Rows that `top` prints.
    private static let shown = 20

    /// Jobs that are claimed at one time.
    private static let piece = 500

    init(jobs: Int = 10_000, points: Int = 1_000_000, results: Int = 200) {
        self.jobs = jobs
        self.points = points
        self.results = results
    }

    struct Report: Encodable {
        let jobs: Int
        let points: Int
        let results: Int
        let launchSeconds: Double
        let top: Double
        /// By the rule, as `top` without a metric.
        let rule: Double
        let page: Double
        /// Of a state that no job is in.
        let emptyPage: Double
        let status: Double
        let curve: Double
        let startSeconds: Double
        let bytesPerPoint: Double

        private enum CodingKeys: String, CodingKey {
            case jobs, points, results
            case launchSeconds = "launch_seconds"
            case top = "top_ms"
            case rule = "rule_ms"
            case page = "page_ms"
            case emptyPage = "empty_page_ms"
            case status = "status_ms"
            case curve = "curve_ms"
            case startSeconds = "start_seconds"
            case bytesPerPoint = "bytes_per_point"
        }
    }

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        // Where many have results, they are ranked: configurations of a few seeds each, as people have them.
        let launchSeconds = try await coordinator.launch(jobs, mostSeeds: results > Self.busy ? Self.seeds : 1000)
        let busy = min(Self.busy, jobs)
        var worker = try await BenchWorker("bench", client: coordinator.client, slots: busy + Self.piece)
        let tokens = try await worker.exchange(free: busy).grants.map(\.token)
        guard tokens.count == busy else { throw CommandFailure(.failed, "claimed \(tokens.count), wanted \(busy)") }
        // Stopping copies the log into the file: its size is then that of what it holds.
        coordinator.stop()
        let before = try size(coordinator.ledger)
        _ = try await coordinator.start()
        let each = max(1, points / busy)
        for start in stride(from: 0, to: busy, by: 8) {
            try await BenchMetrics.send(
                tokens[start..<min(start + 8, busy)].map { ($0, worker.session) }, each: each, batch: 4000,
                client: coordinator.client)
        }
        coordinator.stop()
        let after = try size(coordinator.ledger)
        let startSeconds = try await coordinator.start()
        try await evaluate(tokens, &worker)
        let measured = try await measureMore(tokens, &worker)
        let top = try await coordinator.time {
            let rule = DecisionRule(criteria: [Criterion(metric: "score", prompts: "train")])
            return try await SweepResults(source: coordinator.client, sweep: "bench")
                .fetchForAnswer(rule: rule, rows: Self.shown).set.answer(rule: rule)
        }
        guard !top.value.rows.isEmpty else { throw CommandFailure(.failed, "the ranking is empty") }
        let rule = try await coordinator.time {
            let found = try await SweepResults(source: coordinator.client, sweep: "bench")
                .fetchForAnswer(rows: Self.shown)
            return found.set.answer(rule: found.rule)
        }
        guard !rule.value.rows.isEmpty else { throw CommandFailure(.failed, "the ranking by the rule is empty") }
        let emptyPage = try await coordinator.time {
            try await coordinator.client.call(.jobs, JobsRequest(sweep: "bench", state: "parked", limit: 100))
        }
        let status = try await coordinator.time {
            try await coordinator.client.call(.status, SweepRequest(sweep: "bench"))
        }
        let page = try await coordinator.time {
            try await coordinator.client.call(
                .jobs, JobsRequest(sweep: "bench", limit: 100, after: tokens.last?.job.text))
        }
        let curve = try await coordinator.time {
            try await coordinator.client.rows(of: PublicQueries.curve(ofJob: tokens[0].job.text, key: "loss"))
        }
        return Report(
            jobs: jobs, points: each * busy, results: measured, launchSeconds: launchSeconds, top: top.seconds * 1000,
            rule: rule.seconds * 1000, page: page.seconds * 1000, emptyPage: emptyPage.seconds * 1000,
            status: status.seconds * 1000, curve: curve.seconds * 1000, startSeconds: startSeconds,
            bytesPerPoint: Double(after - before) / Double(each * busy))
    }

    /// Results of jobs that have no curve.
    ///
    /// - Parameter tokens: attempts that have results and go on.
    /// - Returns: how many jobs have results then.
    private func measureMore(_ tokens: [AttemptToken], _ worker: inout BenchWorker) async throws -> Int {
        var measured = tokens.count
        while measured < min(results, jobs) {
            let free = min(Self.piece, min(results, jobs) - measured)
            let more = try await worker.exchange(free: free).grants.map(\.token)
            guard !more.isEmpty else { throw CommandFailure(.failed, "claimed no job after \(measured)") }
            try await evaluate(more, from: measured, isEnd: true, &worker)
            try await worker.heartbeat(tokens)
            measured += more.count
        }
        return measured
    }

    /// - Parameters:
    ///   - first: the place of the first one among all.
    ///   - isEnd: they are done with it.
    private func evaluate(
        _ tokens: [AttemptToken], from first: Int = 0, isEnd: Bool = false, _ worker: inout BenchWorker
    ) async throws {
        for start in stride(from: 0, to: tokens.count, by: 100) {
            let part = tokens[start..<min(start + 100, tokens.count)]
            var reports = zip(part.indices, part).map { index, token in
                SweepModel.Report(
                    token: token,
                    .evaluations(
                        EvaluationReport(
                            rows: [
                                EvaluationRow(
                                    checkpoint: "final", epoch: 1, step: 1, class: "", prompts: "train",
                                    metric: "score", value: Self.value(first + index), n: 1)
                            ], completed: [])))
            }
            let end = FinishReport(streamPosition: 0)
            if isEnd { reports += part.map { SweepModel.Report(token: $0, .finished(end)) } }
            let answer = try await worker.exchange(reports, free: 0)
            guard answer.outcomes.allSatisfy({ $0 == .accepted }) else {
                throw CommandFailure(.failed, "an evaluation was refused: \(answer.outcomes)")
            }
        }
    }

    /// Of the job of a place: in no order, and none twice.
    private static func value(_ place: Int) -> Double { Double((place &* 7919) % 1_000_003) }

    private func size(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.size] as? NSNumber)?.intValue ?? 0
    }
}
