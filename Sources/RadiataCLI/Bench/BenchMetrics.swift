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

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        _ = try await coordinator.launch(streams)
        var tokens: [(AttemptToken, SessionID)] = []
        for index in 0..<streams {
            var worker = try await BenchWorker("stream-\(index)", client: coordinator.client)
            tokens += try await worker.exchange().grants.map { ($0.token, worker.session) }
        }
        guard tokens.count == streams else { throw CommandFailure(.failed, "not every stream got a job") }
        let each = points / streams
        let (_, seconds) = try await coordinator.time {
            try await Self.send(tokens, each: each, batch: batch, client: coordinator.client)
        }
        return Report(
            points: each * streams, streams: streams, batch: batch, seconds: seconds,
            pointsPerSecond: Double(each * streams) / seconds)
    }

    /// Sends every stream's points, all streams at once, batch after batch.
    static func send(
        _ tokens: [(AttemptToken, SessionID)], each: Int, batch: Int, client: SweepClient
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (token, session) in tokens {
                group.addTask {
                    var first = 1
                    while first <= each {
                        let count = min(batch, each - first + 1)
                        let request = Self.batch(token, session, first: first, count: count)
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
    private static func batch(
        _ token: AttemptToken, _ session: SessionID, first: Int, count: Int
    ) -> MetricBatch {
        let keys = ["loss", "loss_average", "lr", "grad_norm"]
        var steps = keys.map { _ in [Int64]() }
        var values = keys.map { _ in [Double]() }
        for point in first..<(first + count) {
            let index = (point - 1) % keys.count
            steps[index].append(Int64((point - 1) / keys.count + 1))
            values[index].append(1 / Double(point))
        }
        let series = keys.indices.filter { !steps[$0].isEmpty }.map {
            MetricSeries(key: keys[$0], steps: steps[$0], values: values[$0])
        }
        return MetricBatch(token: token, session: session, first: UInt64(first), series: series)
    }
}
