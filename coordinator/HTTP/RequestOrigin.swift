import HTTPTypes
import Hummingbird
import Ports
import SweepWire

/// Whether a request may be served at all, before anybody looks at its token: pages of other sites reach a
/// coordinator through the browser of whoever visits them.
struct RequestOrigin: Sendable {
    /// Whether the coordinator listens on loopback: then it answers to loopback's names only, and to
    /// `allowed`.
    let isLoopback: Bool
    let allowed: Set<HostAddress>

    private static let site = HTTPField.Name("Sec-Fetch-Site")
    private static let mode = HTTPField.Name("Sec-Fetch-Mode")
    private static let destination = HTTPField.Name("Sec-Fetch-Dest")
    private static let host = HTTPField.Name("Host")

    /// - Throws: `WireError` `forbidden`, or `badRequest` for two hosts.
    func check(_ request: Request) throws {
        // The first `Host` became the authority.
        if let name = Self.host, request.headers[name] != nil {
            throw WireError(.badRequest, "the request has two Host headers")
        }
        let place = request.head.authority.flatMap { HostAndPort($0) }
        if let authority = request.head.authority {
            guard let place else { throw WireError(.badRequest, "the Host '\(authority.prefix(80))' is none") }
            guard !isLoopback || place.host.isLoopback || allowed.contains(place.host) else {
                throw WireError(
                    .forbidden,
                    "the host '\(authority.prefix(80))' is not this machine; use 127.0.0.1 or localhost, or "
                        + "start the coordinator with --allow-host"
                )
            }
        }
        guard !Self.isLink(request) else { return }
        if let origin = request.headers[.origin], !Self.isSame(origin, place) {
            throw WireError(.forbidden, "a page of '\(origin.prefix(80))' may not call this coordinator")
        }
        if let name = Self.site, let site = request.headers[name], site != "same-origin", site != "none" {
            throw WireError(
                .forbidden, "a page of another site may not call this coordinator; `radiata open` leads to its own page"
            )
        }
    }

    /// A user who follows a one-time link, or an address of the page that somebody sent, comes from
    /// elsewhere: from a terminal, a mail. It opens as a page of its own, in no frame, and reads nothing by a
    /// script of the other page. The page itself is the same for everybody.
    private static func isLink(_ request: Request) -> Bool {
        guard request.method == .get, [DashboardPath.open, DashboardPath.page].contains(request.uri.path),
            request.headers[.origin] == nil
        else {
            return false
        }
        // A link may come to a program that says nothing of itself; what says where it comes from says this
        // too.
        let isLax = request.uri.path == DashboardPath.open
        let isNavigation = mode.flatMap { request.headers[$0] }.map { $0 == "navigate" } ?? isLax
        let isDocument = destination.flatMap { request.headers[$0] }.map { $0 == "document" } ?? isLax
        return isNavigation && isDocument
    }

    /// Whether `Origin` names the place that `Host` names, with its port.
    private static func isSame(_ origin: String, _ place: HostAndPort?) -> Bool {
        let ports = ["http://": 80, "https://": 443]
        guard let place, let scheme = ports.first(where: { origin.hasPrefix($0.key) }),
            let sent = HostAndPort(String(origin.dropFirst(scheme.key.count)))
        else { return false }
        return sent.host == place.host && (sent.port ?? scheme.value) == (place.port ?? scheme.value)
    }
}
