import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import SweepModel
import SweepWire

/// The paths of the page for people, beside the contract's.
enum DashboardPath {
    static let page = "/"
    static let style = "/dashboard.css"
    static let script = "/dashboard.js"
    static let open = "/open"
    static let login = "/login"
    static let logout = "/logout"
    static let all = [
        (page, "GET"), (style, "GET"), (script, "GET"), (open, "GET"), (login, "GET"), (login, "POST"),
        (logout, "POST"),
    ]
}

extension Routes {
    /// A page for people at `/`: sweeps, jobs and workers. Its only script is the coordinator's own, nothing
    /// comes from elsewhere; it reloads itself. A browser is let in once, and holds a cookie from then on,
    /// which reads this page and nothing else.
    func addDashboard(_ router: Router<CallContext>) {
        router.get(RouterPath(DashboardPath.page)) { request, context in
            await page(request, context)
        }
        router.get(RouterPath(DashboardPath.style)) { _, _ in
            EndpointMount.response(.ok, "text/css; charset=utf-8", Data(Dashboard.style.utf8))
        }
        router.get(RouterPath(DashboardPath.script)) { _, _ in
            EndpointMount.response(.ok, "text/javascript; charset=utf-8", Data(Dashboard.script.utf8))
        }
        addBrowserLogin(router)
    }

    private func page(_ request: Request, _ context: CallContext) async -> Response {
        do {
            let (principal, isLoggedIn) = try admitBrowser(request, context)
            let (sweeps, workers) = (
                try await operations.sweeps(),
                WorkerListing.fitting(try await operations.workers(), limit: 1 << 20).shown
            )
            let jobs = try await operations.jobs(JobsRequest(sweep: nil, state: nil, limit: 500, after: nil))
            let now = operations.wall
            let page = try await BlockingWork.run {
                Dashboard.page(
                    sweeps: sweeps, workers: workers, jobs: jobs, now: now, isLoggedIn: isLoggedIn,
                    mayChange: isLoggedIn && principal.scope.allows(.submit))
            }
            return Self.html(.ok, page)
        } catch let error as WireError where error.code == .unauthorized && request.headers[.authorization] == nil {
            return Self.redirect(to: DashboardPath.login)
        } catch {
            return mount.refuse(error, "dashboard")
        }
    }

    /// - Returns: who reads, and whether it was a cookie that let the browser in.
    private func admitBrowser(_ request: Request, _ context: CallContext) throws -> (Principal, Bool) {
        guard request.headers[.authorization] == nil else {
            return (try mount.admit(request, context, [.read]), false)
        }
        guard let secret = sessions.secret(in: request.headers[.cookie]), let token = sessions.token(of: secret)
        else { throw WireError(.unauthorized, "log in first") }
        return (try tokens.check(id: token, wants: [.read]), true)
    }
}
