import Coordinator
import Foundation
import Ports
import SweepClient
import SweepWire
import Testing

@Suite("Tokens of one's own coordinators are found, and sent to nobody else")
struct RegistryTests {
    private static func registry() -> CoordinatorRegistry {
        CoordinatorRegistry(
            folder: NSTemporaryDirectory() + "state-\(SystemRandom().hexadecimal(bytes: 8))/radiata/coordinators",
            machine: "0123456789ab")
    }

    private static func remove(_ registry: CoordinatorRegistry) {
        let state = String(registry.folder.dropLast("/radiata/coordinators".count))
        do { try FileManager.default.removeItem(atPath: state) } catch { Issue.record("\(error)") }
    }

    @Test(
        "the coordinator publishes its token for its user alone, and takes it away when it ends; calls then need none")
    func published() async throws {
        let registry = Self.registry()
        defer { Self.remove(registry) }
        var options = DaemonBench.Options()
        options.registry = registry
        try await DaemonBench.with(options) { bench async throws in
            let file = registry.path(port: bench.raw.port)
            #expect(file.hasSuffix("/0123456789ab-\(bench.raw.port).token"))
            #expect(try DiskFiles().information(file)?.mode == 0o600)
            #expect(try DiskFiles().information(registry.folder)?.mode == 0o700)
            for host in ["127.0.0.1", "localhost"] {
                let client = SweepClient(
                    try ClientConfiguration(coordinator: "http://\(host):\(bench.raw.port)", registry: registry))
                _ = try await client.call(.tokens, Nothing(), retry: .never)
            }
            let port = bench.raw.port
            try await bench.stop()
            #expect(try DiskFiles().information(file) == nil)
            #expect(try registry.token(port: port) == nil)
        }
    }

    @Test("a token that was given comes before the registry's; without either the remedy is told")
    func order() async throws {
        let registry = Self.registry()
        defer { Self.remove(registry) }
        var options = DaemonBench.Options()
        options.registry = registry
        try await DaemonBench.with(options) { bench async throws in
            func code(_ configuration: ClientConfiguration) async throws -> ClientError? {
                do {
                    _ = try await SweepClient(configuration).call(.sweeps, Nothing(), retry: .never)
                    return nil
                } catch let error as ClientError {
                    return error
                }
            }
            let wrong = try ClientConfiguration(coordinator: bench.url, token: "wrong", registry: registry)
            #expect(try await code(wrong)?.code == .refused(.unauthorized))
            // As a program asks that does not know the registry.
            let none = try #require(try await code(try ClientConfiguration(coordinator: bench.url)))
            #expect(none.code == .refused(.unauthorized))
            #expect(
                none.answer?.message.contains("--token-file") == true
                    && none.answer?.message.contains("admin.token") == true)
        }
    }

    @Test("a client that asked before its coordinator was there finds the token of the one that came")
    func laterCoordinator() async throws {
        let registry = Self.registry()
        defer { Self.remove(registry) }
        var options = DaemonBench.Options()
        options.registry = registry
        let bench = DaemonBench(options)
        try await bench.start()
        let port = bench.raw.port
        let client = SweepClient(
            try ClientConfiguration(coordinator: "http://127.0.0.1:\(port)", registry: registry))
        _ = try await client.call(.sweeps, Nothing(), retry: .never)
        try await bench.end()
        let error = await #expect(throws: ClientError.self) { try await client.call(.sweeps, Nothing(), retry: .never) }
        #expect(error?.code == .unreachable)
        // Another ledger with another token on the same port.
        let other = DaemonBench(port: port, options)
        try await other.start()
        _ = try await client.call(.sweeps, Nothing(), retry: .never)
        try await other.end()
    }

    @Test("a coordinator leaves the token of another one that took its port")
    func foreignFileStays() throws {
        let registry = Self.registry()
        defer { Self.remove(registry) }
        try registry.publish("first-token", port: 1)
        try registry.publish("second-token", port: 1)
        try registry.withdraw("first-token", port: 1)
        #expect(try registry.token(port: 1) == "second-token")
        try registry.withdraw("second-token", port: 1)
        #expect(try registry.token(port: 1) == nil)
    }
}
