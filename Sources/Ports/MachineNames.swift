import Glibc

/// How this machine is called by others: its host name, and the addresses of its network interfaces.
package enum MachineNames {
    /// For certificates and invitations: the host's name, then the addresses that others can use (none that
    /// is loopback's or of one link only), then loopback's own.
    package static func all() -> [HostAddress] {
        var names: [HostAddress] = []
        func add(_ name: HostAddress?) {
            if let name, !names.contains(name) { names.append(name) }
        }
        let host = hostName()
        if host.contains(".") { add(HostAddress(host)) }
        for bytes in interfaceAddresses() where isUsable(bytes) { add(.address(bytes)) }
        add(HostAddress(host))
        add(.name("localhost"))
        add(.address([127, 0, 0, 1]))
        add(.address([UInt8](repeating: 0, count: 15) + [1]))
        return names
    }

    package static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Of all interfaces, IPv4 first, in the system's order.
    package static func interfaceAddresses() -> [[UInt8]] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [[UInt8]] = []
        var next = list
        while let entry = next {
            if let address = bytes(of: entry.pointee.ifa_addr), !found.contains(address) { found.append(address) }
            next = entry.pointee.ifa_next
        }
        return found.filter { $0.count == 4 } + found.filter { $0.count != 4 }
    }

    /// Neither loopback's (127/8, ::1) nor of one link only (169.254/16, fe80::/10), which needs a zone.
    private static func isUsable(_ bytes: [UInt8]) -> Bool {
        guard !HostAddress.address(bytes).isLoopback else { return false }
        if bytes.count == 4 { return !(bytes[0] == 169 && bytes[1] == 254) }
        return !(bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80)
    }

    static func bytes(of pointer: UnsafeMutablePointer<sockaddr>?) -> [UInt8]? {
        guard let pointer else { return nil }
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            let address = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
            return withUnsafeBytes(of: address) { Array($0) }
        case AF_INET6:
            let address = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return HostAddress.plain(withUnsafeBytes(of: address) { Array($0) })
        default: return nil
        }
    }
}
