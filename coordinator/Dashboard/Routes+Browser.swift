import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Ports
import SweepModel
import SweepWire

/// How a browser gets in: by a one-time link, or by a token that is shown in a form. Both end in a page (not
/// in a redirect, after which a strict cookie would not be sent) that keeps its own secret and goes on by
/// itself.
extension Routes {
    func addBrowserLogin(_ router: Router<CallContext>) {
        router.get(RouterPath(DashboardPath.open)) { request, context in await open(request, context) }
        router.get(RouterPath(DashboardPath.login)) { _, _ in Self.html(.ok, Dashboard.login(fault: nil)) }
        router.post(RouterPath(DashboardPath.login)) { request, context in await login(request, context) }
        router.post(RouterPath(DashboardPath.logout)) { request, _ in
            if let secret = sessions.secret(in: request.headers[.cookie]) { sessions.end(secret) }
            var response = Self.redirect(to: "login")
            response.headers[.setCookie] = cookie("", seconds: 0)
            return response
        }
        mount.mount(.openLink, on: router) { _, call in
            LinkResponse(path: base.text + links.make(token: call.principal.id), seconds: LinkBook.lifetime.inSeconds)
        }
    }

    private func open(_ request: Request, _ context: CallContext) async -> Response {
        do {
            try await checkOwner(context)
            let code = request.uri.queryParameters["code"].map(String.init) ?? ""
            guard let token = links.use(code) else {
                throw WireError(
                    .forbidden, "This link was used already, or is too old; `radiata open` makes another one.")
            }
            return welcome(try tokens.check(id: token, wants: [.read]))
        } catch let error as WireError where error.code == .unauthorized || error.code == .forbidden {
            return Self.html(.forbidden, Dashboard.login(fault: error.message))
        } catch {
            return mount.refuse(error, "open")
        }
    }

    /// On a machine of many users a link may be seen by others, in a log or in the list of processes: from
    /// this machine it lets in its coordinator's own user only. Root is everybody.
    private func checkOwner(_ context: CallContext) async throws {
        guard let peer = context.peer?.place, let local = context.local?.place, peer.address == local.address else {
            return
        }
        let owner = try await BlockingWork.run {
            try SocketTable().owner(
                address: peer.address, port: peer.port, peer: local.address, peerPort: local.port)
        }
        guard let owner, owner != geteuid(), owner != 0 else { return }
        throw WireError(.forbidden, "The link is for the user who runs the coordinator, and for nobody else here.")
    }

    /// Takes a token from the form. A page of another site cannot post it: its origin gives it away.
    private func login(_ request: Request, _ context: CallContext) async -> Response {
        do {
            var request = request
            let body = try await EndpointMount.collect(&request, limit: 4096, name: "login")
            return welcome(
                try mount.counted(context) {
                    try tokens.check(token: Self.field("token", of: body), wants: [.read])
                })
        } catch let error as WireError where error.code == .unauthorized || error.code == .forbidden {
            var response = Self.html(.init(code: error.status), Dashboard.login(fault: error.message))
            if error.code == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer realm=\"radiata\"" }
            return response
        } catch {
            return mount.refuse(error, "login")
        }
    }

    private func welcome(_ principal: Principal) -> Response {
        let session = sessions.begin(token: principal.id)
        var response = Self.html(.ok, Dashboard.welcome(page: session.page))
        response.headers[.setCookie] = cookie(session.cookie, seconds: Int(DashboardSessions.lifetime.inSeconds))
        return response
    }

    private func cookie(_ value: String, seconds: Int) -> String {
        "\(sessions.cookie)=\(value); Path=\(base.text)/; Max-Age=\(seconds); HttpOnly; SameSite=Strict"
            + (isSecure ? "; Secure" : "")
    }

    /// One field of a form (`application/x-www-form-urlencoded`).
    static func field(_ name: String, of body: Data) -> String {
        for pair in String(decoding: body, as: UTF8.self).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == name else { continue }
            let text = parts[1].replacingOccurrences(of: "+", with: " ")
            return (text.removingPercentEncoding ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return ""
    }

    static func redirect(to path: String) -> Response {
        var response = html(.seeOther, "")
        response.headers[.location] = path
        return response
    }

    static func html(_ status: HTTPResponse.Status, _ text: String) -> Response {
        var response = EndpointMount.response(status, "text/html; charset=utf-8", Data(text.utf8))
        if let name = SafeHeaders.policy { response.headers[name] = Dashboard.policy }
        return response
    }
}

extension SocketAddress {
    /// One end of a connection, as ``SocketTable`` names it.
    fileprivate var place: (address: [UInt8], port: Int)? {
        guard let port, let text = ipAddress, case .address(let bytes)? = HostAddress(text) else { return nil }
        return (bytes, port)
    }
}
