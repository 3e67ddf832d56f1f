import Ports
import SweepWire

/// Many workers that wait: what they cost, how soon all of them have work once there is some, and how soon
/// after the coordinator was started anew.
struct BenchIdle {
    var workers = 1000
    var seconds = 20.0

    struct Report: Encodable {
        let workers: Int
        let residentMegabytes: Double
        /// Of a core, while all wait.
        let cpuPercent: Double
        /// Until all wait, from when they begin to connect: of a core, and on the clock.
        let arrivalCPUSeconds: Double
        let arrivalSeconds: Double
        /// From the launch of a job for each to the last one's.
        let allLeasedSeconds: Double
        /// From the end of the coordinator's process to that, with a new process and a new launch in it.
        let restartSeconds: Double

        private enum CodingKeys: String, CodingKey {
            case workers
            case residentMegabytes = "resident_mb"
            case cpuPercent = "cpu_percent"
            case arrivalCPUSeconds = "arrival_cpu_seconds"
            case arrivalSeconds = "arrival_seconds"
            case allLeasedSeconds = "all_leased_seconds"
            case restartSeconds = "restart_seconds"
        }
    }

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        guard let pid = coordinator.cluster.coordinatorPID else { throw CommandFailure(.failed, "no coordinator runs") }
        let fleet = try await BenchFleet(workers, waits: true, with: coordinator)
        let registered = try ProcessFigures(pid: pid)
        let arrival = coordinator.now
        fleet.start()
        defer { fleet.stop() }
        let before = try await settled(pid, registered)
        let began = coordinator.now
        try await Task.sleep(for: .seconds(seconds))
        let after = try ProcessFigures(pid: pid)
        let elapsed = coordinator.seconds(since: began)
        let launch = coordinator.now
        _ = try await coordinator.launch(workers)
        try await fleet.until { $0.leased == workers }
        let allLeased = coordinator.seconds(since: launch)
        try await fleet.until { $0.done == workers }
        let restart = coordinator.now
        coordinator.stop()
        _ = try await coordinator.start(within: fleet.still)
        _ = try await coordinator.launch(workers, name: "again", firstSeed: 1_000_001)
        try await fleet.until { $0.leased == 2 * workers }
        return Report(
            workers: workers, residentMegabytes: after.residentMegabytes,
            cpuPercent: (after.cpuSeconds - before.cpuSeconds) / elapsed * 100,
            arrivalCPUSeconds: before.cpuSeconds - registered.cpuSeconds,
            arrivalSeconds: arrival.duration(to: began).inSeconds, allLeasedSeconds: allLeased,
            restartSeconds: coordinator.seconds(since: restart))
    }

    /// Waits until all have connected and asked, and what registering left behind is done: a connection costs
    /// as much as several polls.
    ///
    /// - Returns: figures of then.
    private func settled(_ pid: Int32, _ registered: ProcessFigures) async throws -> ProcessFigures {
        var last = registered
        for _ in 0..<Self.mostSettling {
            try await Task.sleep(for: .seconds(1))
            let now = try ProcessFigures(pid: pid)
            let used = now.cpuSeconds - last.cpuSeconds
            last = now
            if used <= Self.restingShare { break }
        }
        return last
    }

    private static let mostSettling = 25
    /// Of a core.
    private static let restingShare = 0.1
}
