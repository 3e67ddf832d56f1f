import SweepWire

/// Many workers that wait: what they cost, how soon all of them have work once there is some, and how soon
/// after the coordinator was started anew.
struct BenchIdle {
    var workers = 1000
    var seconds = 20.0

    struct Report: Encodable {
        let workers: Int
        let residentMegabytes: Double
        let cpuPercent: Double
        /// From the launch of a job for each to the last one's.
        let allLeasedSeconds: Double
        /// From the end of the coordinator's process to that, with a new process and a new launch in it.
        let restartSeconds: Double

        private enum CodingKeys: String, CodingKey {
            case workers
            case residentMegabytes = "resident_mb"
            case cpuPercent = "cpu_percent"
            case allLeasedSeconds = "all_leased_seconds"
            case restartSeconds = "restart_seconds"
        }
    }

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        guard let pid = coordinator.cluster.coordinatorPID else { throw CommandFailure(.failed, "no coordinator runs") }
        let fleet = try await BenchFleet(workers, wait: Int(WireLimit.waitSeconds), with: coordinator)
        fleet.start()
        defer { fleet.stop() }
        // All have asked, and what registering left behind is done.
        try await Task.sleep(for: .seconds(2))
        let before = try ProcessFigures(pid: pid)
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
            cpuPercent: (after.cpuSeconds - before.cpuSeconds) / elapsed * 100, allLeasedSeconds: allLeased,
            restartSeconds: coordinator.seconds(since: restart))
    }
}
