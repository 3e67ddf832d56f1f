import Foundation
import Glibc

/// Bytes to a port and back, without any HTTP library between: for requests that no client would send.
struct RawHTTP: Sendable {
    let port: Int
    /// Sent with requests that say nothing else.
    let token: String?

    struct Answer: Sendable {
        /// Everything until the other side closed, or the answer was whole.
        let text: String
        var status: Int { Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0 }
        var isClosed: Bool { text.isEmpty }

        /// The first value of a header, names in any case.
        func header(_ name: String) -> String? {
            let head = text.components(separatedBy: "\r\n\r\n").first ?? ""
            for line in head.components(separatedBy: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                    return parts[1].trimmingCharacters(in: .whitespaces)
                }
            }
            return nil
        }

        var body: String { text.components(separatedBy: "\r\n\r\n").dropFirst().joined(separator: "\r\n\r\n") }
    }

    init(_ url: String, token: String? = nil) {
        port = Int(url.split(separator: ":").last ?? "") ?? 0
        self.token = token
    }

    /// The header that lets in, or nothing.
    var authorization: String { token.map { "Authorization: Bearer \($0)\r\n" } ?? "" }

    /// Sends a request and reads its whole answer.
    func request(
        _ method: String, _ path: String, headers: [String] = [], body: String = "", host: String = "127.0.0.1"
    ) async throws -> Answer {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: \(host):\(port)", "Connection: close"] + headers
        func has(_ name: String) -> Bool { headers.contains { $0.lowercased().hasPrefix(name + ":") } }
        if let token, !has("authorization") { lines.append("Authorization: Bearer \(token)") }
        if !has("content-type") { lines.append("Content-Type: application/json") }
        if !body.isEmpty, !headers.contains(where: { $0.lowercased().hasPrefix("content-length") }) {
            lines.append("Content-Length: \(body.utf8.count)")
        }
        return try await send((lines + ["", ""]).joined(separator: "\r\n") + body)
    }

    /// Sends bytes as they are and reads until the other side closes.
    func send(_ text: String) async throws -> Answer {
        let port = port
        return try await Self.blocking {
            let socket = try Connection(port: port)
            socket.write(text)
            return Answer(text: socket.readToEnd())
        }
    }

    static func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            // Not a queue's thread: the coordinator of this process needs those.
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }

    /// A TCP connection to the loopback.
    final class Connection: Sendable {
        private let descriptor: Int32

        init(port: Int) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 else { throw POSIXError(.ECONNREFUSED) }
            // A test that would wait for ever fails instead; on a crowded machine an answer has taken 20 s.
            var limit = timeval(tv_sec: 120, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }

        deinit { close(descriptor) }

        func write(_ text: String) {
            let bytes = Array(text.utf8)
            _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }

        /// - Returns: what came until the end; empty if the connection was closed without a word.
        func readToEnd() -> String {
            var result: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                result += buffer[..<count]
            }
            return String(decoding: result, as: UTF8.self)
        }

        /// What comes next, at least a byte; empty if the connection was closed.
        func readSome() -> String {
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }

        /// Whether the other side has closed, waiting for it.
        func isClosed() -> Bool {
            var byte: UInt8 = 0
            let count = recv(descriptor, &byte, 1, 0)
            return count == 0 || (count < 0 && errno == ECONNRESET)
        }
    }
}
