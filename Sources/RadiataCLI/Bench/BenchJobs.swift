import Foundation
import SweepClient
import SweepModel
import SweepWire

/// No-op jobs through claim and finish, each claim and each result synced to disk before its answer.
struct BenchJobs {
    var jobs = 5000
    var workers = 16

    struct Report: Encodable {
        let jobs: Int
        let workers: Int
        let seconds: Double
        let cyclesPerSecond: Double
        let leaseP50: Double
        let leaseP99: Double

        private enum CodingKeys: String, CodingKey {
            case jobs, workers, seconds
            case cyclesPerSecond = "cycles_per_second"
            case leaseP50 = "lease_p50_ms"
            case leaseP99 = "lease_p99_ms"
        }
    }

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        _ = try await coordinator.launch(jobs)
        let began = coordinator.now
        let results = try await withThrowingTaskGroup(of: (done: Int, latencies: [Double]).self) { group in
            for index in 0..<workers {
                let client = coordinator.client
                group.addTask { try await Self.drain("bench-\(index)", client) }
            }
            return try await group.reduce(into: (done: 0, latencies: [Double]())) { sum, one in
                sum.done += one.done
                sum.latencies += one.latencies
            }
        }
        let seconds = coordinator.seconds(since: began)
        guard results.done == jobs else {
            throw CommandFailure(.failed, "\(results.done) of \(jobs) jobs were finished")
        }
        return Report(
            jobs: jobs, workers: workers, seconds: seconds, cyclesPerSecond: Double(jobs) / seconds,
            leaseP50: results.latencies.quantile(0.5) * 1000, leaseP99: results.latencies.quantile(0.99) * 1000)
    }

    private static func drain(_ name: String, _ client: SweepClient) async throws -> (done: Int, latencies: [Double]) {
        var worker = try await BenchWorker(name, client: client)
        let clock = SuspendingClock()
        var done = 0
        var latencies: [Double] = []
        var held: [AttemptToken] = []
        while true {
            let began = clock.now
            let answer = try await worker.exchange(
                held.map { SweepModel.Report(token: $0, .finished(FinishReport(streamPosition: 0))) })
            done += answer.outcomes.count { $0 == .accepted }
            held = answer.grants.map(\.token)
            if held.isEmpty { return (done, latencies) }
            latencies.append(began.duration(to: clock.now) / .seconds(1))
        }
    }
}
