import Coordinator
import Foundation
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Testing

@Suite("Whose worker, whose attempt")
struct WorkerIdentityTests {
    private func register(
        _ bench: DaemonBench, _ id: String, token: String, key: String? = nil
    ) async throws -> SessionID {
        let session = SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16))
        _ = try await bench.call(
            .register,
            RegisterRequest(
                WorkerRecord(
                    worker: WorkerID(id), name: id, session: session, slots: 1, threads: 1), key: key), token: token)
        return session
    }

    private func refusal(_ body: () async throws -> Void) async -> WireError? {
        let error = await #expect(throws: ClientError.self) { try await body() }
        return error?.answer
    }

    private func worker(_ bench: DaemonBench, _ admin: String) async throws -> TokenResponse {
        try await bench.call(.createToken, TokenRequest(scope: .worker), token: admin)
    }

    @Test("a worker's id belongs to the token it came with, until that is revoked")
    func tokens() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            let (mine, other) = (try await worker(bench, admin), try await worker(bench, admin))
            _ = try await register(bench, "w", token: mine.token)
            let refused = await refusal { _ = try await register(bench, "w", token: other.token) }
            #expect(refused?.code == .forbidden && refused?.message.contains(mine.id) == true)
            _ = try await register(bench, "w", token: mine.token)
            _ = try await register(bench, "v", token: other.token)
            _ = try await bench.call(.revokeToken, RevokeRequest(id: mine.id), token: admin)
            _ = try await register(bench, "w", token: other.token)
            #expect(await refusal { _ = try await register(bench, "w", token: mine.token) }?.code == .unauthorized)
            _ = try await register(bench, "w", token: admin)
        }
    }

    @Test("with a key it belongs to the key: not to another holder of the same token, and to a new token too")
    func keys() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            let (shared, fresh) = (try await worker(bench, admin).token, try await worker(bench, admin).token)
            let key = SystemRandom().hexadecimal(bytes: 32)
            _ = try await register(bench, "w", token: shared, key: key)
            for stranger in [nil, SystemRandom().hexadecimal(bytes: 32)] {
                let refused = await refusal { _ = try await register(bench, "w", token: shared, key: stranger) }
                #expect(refused?.code == .forbidden && refused?.message.contains("key") == true)
            }
            _ = try await register(bench, "w", token: fresh, key: key)
            #expect(
                await refusal { _ = try await register(bench, "x", token: shared, key: "short") }?.code == .badRequest)
            try await bench.stop()
            let bytes = try Data(contentsOf: URL(filePath: bench.folder + "/ledger.db"))
            #expect(bytes.range(of: Data(key.utf8)) == nil, "the key is nowhere kept")
        }
    }

    @Test("metrics are taken from the session of the worker that holds the attempt, and from no other")
    func metrics() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            let (mine, other) = (try await worker(bench, admin).token, try await worker(bench, admin).token)
            _ = try await bench.call(
                .launch,
                LaunchRequest(key: SystemRandom().hexadecimal(bytes: 16), bundle: DaemonBench.bundle(["1e-4"])),
                token: admin)
            let session = try await register(bench, "one", token: mine)
            let exchange = ExchangeRequest(session: session, number: 1, reports: [], freeSlots: 1, waitSeconds: 0)
            let granted = try await bench.call(.exchange, exchange, token: mine).grants.first
            let grant = try #require(granted)
            func send(_ session: SessionID?, token: String) async throws -> UInt64 {
                let batch = MetricBatch(
                    token: grant.token, session: session, first: 1,
                    points: [MetricPoint(key: "loss", step: 1, value: 0.5)])
                return try await bench.call(.metrics, batch, token: token).next
            }
            let stranger = try await register(bench, "two", token: other)
            #expect(await refusal { _ = try await send(stranger, token: other) }?.code == .superseded)
            #expect(await refusal { _ = try await send(session, token: other) }?.code == .unknownSession)
            #expect(await refusal { _ = try await send(nil, token: mine) }?.code == .badRequest)
            #expect(try await send(session, token: mine) == 2)

            // After a restart the session is still its token's.
            try await bench.stop()
            try await bench.start()
            #expect(await refusal { _ = try await send(session, token: other) }?.code == .unknownSession)
            #expect(try await send(session, token: mine) == 2)
            let report = Report(token: grant.token, .finished(FinishReport(streamPosition: 1)))
            func finish(_ session: SessionID, token: String) async throws -> ReportOutcome? {
                let exchange = ExchangeRequest(
                    session: session, number: 9, reports: [report], freeSlots: 0, waitSeconds: 0)
                return try await bench.call(.exchange, exchange, token: token).outcomes.first
            }
            #expect(await refusal { _ = try await finish(session, token: other) }?.code == .unknownSession)
            #expect(try await finish(stranger, token: other) == .superseded)
            #expect(try await finish(session, token: mine) == .accepted)
        }
    }
}
