import SweepClient
import SweepModel
import SweepWire

/// Jobs that run `true`, through a real worker: folder, spool, child process, report.
struct BenchProcesses {
    var jobs = 200
    var slots = 4

    struct Report: Encodable {
        let jobs: Int
        let slots: Int
        let seconds: Double
        let jobsPerSecond: Double

        private enum CodingKeys: String, CodingKey {
            case jobs, slots, seconds
            case jobsPerSecond = "jobs_per_second"
        }
    }

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        try coordinator.cluster.startWorker(1, threads: 1, slots: slots, inputs: [])
        // The worker is there before the clock runs.
        while try await coordinator.client.call(.workers, Nothing()).items.isEmpty {
            try await Task.sleep(for: .milliseconds(20))
        }
        let began = coordinator.now
        _ = try await coordinator.launch(jobs)
        while true {
            let states =
                try await coordinator.client.call(.status, SweepRequest(sweep: "bench")).sweeps.first?.states ?? [:]
            if states["done"] == jobs { break }
            if let casualties = coordinator.cluster.casualties() { throw CommandFailure(.failed, casualties) }
            guard (states["failed"] ?? 0) + (states["parked"] ?? 0) == 0 else {
                throw CommandFailure(.failed, "jobs that run 'true' failed; see \(coordinator.cluster.folder)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        let seconds = coordinator.seconds(since: began)
        return Report(jobs: jobs, slots: slots, seconds: seconds, jobsPerSecond: Double(jobs) / seconds)
    }
}
