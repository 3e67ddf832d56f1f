import Dispatch
import Foundation
import Synchronization

/// Work that blocks or computes for long (files, hashing, SQL of users), on threads of its own.
///
/// Not on a dispatch queue: its threads are as many as there are cores and shared with all of Swift's tasks,
/// so that two long queries would hold up every heartbeat.
package enum BlockingWork {
    /// Queries of users at the same time.
    package static let mostQueries = 4
    /// Files and hashing.
    private static let files = WorkThreads("blocking", count: 12)
    /// What waits for the processes of users' queries, one thread each.
    private static let queries = WorkThreads("queries", count: mostQueries)
    /// Large texts read and written for clients. Two: what clients ask for shares few cores with what workers
    /// need.
    private static let texts = WorkThreads("texts", count: 2)

    package static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await files.run(body)
    }

    package static func text<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await texts.run(body)
    }

    package static func query<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await queries.run(body)
    }
}

/// A fixed number of threads that take work in its order; they live as long as the process.
private final class WorkThreads: Sendable {
    private let waiting = Mutex<[@Sendable () -> Void]>([])
    private let wake = DispatchSemaphore(value: 0)

    init(_ name: String, count: Int) {
        for _ in 0..<count {
            let thread = Thread { [self] in
                while true {
                    wake.wait()
                    waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }?()
                }
            }
            thread.name = name
            thread.start()
        }
    }

    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            waiting.withLock { $0.append { continuation.resume(with: Result { try body() }) } }
            wake.signal()
        }
    }
}
