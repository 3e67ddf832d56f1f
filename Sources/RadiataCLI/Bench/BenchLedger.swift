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
    /// Of calls of which the median counts.
    private static let rounds = 5
    /// Seconds that a coordinator is given to come to rest after a start.
    private static let longestSettling = 120.0

    /// Jobs that are claimed at one time.
    private static let piece = 500

    /// What people ask, in milliseconds.
    struct Calls: Encodable {
        let top: Double
        /// By the rule, as `top` without a metric.
        let rule: Double
        let status: Double
        let page: Double
        /// Of a state that no job is in.
        let emptyPage: Double
        let curve: Double

        private enum CodingKeys: String, CodingKey {
            case top = "top_ms"
            case rule = "rule_ms"
            case status = "status_ms"
            case page = "page_ms"
            case emptyPage = "empty_page_ms"
            case curve = "curve_ms"
        }
    }

    struct Report: Encodable {
        /// As the ledger counts them.
        let jobs: Int
        let points: Int
        let results: Int
        /// What making the ledger told; nil for one that was there.
        let made: Made?
        let startSeconds: Double
        /// Right after the start, and when what the coordinator does by itself after one was done: the median
        /// of some rounds.
        let first: Calls
        let settled: Calls
        let settledSeconds: Double
        /// Of the coordinator, after all that.
        let residentMegabytes: Double

        private enum CodingKeys: String, CodingKey {
            case jobs, points, results, settled
            case startSeconds = "start_seconds"
            case settledSeconds = "settled_seconds"
            case residentMegabytes = "resident_megabytes"
        }

        /// The first calls and what making told stand beside the counts.
        func encode(to encoder: any Encoder) throws {
            var own = encoder.container(keyedBy: CodingKeys.self)
            try own.encode(jobs, forKey: .jobs)
            try own.encode(points, forKey: .points)
            try own.encode(results, forKey: .results)
            try own.encode(startSeconds, forKey: .startSeconds)
            try own.encode(settled, forKey: .settled)
            try own.encode(settledSeconds, forKey: .settledSeconds)
            try own.encode(residentMegabytes, forKey: .residentMegabytes)
            try first.encode(to: encoder)
            try made?.encode(to: encoder)
        }
    }

    /// What making a ledger told: of the launch, and until the first job was leased.
    struct Made: Encodable {
        let launchSeconds: Double
        let leaseSeconds: Double
        let bytesPerPoint: Double

        private enum CodingKeys: String, CodingKey {
            case launchSeconds = "launch_seconds"
            case leaseSeconds = "lease_seconds"
            case bytesPerPoint = "bytes_per_point"
        }
    }

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        let isThere = try await coordinator.client.call(.sweeps, Nothing()).items.contains { $0.name == "bench" }
        let made = isThere ? nil : try await make(coordinator)
        coordinator.stop()
        let startSeconds = try await coordinator.start()
        // Its first jobs have curves.
        guard let job = try await coordinator.client.call(.jobs, JobsRequest(sweep: "bench", limit: 1)).items.first?.id
        else {
            throw CommandFailure(.failed, "the ledger has no jobs")
        }
        let first = try await ask(coordinator, job)
        let settledSeconds = try await settle(coordinator)
        var rounds: [Calls] = []
        for _ in 0..<Self.rounds { rounds.append(try await ask(coordinator, job)) }
        func median(_ call: KeyPath<Calls, Double>) -> Double { rounds.map { $0[keyPath: call] }.quantile(0.5) }
        let counted = try await coordinator.client.answer(to: PublicQueries.totals, limit: 1).first?.map {
            if case .integer(let count) = $0 { Int(count) } else { 0 }
        }
        guard let counted, counted.count == 3 else { throw CommandFailure(.failed, "the ledger cannot be counted") }
        return Report(
            jobs: counted[0], points: counted[1], results: counted[2], made: made, startSeconds: startSeconds,
            first: first,
            settled: Calls(
                top: median(\.top), rule: median(\.rule), status: median(\.status), page: median(\.page),
                emptyPage: median(\.emptyPage), curve: median(\.curve)),
            settledSeconds: settledSeconds, residentMegabytes: try figures(coordinator).residentMegabytes)
    }

    private func ask(_ coordinator: BenchCoordinator, _ job: String) async throws -> Calls {
        let client = coordinator.client
        func milliseconds(_ body: () async throws -> Void) async throws -> Double {
            try await coordinator.time(body).seconds * 1000
        }
        func rank(_ rule: DecisionRule?) async throws {
            let found = try await SweepResults(source: client, sweep: "bench").fetchForAnswer(
                rule: rule, rows: Self.shown)
            guard !found.set.answer(rule: found.rule).rows.isEmpty else {
                throw CommandFailure(.failed, "the ranking is empty")
            }
        }
        return Calls(
            top: try await milliseconds {
                try await rank(DecisionRule(criteria: [Criterion(metric: "score", prompts: "train")]))
            },
            rule: try await milliseconds { try await rank(nil) },
            status: try await milliseconds { _ = try await client.call(.status, SweepRequest(sweep: "bench")) },
            page: try await milliseconds {
                _ = try await client.call(.jobs, JobsRequest(sweep: "bench", limit: 100, after: job))
            },
            emptyPage: try await milliseconds {
                _ = try await client.call(.jobs, JobsRequest(sweep: "bench", state: "parked", limit: 100))
            },
            curve: try await milliseconds {
                _ = try await client.rows(of: PublicQueries.curve(ofJob: job, key: "loss"))
            })
    }

    private func figures(_ coordinator: BenchCoordinator) throws -> ProcessFigures {
        guard let pid = coordinator.cluster.coordinatorPID else {
            throw CommandFailure(.failed, "the coordinator is gone")
        }
        return try ProcessFigures(pid: pid)
    }

    /// Waits until the coordinator rests.
    ///
    /// - Returns: seconds until then.
    private func settle(_ coordinator: BenchCoordinator) async throws -> Double {
        let began = coordinator.now
        var used = try figures(coordinator).cpuSeconds
        while coordinator.seconds(since: began) < Self.longestSettling {
            try await Task.sleep(for: .seconds(1))
            let now = try figures(coordinator).cpuSeconds
            if now - used <= 0.03 { break }
            used = now
        }
        return coordinator.seconds(since: began)
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
        // A launch of a million jobs takes longer than a lease.
        let beats = Task {
            let (tokens, waiting, _) = try await lease.value
            while true {
                try await waiting.heartbeat(tokens)
                try await Task.sleep(for: .seconds(10))
            }
        }
        defer { beats.cancel() }
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
            try await worker.heartbeat(tokens)
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
