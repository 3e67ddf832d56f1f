import Glibc
import Ports
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
        /// Processes a second without anything around them.
        let barePerSecond: Double

        private enum CodingKeys: String, CodingKey {
            case jobs, slots, seconds
            case jobsPerSecond = "jobs_per_second"
            case barePerSecond = "bare_per_second"
        }
    }

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        let bare = try Self.bareRate(jobs, atOnce: slots)
        try coordinator.cluster.startWorker(1, threads: 1, slots: slots, inputs: [])
        // The worker is there before the clock runs.
        while try await coordinator.client.call(.workers, Nothing()).items.isEmpty {
            try await Task.sleep(for: .milliseconds(20))
        }
        let began = coordinator.now
        _ = try await coordinator.launch(jobs)
        while true {
            let states = try await coordinator.client.call(.sweeps, Nothing()).items.first?.states ?? [:]
            let done = states["done"] ?? 0
            if done == jobs { break }
            if let casualties = coordinator.cluster.casualties() { throw CommandFailure(.failed, casualties) }
            guard (states["failed"] ?? 0) + (states["parked"] ?? 0) == 0 else {
                throw CommandFailure(.failed, "jobs that run 'true' failed; see \(coordinator.cluster.folder)")
            }
            // Asked seldom while much is left: it takes its share of the cores.
            let left = coordinator.seconds(since: began) * Double(jobs - done) / Double(max(1, done))
            try await Task.sleep(for: .seconds(min(max(left / 3, 0.005), 0.5)))
        }
        let seconds = coordinator.seconds(since: began)
        return Report(
            jobs: jobs, slots: slots, seconds: seconds, jobsPerSecond: Double(jobs) / seconds, barePerSecond: bare)
    }

    /// `true` by posix_spawn, so many at once.
    private static func bareRate(_ count: Int, atOnce: Int) throws -> Double {
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
        defer { free(arguments[0]) }
        var running: [pid_t] = []
        let clock = SuspendingClock()
        let began = clock.now
        for _ in 0..<count {
            if running.count == atOnce { _ = waitpid(running.removeFirst(), nil, 0) }
            var pid: pid_t = 0
            let failure = posix_spawnp(&pid, "true", nil, nil, &arguments, environ)
            guard failure == 0 else {
                throw CommandFailure(.failed, "cannot start 'true': \(String(cString: strerror(failure)))")
            }
            running.append(pid)
        }
        for pid in running { _ = waitpid(pid, nil, 0) }
        return Double(count) / began.duration(to: clock.now).inSeconds
    }
}
