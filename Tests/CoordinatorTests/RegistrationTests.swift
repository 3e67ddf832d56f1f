import Coordinator
import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire
import Testing

@Suite("Registrations have a limit, and lists of workers too")
struct RegistrationTests {
    private static func request(_ name: String, labels: [String: String] = [:]) -> RegisterRequest {
        RegisterRequest(
            WorkerRecord(
                worker: WorkerID(name), name: name, session: SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16)),
                slots: 1, threads: 1, labels: labels))
    }

    private static func code(_ body: () async throws -> Void) async throws -> WireError.Code? {
        do {
            try await body()
            return nil
        } catch let error as ClientError {
            return error.answer?.code
        }
    }

    @Test("one token registers so many workers and no more; known ones come back, other tokens are not concerned")
    func perToken() async throws {
        var options = DaemonBench.Options()
        options.limits.workersOfToken = 3
        try await DaemonBench.withTokens(options) { bench, admin async throws in
            func token() async throws -> String {
                try await bench.call(.createToken, TokenRequest(scope: .worker), token: admin).token
            }
            func register(_ name: String, _ token: String) async throws -> WireError.Code? {
                try await Self.code { _ = try await bench.call(.register, Self.request(name), token: token) }
            }
            let (one, two) = (try await token(), try await token())
            for name in ["a", "b", "c"] { #expect(try await register(name, one) == nil) }
            #expect(try await register("d", one) == .busy)
            for name in ["a", "b", "c"] { #expect(try await register(name, one) == nil, "\(name) comes back") }
            #expect(try await register("d", two) == nil)
            #expect(try await bench.call(.workers, Nothing(), token: admin).items.count == 4)
        }
    }

    @Test("registrations of one token in a burst are bounded; then so many a second")
    func perSecond() async throws {
        var options = DaemonBench.Options()
        options.limits.registrationsAtOnce = 3
        options.limits.registrationsASecond = 0.001
        try await DaemonBench.with(options) { bench async throws in
            var codes: [WireError.Code?] = []
            for _ in 0..<5 {
                codes.append(try await Self.code { _ = try await bench.call(.register, Self.request("a")) })
            }
            #expect(codes == [nil, nil, nil, .busy, .busy])
        }
    }

    @Test("what a worker says of itself has a limit")
    func texts() async throws {
        try await DaemonBench.with { bench async throws in
            let long = String(repeating: "ä", count: 256)
            let fitting = Dictionary(uniqueKeysWithValues: (0..<7).map { ("\($0)" + long.dropLast(), long) })
            #expect(
                try await Self.code { _ = try await bench.call(.register, Self.request("a", labels: fitting)) } == nil)
            let much = Dictionary(uniqueKeysWithValues: (0..<20).map { ("\($0)" + long.dropLast(2), long) })
            #expect(
                try await Self.code { _ = try await bench.call(.register, Self.request("b", labels: much)) }
                    == .badRequest)
        }
    }

    @Test("status of thousands of workers with long labels stays below its limit, and says that it left some out")
    func status() async throws {
        try await DaemonBench.with { bench async throws in
            let long = String(repeating: "\"", count: 200)
            let labels = Dictionary(uniqueKeysWithValues: (0..<15).map { ("key-\($0)", long) })
            let client = try bench.client()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<8 {
                    group.addTask {
                        for index in 0..<100 {
                            _ = try await client.call(.register, Self.request("w-\(lane)-\(index)", labels: labels))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let status = try await client.call(.status, SweepRequest(sweep: ""))
            #expect(try WireJSON.encode(status).count < 10 << 20)
            #expect(status.workers.count < 800 && status.workers.count > 100)
            #expect(status.notice?.contains("\(800 - status.workers.count) workers are not listed") == true)
            #expect(try await client.call(.workers, Nothing()).items.count == status.workers.count)
        }
    }
}
