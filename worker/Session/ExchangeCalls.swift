import Ports
package import SweepClient
package import SweepWire
import Synchronization

/// Sends exchanges until they are answered.
///
/// What stands between may end a poll that is long, as many proxies do after a minute. Then it is sent again
/// as a usual one, and after the second in a row there are no long ones any more: one may have been a
/// coordinator's restart. A class: exchanges are sent side by side.
package final class ExchangeCalls: Sendable {
    private let client: any CoordinatorCalls
    /// Polls in a row that were longer than usual and were cut.
    private let cuts = Mutex(0)
    private static let mostCuts = 2

    package init(_ client: any CoordinatorCalls) { self.client = client }

    /// - Throws: ``ClientError`` of a refusal that repeating would not change, or `CancellationError`.
    package func send(_ request: ExchangeRequest) async throws -> ExchangeResponse {
        let usual = WireLimit.waitSeconds
        var request = request
        if cuts.withLock({ $0 >= Self.mostCuts }) { request.waitSeconds = min(request.waitSeconds, usual) }
        guard request.waitSeconds > usual else { return try await call(request, retry: .forever) }
        let began = client.time.monotonic()
        func count(_ change: (Int) -> Int) {
            guard client.time.monotonic() - began > .seconds(usual) else { return }
            cuts.withLock { $0 = change($0) }
        }
        do {
            let response = try await call(request, retry: .never)
            count { _ in 0 }
            return response
        } catch let error as ClientError {
            // Proxies have errors of their own for it, and some are no reason to send it again at once.
            count { $0 + 1 }
            guard let pause = RetryPolicy.forever.wait(before: 0, error: error, random: client.random) else {
                throw error
            }
            request.waitSeconds = usual
            try await client.time.sleep(for: pause)
            return try await call(request, retry: .forever)
        }
    }

    private func call(_ request: ExchangeRequest, retry: RetryPolicy) async throws -> ExchangeResponse {
        try await client.call(.exchange, request, retry: retry, timeLimit: .seconds(request.waitSeconds + 30))
    }
}
