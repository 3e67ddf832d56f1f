import Glibc

/// A coordinator's address that leads to this machine, for which the user's registry may hold a token.
package struct LocalCoordinator: Sendable, Equatable {
    package enum Finding: Equatable, Sendable {
        case token(String)
        /// Nothing to send; the reason for people, where there is something to say.
        case nothing(reason: String?)
    }

    package let port: Int
    /// Where the address leads: a connection goes to one of these.
    private let addresses: Set<[UInt8]>
    private let registry: CoordinatorRegistry

    /// - Parameters:
    ///   - authority: `HOST` or `HOST:PORT` of the address.
    ///   - defaultPort: of the address's scheme.
    /// - Returns: nil for an address of another machine.
    package init?(authority: String, defaultPort: Int, registry: CoordinatorRegistry) {
        guard let place = HostAndPort(authority), let addresses = Self.addresses(of: place.host) else { return nil }
        port = place.port ?? defaultPort
        self.addresses = addresses
        self.registry = registry
    }

    /// The token to send now. It is sent to programs of this user only: whatever listens there is looked at
    /// first.
    package func find(_ table: SocketTable = SocketTable()) -> Finding {
        do {
            guard let token = try registry.token(port: port) else { return .nothing(reason: nil) }
            let any: Set<[UInt8]> = [[0, 0, 0, 0], [UInt8](repeating: 0, count: 16)]
            let listeners = try table.listeners(port: port).filter {
                addresses.contains($0.address) || any.contains($0.address)
            }
            if let foreign = listeners.first(where: { $0.owner != geteuid() }) {
                return .nothing(
                    reason:
                        "port \(port) belongs to another user (uid \(foreign.owner)), so the token of your own coordinator was not sent"
                )
            }
            return listeners.isEmpty ? .nothing(reason: nil) : .token(token)
        } catch let error as PortsError {
            return .nothing(reason: error.message)
        } catch {
            return .nothing(reason: "\(error)")
        }
    }

    /// Where a host leads, if that is this machine and nothing else.
    private static func addresses(of host: HostAddress) -> Set<[UInt8]>? {
        if host.isLoopback {
            guard case .address(let bytes) = host else {
                return [[127, 0, 0, 1], [UInt8](repeating: 0, count: 15) + [1]]
            }
            return [bytes]
        }
        let own = ownAddresses()
        switch host {
        case .address(let bytes): return own.contains(bytes) ? [bytes] : nil
        case .name(let name):
            guard isOwnName(name) else { return nil }
            // A name of this machine may have come to mean another one: all its addresses must be ours.
            let found = resolve(name)
            return !found.isEmpty && found.isSubset(of: own) ? found : nil
        }
    }

    private static func isOwnName(_ name: String) -> Bool {
        let own = MachineNames.hostName().lowercased()
        return name == own || name.prefix { $0 != "." } == own.prefix { $0 != "." }
    }

    /// Addresses of this machine's network interfaces, and the whole of the loopback's.
    private static func ownAddresses() -> Set<[UInt8]> {
        Set(MachineNames.interfaceAddresses()).union([[127, 0, 0, 1], [127, 0, 1, 1]])
    }

    private static func resolve(_ name: String) -> Set<[UInt8]> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: Set<[UInt8]> = []
        var next = list
        while let entry = next {
            if let address = MachineNames.bytes(of: entry.pointee.ai_addr) { found.insert(address) }
            next = entry.pointee.ai_next
        }
        return found
    }
}
