import Coordinator
import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import Testing

private final class Count: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}

@Suite("More than it can take")
struct OverloadTests {
    /// Seconds of one core.
    private static let long =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 8000000) SELECT sum(x) FROM n"

    @Test("long bodies hold up nobody's heartbeat", .timeLimit(.minutes(5)))
    func bodies() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4"])
            let one = try await HandWorker("one", bench)
            let grant = try await one.claim()
            let digest = "\"" + String(repeating: "0", count: 64) + "\""
            let body = "{\"sha256\":[" + [String](repeating: digest, count: 400_000).joined(separator: ",") + "]}"
            let raw = bench.raw
            let head = """
                POST /v1/blobs/missing HTTP/1.1\r\nHost: 127.0.0.1\r\n\(raw.authorization)Content-Type: application/json\r
                Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n
                """
            // On a busy machine the test's own request may come late: then it tries again.
            var isShown = false
            for _ in 0..<5 where !isShown {
                isShown = try await answersWhileBodiesAreRead(raw, head, body, one, grant.token)
            }
            #expect(isShown, "the heartbeat was answered after the bodies were read")
        }
    }

    /// - Returns: whether the heartbeat was answered before the first of the bodies.
    private func answersWhileBodiesAreRead(
        _ raw: RawHTTP, _ head: String, _ body: String, _ one: HandWorker, _ token: AttemptToken
    ) async throws -> Bool {
        // More than there are threads for Swift's tasks; the coordinator has all but the last byte of each.
        let count = 2 * ProcessInfo.processInfo.activeProcessorCount
        let connections = try await RawHTTP.blocking {
            try (0..<count).map { _ in
                let connection = try RawHTTP.Connection(port: raw.port)
                connection.write(head + body.dropLast())
                return connection
            }
        }
        let ended = Count()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for connection in connections {
                connection.write("}")
                group.addTask {
                    let answer = try await RawHTTP.blocking { connection.readToEnd() }
                    #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer.prefix(300))")
                    ended.add()
                }
            }
            #expect(try await one.heartbeat(token) == .fine)
            let inTime = ended.value == 0
            try await group.waitForAll()
            return inTime
        }
    }

    @Test("long queries hold up nobody's heartbeat, and one more than may run is told to wait", .timeLimit(.minutes(5)))
    func queries() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4"])
            let one = try await HandWorker("one", bench)
            let grant = try await one.claim()
            let ended = Count()
            let refusals = AsyncStream.makeStream(of: WireError.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                // One more than may run at the same time.
                for _ in 0..<5 {
                    group.addTask {
                        // It may also end at the limit of a query's time, or because the test is over.
                        do {
                            _ = try await bench.call(.query, QueryRequest(sql: Self.long))
                            ended.add()
                        } catch let error as ClientError {
                            if let answer = error.answer, answer.code == .busy {
                                refusals.continuation.yield(answer)
                            } else {
                                ended.add()
                            }
                        } catch is CancellationError {}
                    }
                }
                let busy = await refusals.stream.first { _ in true }
                #expect(busy?.code == .busy && busy?.status == 429 && busy?.retryAfter == 1)
                // Were the queries on the threads of Swift's tasks, no answer would come before one of them
                // ends.
                #expect(try await one.heartbeat(grant.token) == .fine)
                #expect(ended.value == 0, "answered while the queries ran")
                for _ in 0..<20 { #expect(try await one.heartbeat(grant.token) == .fine) }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }
}
