import CoordinatorOperations
import Logging
import Ports
import ServiceLifecycle
import SweepLedger
import SweepModel

/// Has the jobs, the ranking and the pictures of large sweeps ready before anybody asks for them, from the
/// start on, and goes after what changes: the first look at a sweep of 200,000 jobs then takes no longer than
/// the next.
///
/// It rests in proportion to what it did, so that however much happens it takes a small part of a core.
struct PageKeeper: Service {
    let routes: Routes

    /// Jobs that are held, of all sweeps together: about a hundred bytes each.
    private static let mostJobs = 1_500_000
    private static let mostSweeps = 4
    /// Numbers of what was logged and measured that are held of a sweep.
    private static let mostNumbers = 4_000_000
    /// How much longer it rests than it worked.
    private static let rest = 25
    private static let pace: Duration = .seconds(1)

    private var time: any TimeSource { routes.operations.engine.time }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await keep { try await tables($0) } }
                group.addTask { await keep { try await answers($0) } }
            }
        }
    }

    /// Does a piece of work for each sweep when something happened, and now and then: what nobody asks for
    /// for long is let go of.
    private func keep(_ work: @Sendable (String) async throws -> Void) async {
        var last: (event: Int64, at: MonotonicTime)?
        while !Task.isCancelled {
            let began = time.monotonic()
            do {
                let newest = try await routes.operations.ledger.lastEvent()
                if last.map({ $0.event != newest || began - $0.at > .seconds(300) }) ?? true {
                    last = (newest, began)
                    for sweep in try await sweeps() { await attempt(work, sweep) }
                }
                try await time.sleep(for: max(Self.pace, (time.monotonic() - began) * Self.rest))
            } catch is CancellationError {
                return
            } catch {
                do { try await time.sleep(for: .seconds(60)) } catch { return }
            }
        }
    }

    private func attempt(_ work: @Sendable (String) async throws -> Void, _ sweep: String) async {
        do { try await work(sweep) } catch {
            routes.operations.engine.logger.debug("the page of \(sweep) is not ready: \(error)")
        }
    }

    /// Large ones, newest first.
    private func sweeps() async throws -> [String] {
        var left = Self.mostJobs
        let large = try await routes.sweepSummaries().reversed().filter { sweep in
            guard sweep.archived == nil, sweep.jobs > SweepTables.small, sweep.jobs <= left else { return false }
            left -= sweep.jobs
            return true
        }
        return large.prefix(Self.mostSweeps).map(\.name)
    }

    private func tables(_ sweep: String) async throws {
        _ = try await routes.paces()
        try await routes.page.tables.prepare(sweep, most: Self.mostNumbers)
    }

    private func answers(_ sweep: String) async throws {
        _ = try await routes.pictures(sweep)
        _ = try await routes.ranking(sweep, "")
    }
}
