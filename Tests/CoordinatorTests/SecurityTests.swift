import Coordinator
import Foundation
import Ports
import SweepClient
import SweepLedger
import SweepModel
import SweepWire
import Testing

@Suite("Who may do what, and what is refused at the start")
struct SecurityTests {
    @Test("with a token file every call but health wants a token of the right scope; revoking works at once")
    func tokens() async throws {
        let file = NSTemporaryDirectory() + "token-\(SystemRandom().hexadecimal(bytes: 8))"
        let secret = SystemRandom().hexadecimal(bytes: 32)
        try DiskFiles().writeAtomically(Array(secret.utf8), to: file, mode: 0o600)
        let bench = DaemonBench(tokenFile: file)
        try await bench.start()
        do {
            _ = try await bench.call(.health, Nothing())
            func code(_ token: String?) async -> WireError.Code? {
                do {
                    _ = try await bench.call(.sweeps, Nothing(), token: token)
                    return nil
                } catch let error as ClientError {
                    return error.answer?.code
                } catch {
                    Issue.record("\(error)")
                    return .other
                }
            }
            #expect(await code(nil) == .unauthorized)
            #expect(await code("wrong") == .unauthorized)
            #expect(await code(secret) == nil)
            let admin = try DiskFiles().readText(bench.folder + "/admin.token").trimmingCharacters(in: .newlines)
            #expect(try DiskFiles().information(bench.folder + "/admin.token")?.mode == 0o600)
            #expect(await code(admin) == nil)

            let made = try await bench.call(.createToken, TokenRequest(scope: .read, note: "r"), token: secret)
            #expect(await code(made.token) == nil)
            let forbidden = await #expect(throws: ClientError.self) {
                try await bench.call(.action, ActionRequest(action: .pause, target: "t"), token: made.token)
            }
            #expect(forbidden?.answer?.code == .forbidden)
            _ = try await bench.call(.revokeToken, RevokeRequest(id: made.id), token: secret)
            #expect(await code(made.token) == .unauthorized)
            try await bench.stop()
            // No secret is anywhere in the ledger's file.
            let bytes = try Data(contentsOf: URL(filePath: bench.folder + "/ledger.db"))
            for text in [secret, admin, made.token] { #expect(bytes.range(of: Data(text.utf8)) == nil) }
        } catch {
            try await bench.end()
            throw error
        }
        try await bench.end()
        try DiskFiles().remove(file)
    }

    @Test("a port in use and a folder in use are named with the remedy")
    func inUse() async throws {
        try await DaemonBench.with { bench in
            let port = try #require(Int(bench.url.split(separator: ":").last ?? ""))
            let other = DaemonBench(port: port)
            let busy = await #expect(throws: CoordinatorError.self) { try await other.start() }
            #expect(busy?.code == .portInUse && busy?.message.contains("\(port)") == true)
            do { try await other.end() } catch is CoordinatorError {}
            let locked = #expect(throws: LedgerError.self) { try CoordinatorService(bench.configuration) }
            #expect(locked?.code == .locked && locked?.message.contains(bench.folder) == true)
        }
    }

    @Test(
        "what would be unsafe does not start",
        arguments: [
            CoordinatorConfiguration(dataFolder: "/nonexistent", tlsCertificate: "only.pem"),
            CoordinatorConfiguration(dataFolder: "/nonexistent", port: 70000),
        ])
    func refusedConfigurations(configuration: CoordinatorConfiguration) {
        let error = #expect(throws: CoordinatorError.self) { try CoordinatorService(configuration) }
        #expect(error?.code == .badConfiguration)
    }

    @Test("a stop is quick even while a poll waits, and the poll is told to come again")
    func stopWithPoll() async throws {
        let bench = DaemonBench()
        try await bench.start()
        let one = try await HandWorker("one", bench)
        let poll = Task { try await one.exchange(free: 1, wait: 30) }
        // The poll is there once the coordinator has heard from the session again; its answer is the event to
        // wait for.
        _ = try await bench.call(.status, SweepRequest(sweep: ""))
        let clock = SuspendingClock()
        let started = clock.now
        try await bench.end()
        // A stop that waited for the poll would take its 30 s; speed itself is no matter of a test on a
        // shared machine.
        #expect(started.duration(to: clock.now) < .seconds(20))
        let error = await #expect(throws: ClientError.self) { try await poll.value }
        #expect(error?.isTransient == true)
    }
}
