import Glibc
import SweepModel

/// One kept HTTP/1.1 connection of a simulated worker to a coordinator on this machine, without a library: an
/// exchange costs a `send` and a `recv`, and little else of what is measured is the measuring program's.
struct BenchConnection {
    /// Where to connect to, and what is sent with every request.
    struct Place {
        let port: UInt16
        /// From the version to the last header but the length.
        let head: String

        init(port: UInt16, token: String) {
            self.port = port
            head =
                " HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nRadiata-Protocol: 2\r\nUser-Agent: radiata\r\n"
                + "Content-Type: application/json\r\nAuthorization: Bearer \(token)\r\nContent-Length: "
        }
    }

    enum Event {
        case nothing
        case answer(status: Int, body: ArraySlice<UInt8>)
        /// The connection is gone.
        case broken
    }

    private(set) var socket: Int32 = -1
    private var request: [UInt8] = []
    private var sent = 0
    private var answer: [UInt8] = []

    /// What to wait for.
    var events: Int16 { Int16(sent < request.count ? POLLOUT : POLLIN) }

    /// Takes a request, to be sent as soon as may be.
    mutating func set(path: String, body: String, to place: Place) {
        request = Array("POST \(path)\(place.head)\(body.utf8.count)\r\n\r\n\(body)".utf8)
        sent = 0
        answer.removeAll(keepingCapacity: true)
    }

    /// Connects, and will send the last request once more.
    ///
    /// - Throws: `CommandFailure` where there is no socket left.
    mutating func connect(to place: Place) throws {
        disconnect()
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard socket >= 0 else { throw CommandFailure(.failed, "no socket: \(String(cString: strerror(errno)))") }
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = place.port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        // What it says is heard of when it is written to.
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        sent = 0
        answer.removeAll(keepingCapacity: true)
    }

    mutating func disconnect() {
        if socket >= 0 { close(socket) }
        socket = -1
    }

    /// Does what can be done without waiting.
    mutating func proceed() -> Event {
        let flags = Int32(MSG_NOSIGNAL)
        while sent < request.count {
            let count = request.withUnsafeBytes { bytes in
                send(socket, bytes.baseAddress.map { $0 + sent }, bytes.count - sent, flags)
            }
            guard count > 0 else { return errno == EAGAIN ? .nothing : .broken }
            sent += count
        }
        return receive()
    }

    private mutating func receive() -> Event {
        while true {
            let count = withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 16) { room in
                let count = recv(socket, room.baseAddress, room.count, 0)
                if count > 0 { answer.append(contentsOf: UnsafeRawBufferPointer(room)[..<count]) }
                return count
            }
            guard count > 0 else { return count < 0 && errno == EAGAIN ? .nothing : .broken }
            if let (status, body) = whole() { return .answer(status: status, body: body) }
        }
    }

    /// The answer, if all of it is there.
    private func whole() -> (status: Int, body: ArraySlice<UInt8>)? {
        guard let end = answer[...].range(of: "\r\n\r\n"), answer.count > 12 else { return nil }
        let head = answer[..<end.upperBound]
        guard let status = head.dropFirst(9).number,
            let name = head.range(of: "\r\nContent-Length: ") ?? head.range(of: "\r\ncontent-length: "),
            let length = head[name.upperBound...].number, answer.count >= end.upperBound + length
        else { return nil }
        return (status, answer[end.upperBound..<end.upperBound + length])
    }
}

extension ArraySlice<UInt8> {
    func range(of text: StaticString) -> Range<Int>? {
        let count = text.utf8CodeUnitCount
        return withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress else { return nil }
            var place = 0
            while bytes.count - place >= count,
                let next = memchr(base + place, Int32(text.utf8Start[0]), bytes.count - place - count + 1)
            {
                place = base.distance(to: UnsafeRawPointer(next))
                if memcmp(next, text.utf8Start, count) == 0 { return place }
                place += 1
            }
            return nil
        }.map { startIndex + $0..<startIndex + $0 + count }
    }

    /// The number that it begins with.
    var number: Int? {
        var value: Int?
        for byte in self {
            guard (48...57).contains(byte) else { break }
            value = (value ?? 0) * 10 + Int(byte) - 48
        }
        return value
    }

    /// The tokens of the grants in an answer, as they are written there.
    var tokens: [String] {
        var tokens: [String] = []
        var rest = self
        while let key = rest.range(of: "\"token\":{"), let end = rest[key.upperBound...].firstIndex(of: 125) {
            tokens.append(String(decoding: rest[key.upperBound - 1...end], as: UTF8.self))
            rest = rest[end...]
        }
        return tokens
    }

    /// How many reports were accepted.
    var accepted: Int {
        var (count, rest) = (0, self)
        while let word = rest.range(of: "\"accepted\"") { (count, rest) = (count + 1, rest[word.upperBound...]) }
        return count
    }
}
