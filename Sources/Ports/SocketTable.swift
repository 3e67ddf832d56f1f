import Glibc

/// The kernel's table of this machine's TCP sockets (`/proc/net/tcp`, `tcp6`): who owns which end.
package struct SocketTable: Sendable {
    package struct Socket: Equatable, Sendable {
        /// 4 or 16 bytes; an IPv4 address in an IPv6 socket is given as the former.
        package let address: [UInt8]
        package let port: Int
        package let peerAddress: [UInt8]
        package let peerPort: Int
        package let isListening: Bool
        package let owner: UInt32
    }

    private let files: [String]

    package init(files: [String] = ["/proc/net/tcp", "/proc/net/tcp6"]) { self.files = files }

    /// Sockets that wait for connections on a port, at any address.
    package func listeners(port: Int) throws -> [Socket] {
        var found: [Socket] = []
        // The kernel lists listeners first; established connections, of which there may be thousands, come
        // after them.
        try scan { socket in
            if socket.isListening, socket.port == port { found.append(socket) }
            return !(found.isEmpty || socket.isListening)
        }
        return found
    }

    /// The owner of the socket at one end of a connection; nil if that end is not on this machine.
    package func owner(address: [UInt8], port: Int, peer: [UInt8], peerPort: Int) throws -> UInt32? {
        let (address, peer) = (HostAddress.plain(address), HostAddress.plain(peer))
        var owner: UInt32?
        try scan { socket in
            guard !socket.isListening, socket.port == port, socket.peerPort == peerPort, socket.address == address,
                socket.peerAddress == peer
            else { return false }
            owner = socket.owner
            return true
        }
        return owner
    }

    /// - Parameter body: returns whether this table need not be read further.
    private func scan(_ body: (Socket) -> Bool) throws {
        for path in files {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                if errno == ENOENT { continue }  // no IPv6 here
                throw PortsError.system("read", path)
            }
            defer { close(descriptor) }
            try Self.scan(descriptor, path, body)
        }
    }

    private static func scan(_ descriptor: Int32, _ path: String, _ body: (Socket) -> Bool) throws {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw PortsError.system("read", path) }
            rest += buffer[..<count]
            var start = rest.startIndex
            while let end = rest[start...].firstIndex(of: 10) {
                if let socket = parse(rest[start..<end]), body(socket) { return }
                start = end + 1
            }
            rest.removeSubrange(..<start)
            if count == 0 { return }
        }
    }

    /// A line such as `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 …`.
    private static func parse(_ line: ArraySlice<UInt8>) -> Socket? {
        let fields = line.split(separator: 32, maxSplits: 8, omittingEmptySubsequences: true)
        guard fields.count > 8, let here = end(fields[1]), let there = end(fields[2]), let state = hex(fields[3]),
            let owner = UInt32(String(decoding: fields[7], as: UTF8.self))
        else { return nil }
        return Socket(
            address: here.address, port: here.port, peerAddress: there.address, peerPort: there.port,
            isListening: state == 10, owner: owner)
    }

    /// An address is written as 32-bit words of this machine's byte order.
    private static func end(_ field: ArraySlice<UInt8>) -> (address: [UInt8], port: Int)? {
        guard let colon = field.firstIndex(of: 58), let port = hex(field[(colon + 1)...]) else { return nil }
        let digits = field[..<colon]
        guard digits.count == 8 || digits.count == 32 else { return nil }
        var address: [UInt8] = []
        for start in stride(from: digits.startIndex, to: digits.endIndex, by: 8) {
            guard let word = hex(digits[start..<(start + 8)]) else { return nil }
            withUnsafeBytes(of: UInt32(word)) { address += $0 }
        }
        return (HostAddress.plain(address), Int(port))
    }

    private static func hex(_ digits: ArraySlice<UInt8>) -> UInt64? {
        UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
