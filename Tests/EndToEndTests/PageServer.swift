import Foundation
import Glibc
import Synchronization
import Testing

/// A web server of a test: serves pages by path, answers everything else with leave for everybody, and keeps
/// the requests.
final class PageServer: Sendable {
    struct Request: Sendable {
        let head: String
        let body: String

        func header(_ name: String) -> String? {
            for line in head.components(separatedBy: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                    return parts[1].trimmingCharacters(in: .whitespaces)
                }
            }
            return nil
        }
    }

    let port: Int
    private let descriptor: Int32
    private let pages: [String: String]
    private let received = Mutex<[Request]>([])

    var requests: [Request] { received.withLock { $0 } }

    init(pages: [String: String]) throws {
        self.pages = pages
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(isListening)
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0, let server = self else { return }
                Thread.detachNewThread {
                    server.serve(connection)
                    close(connection)
                }
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    private func serve(_ connection: Int32) {
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var bytes: [UInt8] = []
        func more() -> Bool {
            var buffer = [UInt8](repeating: 0, count: 1 << 14)
            let count = recv(connection, &buffer, buffer.count, 0)
            if count > 0 { bytes += buffer[..<count] }
            return count > 0
        }
        let separator = Data("\r\n\r\n".utf8)
        while Data(bytes).range(of: separator) == nil { guard more() else { return } }
        guard let end = Data(bytes).range(of: separator) else { return }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        let length = Request(head: head, body: "").header("Content-Length").flatMap { Int($0) } ?? 0
        while bytes.count < end.upperBound + length { guard more() else { break } }
        let request = Request(head: head, body: String(decoding: bytes[end.upperBound...], as: UTF8.self))
        received.withLock { $0.append(request) }
        let target = head.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        let page = pages[String(target.prefix { $0 != "?" })]
        let origin = request.header("Origin") ?? "*"
        let answer = """
            HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: \((page ?? "{}").utf8.count)\r\nConnection: close\r
            Access-Control-Allow-Origin: \(origin)\r\nAccess-Control-Allow-Credentials: true\r
            Access-Control-Allow-Headers: content-type, radiata-page\r\nAccess-Control-Allow-Methods: GET, POST, PUT, DELETE\r\n\r
            \(page ?? "{}")
            """
        let text = Array(answer.utf8)
        _ = Glibc.send(connection, text, text.count, Int32(MSG_NOSIGNAL))
    }
}
