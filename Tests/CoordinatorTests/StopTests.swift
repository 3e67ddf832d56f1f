import Coordinator
import Foundation
import Logging
import Ports
import ServiceLifecycle
import SweepClient
import SweepModel
import SweepWire
import Testing

@Suite("A polite stop")
struct StopTests {
    /// What SIGTERM comes to: the group is told to shut down gracefully.
    @Test("graceful shutdown answers the waiting poll, does not wait for it and leaves a ledger that opens at once")
    func gracefulShutdown() async throws {
        let bench = DaemonBench()
        let service = try CoordinatorService(bench.configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: logger))
        let running = Task { try await group.run() }
        let url = try await service.url()
        let token = try DiskFiles().readText(bench.folder + "/admin.token")
        let client = SweepClient(try ClientConfiguration(coordinator: url, token: token))
        let session = SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16))
        _ = try await client.call(
            .register,
            RegisterRequest(WorkerRecord(worker: WorkerID("one"), name: "one", session: session, slots: 1, threads: 1)))
        let poll = Task {
            try await SweepClient(try ClientConfiguration(coordinator: url, token: token)).call(
                .exchange, ExchangeRequest(session: session, number: 1, reports: [], freeSlots: 1, waitSeconds: 30),
                retry: .never, timeLimit: .seconds(40))
        }
        _ = try await client.call(.status, SweepRequest(sweep: ""))
        let clock = SuspendingClock()
        let started = clock.now
        await group.triggerGracefulShutdown()
        try await running.value
        // A stop that waited for the poll would take its 30 s; speed itself is no matter of a test on a
        // shared machine.
        #expect(started.duration(to: clock.now) < .seconds(20))
        let error = await #expect(throws: ClientError.self) { try await poll.value }
        #expect(error?.isTransient == true)
        try await bench.start()
        try await bench.end()
    }
}
