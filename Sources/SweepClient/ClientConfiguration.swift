package import Ports
package import SweepWire

/// Where the coordinator is and how to be let in.
package struct ClientConfiguration: Sendable {
    /// `http://HOST:PORT` or `https://…`, without a path.
    package let coordinator: String
    private(set) var token: String?
    /// Where the user's own registry is asked for the token, for want of one that was given; nil for an
    /// address of another machine.
    let local: LocalCoordinator?
    /// Whose certificate the coordinator must show.
    package var trust = TrustedAuthorities.system
    /// Where else it may be found, in the order in which that is tried.
    package var otherAddresses: [String] = []
    /// A file that says all this anew where the coordinator has moved.
    package var joinFile: String?
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
        let isSecure = parts[0] == "https:"
        let ownPlace = registry.flatMap {
            LocalCoordinator(authority: String(parts[2]), defaultPort: isSecure ? 443 : 80, registry: $0)
        }
        local = token == nil ? ownPlace : nil
        if let authorities {
            trust = .file(authorities)
        } else if isSecure, let ownPlace, let own = registry?.authority(port: ownPlace.port) {
            trust = .pinned(own)
        }
    }

    /// As a join file says.
    ///
    /// - Parameter path: the file's, to be read again where the coordinator does not answer; nil for a file
    ///   that does not change.
    /// - Throws: ``ClientError`` with code `local`.
    package init(joining file: JoinFile, path: String? = nil) throws {
        guard let first = file.addresses.first else { throw ClientError(.local, "the join file names no address") }
        try self.init(coordinator: first, token: file.token)
        if let authority = file.authority { trust = .pinned(authority) }
        otherAddresses = Array(file.addresses.dropFirst())
        joinFile = path
    }

    func withoutToken() -> ClientConfiguration {
        var result = self
        result.token = nil
        return result
    }
}

extension String {
    fileprivate var trimmed: String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
