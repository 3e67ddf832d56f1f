import Foundation
import RunSpec
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

/// Metric points through the binary batches of the protocol, synced to disk before each answer.
struct BenchMetrics {
    var points = 1_000_000
    var streams = 8
    var batch = 4000

    struct Report: Encodable {
        let points: Int
        let streams: Int
        let batch: Int
        let seconds: Double
        let pointsPerSecond: Double

        private enum CodingKeys: String, CodingKey {
            case points, streams, batch, seconds
            case pointsPerSecond = "points_per_second"
        }
    }

    func run(_ house: BenchHouse) async throws -> Report {
        _ = try await house.launch(streams)
        var tokens: [AttemptToken] = []
        for index in 0..<streams {
            var worker = try await BenchWorker("stream-\(index)", client: house.client)
            tokens += try await worker.exchange().grants.map(\.token)
        }
        guard tokens.count == streams else { throw CommandFailure(.failed, "not every stream got a job") }
        let each = points / streams
        let (_, seconds) = try await house.time {
            try await Self.send(tokens, each: each, batch: batch, client: house.client)
        }
        return Report(
            points: each * streams, streams: streams, batch: batch, seconds: seconds,
            pointsPerSecond: Double(each * streams) / seconds)
    }

    /// Sends every stream's points, all streams at once, batch after batch.
    static func send(_ tokens: [AttemptToken], each: Int, batch: Int, client: SweepClient) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for token in tokens {
                group.addTask {
                    var first = 1
                    while first <= each {
                        let count = min(batch, each - first + 1)
                        let request = Self.batch(token, first: first, count: count)
                        let next = try await client.call(.metrics, request, retry: .forever).next
                        guard next == UInt64(first + count) else {
                            throw CommandFailure(.failed, "the stream went to \(next), wanted \(first + count)")
                        }
                        first += count
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Four curves, as trainers write them.
    private static func batch(_ token: AttemptToken, first: Int, count: Int) -> MetricBatch {
        let keys = ["loss", "loss_average", "lr", "grad_norm"]
        var series = keys.map { MetricBatch.Series(key: $0, steps: [], values: []) }
        for point in first..<(first + count) {
            let index = (point - 1) % keys.count
            series[index].steps.append(Int64((point - 1) / keys.count + 1))
            series[index].values.append(1 / Double(point))
        }
        return MetricBatch(token: token, first: UInt64(first), series: series.filter { !$0.steps.isEmpty })
    }
}

/// A large ledger: launch, the questions people ask, a restart, and what a point weighs.
struct BenchLedger {
    var jobs = 10_000
    var points = 1_000_000
    /// Jobs that have results and curves.
    private static let busy = 200

    init(jobs: Int = 10_000, points: Int = 1_000_000) {
        self.jobs = jobs
        self.points = points
    }

    struct Report: Encodable {
        let jobs: Int
        let points: Int
        let launchSeconds: Double
        let top: Double
        let page: Double
        let curve: Double
        let startSeconds: Double
        let bytesPerPoint: Double

        private enum CodingKeys: String, CodingKey {
            case jobs, points
            case launchSeconds = "launch_seconds"
            case top = "top_ms"
            case page = "page_ms"
            case curve = "curve_ms"
            case startSeconds = "start_seconds"
            case bytesPerPoint = "bytes_per_point"
        }
    }

    func run(_ house: BenchHouse) async throws -> Report {
        let launchSeconds = try await house.launch(jobs)
        let busy = min(Self.busy, jobs)
        var worker = try await BenchWorker("bench", client: house.client, slots: busy)
        let tokens = try await worker.exchange(free: busy).grants.map(\.token)
        guard tokens.count == busy else { throw CommandFailure(.failed, "claimed \(tokens.count), wanted \(busy)") }
        // Stopping copies the log into the file: its size is then that of what it holds.
        house.stop()
        let before = try size(house.ledger)
        _ = try await house.start()
        let each = max(1, points / busy)
        for start in stride(from: 0, to: busy, by: 8) {
            try await BenchMetrics.send(
                Array(tokens[start..<min(start + 8, busy)]), each: each, batch: 4000, client: house.client)
        }
        house.stop()
        let after = try size(house.ledger)
        let startSeconds = try await house.start()
        try await evaluate(tokens, &worker)
        let top = try await house.time {
            try await SweepResults(client: house.client, sweep: "bench").fetch().ranking(by: "score", prompts: nil)
        }
        guard !top.value.isEmpty else { throw CommandFailure(.failed, "the ranking is empty") }
        let page = try await house.time {
            try await house.client.call(.jobs, JobsRequest(sweep: "bench", limit: 100, after: tokens.last?.job.text))
        }
        let curve = try await house.time {
            try await house.client.call(
                .query,
                QueryRequest(
                    sql:
                        "SELECT step, value FROM metrics WHERE job = '\(tokens[0].job.text)' AND key = 'loss' ORDER BY step"
                ))
        }
        return Report(
            jobs: jobs, points: each * busy, launchSeconds: launchSeconds, top: top.seconds * 1000,
            page: page.seconds * 1000, curve: curve.seconds * 1000, startSeconds: startSeconds,
            bytesPerPoint: Double(after - before) / Double(each * busy))
    }

    private func evaluate(_ tokens: [AttemptToken], _ worker: inout BenchWorker) async throws {
        for start in stride(from: 0, to: tokens.count, by: 100) {
            let reports = tokens[start..<min(start + 100, tokens.count)].enumerated().map { index, token in
                SweepWire.Report(
                    token: token,
                    .evaluations(
                        EvaluationReport(
                            rows: [
                                EvaluationRow(
                                    checkpoint: "final", epoch: 1, step: 1, class: "", prompts: "train",
                                    metric: "score", value: Double(index), n: 1)
                            ], completed: [])))
            }
            let answer = try await worker.exchange(reports, free: 0)
            guard answer.outcomes.allSatisfy({ $0 == .accepted }) else {
                throw CommandFailure(.failed, "an evaluation was refused: \(answer.outcomes)")
            }
        }
    }

    private func size(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.size] as? NSNumber)?.intValue ?? 0
    }
}

/// Many workers that wait: what they cost, and how soon all of them have work once there is some.
struct BenchIdle {
    var workers = 1000
    var seconds = 20.0

    struct Report: Encodable {
        let workers: Int
        let residentMegabytes: Double
        let cpuPercent: Double
        let allLeasedSeconds: Double

        private enum CodingKeys: String, CodingKey {
            case workers
            case residentMegabytes = "resident_mb"
            case cpuPercent = "cpu_percent"
            case allLeasedSeconds = "all_leased_seconds"
        }
    }

    func run(_ house: BenchHouse) async throws -> Report {
        guard let pid = house.cluster.coordinatorPID else { throw CommandFailure(.failed, "no coordinator runs") }
        let heart = SweepClient(house.client.configuration)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let leased = AsyncStream.makeStream(of: Void.self)
            for index in 0..<workers {
                let worker = try await BenchWorker("idle-\(index)", client: house.client)
                group.addTask {
                    var worker = worker
                    while try await worker.exchange(wait: WireLimit.waitSeconds).grants.isEmpty {}
                    leased.continuation.yield()
                }
                let beating = BenchBeat(client: heart, session: worker.session, phase: Double(index) / Double(workers))
                group.addTask { try await beating.run() }
            }
            let before = try ProcessFigures(pid: pid)
            let began = house.now
            try await Task.sleep(for: .seconds(seconds))
            let after = try ProcessFigures(pid: pid)
            let elapsed = house.seconds(since: began)
            let launch = house.now
            _ = try await house.launch(workers)
            var count = 0
            for await _ in leased.stream {
                count += 1
                if count == workers { break }
            }
            let allLeased = house.seconds(since: launch)
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError {}
            return Report(
                workers: workers, residentMegabytes: after.residentMegabytes,
                cpuPercent: (after.cpuSeconds - before.cpuSeconds) / elapsed * 100, allLeasedSeconds: allLeased)
        }
    }
}

/// The heartbeats of a worker without attempts.
private struct BenchBeat {
    let client: SweepClient
    let session: SessionID
    /// Share of the first interval to wait, so that not all beat at once.
    let phase: Double

    func run() async throws {
        try await Task.sleep(for: .seconds(10 * phase))
        while !Task.isCancelled {
            _ = try await client.call(.heartbeat, HeartbeatRequest(session: session, attempts: []))
            try await Task.sleep(for: .seconds(10))
        }
    }
}
