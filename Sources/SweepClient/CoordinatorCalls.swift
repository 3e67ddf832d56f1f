package import Ports
package import SweepWire

/// Calls of the coordinator, by whatever way: over HTTP (``SweepClient``), or over the simulator's network.
package protocol CoordinatorCalls: Sendable {
    /// The coordinator's address, for messages.
    var address: String { get }
    var time: any TimeSource { get }
    var random: any RandomSource { get }

    /// Sends a request once.
    ///
    /// - Parameter timeLimit: nil for bulk data, which is given up only when nothing moves for a minute.
    /// - Throws: ``ClientError``, or `CancellationError`.
    func send<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, timeLimit: Duration?
    ) async throws -> Response
}

extension CoordinatorCalls {
    /// Sends a request until it is answered, as often as the policy says.
    ///
    /// - Parameters:
    ///   - timeLimit: of one try; nil for bulk data, which is given up only when nothing moves for a minute.
    ///   - retry: applies only where the endpoint is idempotent.
    /// - Throws: ``ClientError``, or `CancellationError`.
    package func call<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, retry: RetryPolicy = .user,
        timeLimit: Duration? = .seconds(30)
    ) async throws -> Response {
        var repeats = 0
        while true {
            do {
                return try await send(endpoint, request, timeLimit: timeLimit)
            } catch let error as ClientError {
                guard endpoint.isIdempotent, let wait = retry.wait(before: repeats, error: error, random: random) else {
                    throw error
                }
                repeats += 1
                try await time.sleep(for: wait)
            }
        }
    }
}
