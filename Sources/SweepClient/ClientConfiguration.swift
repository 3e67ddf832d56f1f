package import Ports

/// Where the coordinator is and how to be let in.
package struct ClientConfiguration: Sendable {
    /// `http://HOST:PORT` or `https://…`, without a path.
    package let coordinator: String
    let token: String?
    /// Where the user's own registry is asked for the token, for want of one that was given; nil for an
    /// address of another machine.
    let local: LocalCoordinator?
    /// File with the certificate authority that signed the coordinator's certificate; nil for the system's.
    package var authorities: String?
    /// Whether `http_proxy` and its kin in the environment count; off, since coordinators stand in the same
    /// network.
    package var usesEnvironmentProxy = false

    /// - Parameters:
    ///   - coordinator: an address; `http://` is put before one without a scheme.
    ///   - registry: where tokens of coordinators of this machine and user lie; asked at every call, since
    ///     coordinators come and go.
    /// - Throws: ``ClientError`` with code `local` if the address or the token cannot be one.
    package init(
        coordinator: String, token: String? = nil, authorities: String? = nil, registry: CoordinatorRegistry? = nil
    )
        throws
    {
        var address = coordinator.contains("://") ? coordinator : "http://" + coordinator
        while address.hasSuffix("/") { address.removeLast() }
        let parts = address.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "http:" || parts[0] == "https:", parts[1].isEmpty, !parts[2].isEmpty,
            address.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else {
            throw ClientError(
                .local, "'\(coordinator)' is no coordinator address; wanted http://HOST:PORT or https://HOST:PORT")
        }
        let token = token.map { $0.trimmed }
        if let token, token.isEmpty || !token.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) {
            throw ClientError(
                .local, "the token is not one: wanted one line of letters and digits as radiata token create prints it")
        }
        self.coordinator = address
        self.token = token
        local = registry.flatMap {
            token == nil
                ? LocalCoordinator(
                    authority: String(parts[2]), defaultPort: parts[0] == "https:" ? 443 : 80, registry: $0) : nil
        }
        self.authorities = authorities
    }
}

extension String {
    fileprivate var trimmed: String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
