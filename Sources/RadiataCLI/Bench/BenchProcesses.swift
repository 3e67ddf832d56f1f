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

    func run(_ house: BenchHouse) async throws -> Report {
        try house.cluster.startWorker(1, threads: 1, slots: slots, inputs: [])
        // The worker is there before the clock runs.
        while try await house.client.call(.workers, Nothing()).items.isEmpty {
            try await Task.sleep(for: .milliseconds(20))
        }
        let began = house.now
        _ = try await house.launch(jobs)
        while true {
            let states = try await house.client.call(.status, SweepRequest(sweep: "bench")).sweeps.first?.states ?? [:]
            if states["done"] == jobs { break }
            if let casualties = house.cluster.casualties() { throw CommandFailure(.failed, casualties) }
            guard (states["failed"] ?? 0) + (states["parked"] ?? 0) == 0 else {
                throw CommandFailure(.failed, "jobs that run 'true' failed; see \(house.cluster.folder)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        let seconds = house.seconds(since: began)
        return Report(jobs: jobs, slots: slots, seconds: seconds, jobsPerSecond: Double(jobs) / seconds)
    }
}
