import CoordinatorOperations
import Foundation
import Hummingbird
import Ports
import SweepLedger
import SweepModel
import SweepWire

/// All calls of the contract and the page for people, put on a router.
struct Routes: Sendable {
    let operations: Operations
    let mount: EndpointMount
    let sessions: DashboardSessions
    let links: LinkBook
    let page: PageState
    let metrics: OperatorMetrics
    let base: BasePath
    /// Whether browsers come by TLS: their cookie then never travels otherwise.
    let isSecure: Bool
    let queries = QueryGate()

    var tokens: TokenBook { operations.tokens }

    func router() -> Router<CallContext> {
        let router = Router(context: CallContext.self)
        operations.mount(on: RouterMount(mount: mount, router: router))
        let ledger = operations.ledger
        mount.mountStream(.query, on: router) { request, call in
            var query = ReadOnlyQuery(path: ledger.path, mostRows: min(max(request.limit, 1), 1_000_000))
            query.spares = ledger.spares
            query.mayReadAudit = call.principal.scope == .admin
            return try await QueryStream.begin(query, request.sql, try queries.enter())
        }
        mount.mountStream(.export, on: router) { request, _ in try await ResultExport.stream(request, of: ledger) }
        router.get(RouterPath(DashboardPath.metrics)) { request, context in
            do {
                _ = try mount.admit(request, context, [.read])
                return EndpointMount.response(.ok, OperatorMetrics.type, Data(try await metrics.text().utf8))
            } catch {
                return mount.refuse(error, "metrics")
            }
        }
        addDashboard(router)
        return router
    }
}

/// Serves operations over HTTP.
private struct RouterMount: OperationMount {
    let mount: EndpointMount
    let router: Router<CallContext>

    func mount<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>,
        _ operation: @escaping @Sendable (Request, Call) async throws -> Response
    ) {
        mount.mount(endpoint, on: router) { request, call in try await operation(request, call.call) }
    }
}
