import Dispatch

/// Work that blocks (files, hashing, SQL of users) off the cooperative threads.
enum BlockingWork {
    private static let queue = DispatchQueue(label: "coordinator.blocking", attributes: .concurrent)

    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try body() }) }
        }
    }
}
