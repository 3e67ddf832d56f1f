import CoordinatorCore
import CoordinatorOperations
import Ports
import ServiceLifecycle
import SweepLedger

/// Reads the jobs that wait and were not read before the start, best first.
struct WaitingReader: Service {
    /// About a hundredth of a second of the thread that writes.
    private static let most = 2000

    let engine: CoordinatorEngine
    /// Behind which they wait; nil where there are none.
    let place: WaitingJobs.Place?

    func run() async throws {
        var place = place
        while let from = place, !Task.isCancelled, !Task.isShuttingDownGracefully {
            let verb = WaitingJobs(after: from, most: Self.most, now: engine.time.wall())
            do {
                place = try await withCheckedThrowingContinuation { continuation in
                    engine.ledger.writer.submit(verb, .bulk) { [engine] result in
                        // Here, where outcomes come in the order of their commits.
                        if case .success(let found) = result {
                            engine.tell(.changed(found.jobs, stopping: [], continuing: []))
                        }
                        continuation.resume(with: result.map(\.next))
                    }
                }
            } catch {
                // A ledger that closes under it is no fault.
                guard Task.isCancelled || Task.isShuttingDownGracefully else { throw error }
                return
            }
        }
    }
}
