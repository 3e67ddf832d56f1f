import Foundation
import Glibc

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
        /// Of a core, while the jobs ran: what the coordinator took, and what measuring it took.
        let coordinatorPercent: Double
        let clientPercent: Double

        private enum CodingKeys: String, CodingKey {
            case jobs, workers, seconds
            case cyclesPerSecond = "cycles_per_second"
            case leaseP50 = "lease_p50_ms"
            case leaseP99 = "lease_p99_ms"
            case coordinatorPercent = "coordinator_cpu_percent"
            case clientPercent = "client_cpu_percent"
        }
    }

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        guard let pid = coordinator.cluster.coordinatorPID else { throw CommandFailure(.failed, "no coordinator runs") }
        _ = try await coordinator.launch(jobs)
        let fleet = try await BenchFleet(workers, with: coordinator)
        let before = (try ProcessFigures(pid: pid), try ProcessFigures(pid: getpid()))
        let began = coordinator.now
        fleet.start()
        try await fleet.until(\.isOver)
        let seconds = coordinator.seconds(since: began)
        let after = (try ProcessFigures(pid: pid), try ProcessFigures(pid: getpid()))
        let figures = fleet.figures
        guard figures.done == jobs else {
            throw CommandFailure(.failed, "\(figures.done) of \(jobs) jobs were finished")
        }
        return Report(
            jobs: jobs, workers: workers, seconds: seconds, cyclesPerSecond: Double(jobs) / seconds,
            leaseP50: figures.latencies.quantile(0.5) * 1000, leaseP99: figures.latencies.quantile(0.99) * 1000,
            coordinatorPercent: (after.0.cpuSeconds - before.0.cpuSeconds) / seconds * 100,
            clientPercent: (after.1.cpuSeconds - before.1.cpuSeconds) / seconds * 100)
    }
}
