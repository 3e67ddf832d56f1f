import Coordinator
import Foundation
import Ports
import SweepClient
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
                // Were the queries on the threads of Swift's tasks, no answer would come before one of them ends.
                #expect(try await one.heartbeat(grant.token) == .fine)
                #expect(ended.value == 0, "answered while the queries ran")
                for _ in 0..<20 { #expect(try await one.heartbeat(grant.token) == .fine) }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }
}
