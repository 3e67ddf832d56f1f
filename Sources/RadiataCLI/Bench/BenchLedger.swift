import Foundation
import Ports
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
    /// How many jobs have a curve: these have a result too.
    var curves = 200
    /// Jobs with curves that go on running.
    private static let busy = 200
    private static let seeds = 5
    /// Rows that `top` prints.
    private static let shown = 20

    /// Jobs that are claimed at one time.
    private static let piece = 500

    struct Report: Encodable {
        let jobs: Int
        let points: Int
        let results: Int
        /// Of the launch, and until the first job was leased; nil for a ledger that was there.
        let launchSeconds: Double?
        let leaseSeconds: Double?
        let top: Double
        /// By the rule, as `top` without a metric.
        let rule: Double
        let page: Double
        /// Of a state that no job is in.
        let emptyPage: Double
        let status: Double
        let curve: Double
        let startSeconds: Double
        let bytesPerPoint: Double?
        /// Of the coordinator, after all that.
        let residentMegabytes: Double

        private enum CodingKeys: String, CodingKey {
            case jobs, points, results
            case launchSeconds = "launch_seconds"
            case leaseSeconds = "lease_seconds"
            case top = "top_ms"
            case rule = "rule_ms"
            case page = "page_ms"
            case emptyPage = "empty_page_ms"
            case status = "status_ms"
            case curve = "curve_ms"
            case startSeconds = "start_seconds"
            case bytesPerPoint = "bytes_per_point"
            case residentMegabytes = "resident_megabytes"
        }
    }

    /// What making a ledger told.
    private struct Made {
        let launchSeconds: Double
        let leaseSeconds: Double
        let bytesPerPoint: Double
    }

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        let isThere = try await coordinator.client.call(.sweeps, Nothing()).items.contains { $0.name == "bench" }
        let made = isThere ? nil : try await make(coordinator)
        coordinator.stop()
        let startSeconds = try await coordinator.start()
        // Its first jobs have curves.
        guard let first = try await coordinator.client.call(.jobs, JobsRequest(sweep: "bench", limit: 1)).items.first
        else {
            throw CommandFailure(.failed, "the ledger has no jobs")
        }
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
            try await coordinator.client.call(.jobs, JobsRequest(sweep: "bench", limit: 100, after: first.id))
        }
        let curve = try await coordinator.time {
            try await coordinator.client.rows(of: PublicQueries.curve(ofJob: first.id, key: "loss"))
        }
        let figures = try coordinator.cluster.coordinatorPID.map { try ProcessFigures(pid: $0) }
        return Report(
            jobs: jobs, points: points, results: results, launchSeconds: made?.launchSeconds,
            leaseSeconds: made?.leaseSeconds, top: top.seconds * 1000,
            rule: rule.seconds * 1000, page: page.seconds * 1000, emptyPage: emptyPage.seconds * 1000,
            status: status.seconds * 1000, curve: curve.seconds * 1000, startSeconds: startSeconds,
            bytesPerPoint: made?.bytesPerPoint, residentMegabytes: figures?.residentMegabytes ?? .nan)
    }

    private func make(_ coordinator: BenchCoordinator) async throws -> Made {
        let busy = min(Self.busy, jobs)
        var worker = try await BenchWorker("bench", client: coordinator.client, slots: busy + Self.piece)
        let (idle, began) = (worker, coordinator.now)
        let lease = Task {
            var waiting = idle
            var grants: [BenchAnswer.Grant] = []
            while grants.isEmpty { grants = try await waiting.exchange(free: 1, wait: 30).grants }
            return (grants.map(\.token), waiting, SuspendingClock.now)
        }
        // Where many have results, they are ranked: configurations of a few seeds each, as people have them.
        let launchSeconds = try await coordinator.launch(jobs, mostSeeds: results > Self.busy ? Self.seeds : 1000)
        let leased = try await lease.value
        let leaseSeconds = began.duration(to: leased.2).inSeconds
        worker = leased.1
        let tokens = leased.0 + (try await worker.exchange(free: busy - leased.0.count).grants.map(\.token))
        guard tokens.count == busy else { throw CommandFailure(.failed, "claimed \(tokens.count), wanted \(busy)") }
        // Stopping copies the log into the file: its size is then that of what it holds.
        coordinator.stop()
        let before = try size(coordinator.ledger)
        _ = try await coordinator.start()
        let each = max(1, points / max(busy, min(curves, jobs)))
        try await draw(tokens, each: each, worker, coordinator)
        try await evaluate(tokens, &worker)
        var drawn = tokens.count
        while drawn < min(curves, jobs) {
            let free = min(Self.busy, min(curves, jobs) - drawn)
            let more = try await claim(free, &worker)
            try await draw(more, each: each, worker, coordinator)
            try await evaluate(more, from: drawn, isEnd: UInt64(each), &worker)
            try await worker.heartbeat(tokens)
            drawn += more.count
        }
        coordinator.stop()
        let after = try size(coordinator.ledger)
        _ = try await coordinator.start()
        try await measureMore(tokens, drawn, &worker)
        return Made(
            launchSeconds: launchSeconds, leaseSeconds: leaseSeconds,
            bytesPerPoint: Double(after - before) / Double(each * drawn))
    }

    private func claim(_ free: Int, _ worker: inout BenchWorker) async throws -> [AttemptToken] {
        let tokens = try await worker.exchange(free: free).grants.map(\.token)
        guard !tokens.isEmpty else { throw CommandFailure(.failed, "claimed no job of \(free)") }
        return tokens
    }

    private func draw(
        _ tokens: [AttemptToken], each: Int, _ worker: BenchWorker, _ coordinator: BenchCoordinator
    ) async throws {
        for start in stride(from: 0, to: tokens.count, by: 8) {
            try await BenchMetrics.send(
                tokens[start..<min(start + 8, tokens.count)].map { ($0, worker.session) }, each: each, batch: 4000,
                client: coordinator.client)
        }
    }

    /// Results of jobs that have no curve.
    ///
    /// - Parameters:
    ///   - tokens: attempts that have results and go on.
    ///   - first: how many have results already.
    private func measureMore(_ tokens: [AttemptToken], _ first: Int, _ worker: inout BenchWorker) async throws {
        var measured = first
        while measured < min(results, jobs) {
            let more = try await claim(min(Self.piece, min(results, jobs) - measured), &worker)
            try await evaluate(more, from: measured, isEnd: 0, &worker)
            try await worker.heartbeat(tokens)
            measured += more.count
        }
    }

    /// - Parameters:
    ///   - first: the place of the first one among all.
    ///   - isEnd: they are done with it, after so many points each.
    private func evaluate(
        _ tokens: [AttemptToken], from first: Int = 0, isEnd position: UInt64? = nil, _ worker: inout BenchWorker
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
            if let position {
                let end = FinishReport(streamPosition: position)
                reports += part.map { SweepModel.Report(token: $0, .finished(end)) }
            }
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
