import SweepClient
import SweepModel
import SweepWire

/// Many workers that wait: what they cost, and how soon all of them have work once there is some.
struct BenchIdle {
    var workers = 1000
    var seconds = 20.0
    private static let workersOfToken = 4000

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

    func run(_ coordinator: BenchCoordinator) async throws -> Report {
        guard let pid = coordinator.cluster.coordinatorPID else { throw CommandFailure(.failed, "no coordinator runs") }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let leased = AsyncStream.makeStream(of: Void.self)
            var (client, heart) = (coordinator.client, SweepClient(coordinator.client.configuration))
            for index in 0..<workers {
                // A token may register so many and no more.
                if index > 0, index.isMultiple(of: Self.workersOfToken) {
                    client = try await coordinator.anotherClient()
                    heart = SweepClient(client.configuration)
                }
                let worker = try await BenchWorker("idle-\(index)", client: client)
                group.addTask {
                    var worker = worker
                    while try await worker.exchange(wait: WireLimit.waitSeconds).grants.isEmpty {}
                    leased.continuation.yield()
                }
                let beating = BenchBeat(client: heart, session: worker.session, phase: Double(index) / Double(workers))
                group.addTask { try await beating.run() }
            }
            let before = try ProcessFigures(pid: pid)
            let began = coordinator.now
            try await Task.sleep(for: .seconds(seconds))
            let after = try ProcessFigures(pid: pid)
            let elapsed = coordinator.seconds(since: began)
            let launch = coordinator.now
            _ = try await coordinator.launch(workers)
            var count = 0
            for await _ in leased.stream {
                count += 1
                if count == workers { break }
            }
            let allLeased = coordinator.seconds(since: launch)
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
