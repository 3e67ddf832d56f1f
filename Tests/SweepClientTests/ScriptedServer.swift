import Foundation
import Glibc
import Synchronization

/// An HTTP server that gives prepared answers in order, one connection at a time, and remembers what it was
/// asked.
final class ScriptedServer: Sendable {
    /// nil closes the connection without an answer.
    typealias Answer = String?

    private let socket: Int32
    let port: Int
    private let answers: Mutex<[Answer]>
    private let seen = Mutex<[String]>([])

    /// - Parameter isSilent: requests are taken by the system and never read.
    init(_ answers: [Answer], isSilent: Bool = false) {
        self.answers = Mutex(answers)
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.socket = socket
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                var size = socklen_t(MemoryLayout<sockaddr_in>.size)
                bind(socket, $0, size)
                listen(socket, 16)
                getsockname(socket, $0, &size)
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        if !isSilent { Thread.detachNewThread { [self] in serve() } }
    }

    var url: String { "http://127.0.0.1:\(port)" }
    /// Heads and bodies of the requests so far.
    var requests: [String] { seen.withLock { $0 } }

    static func json(_ status: String, _ body: String, headers: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\(headers)\r\n\(body)"
    }

    private func serve() {
        while true {
            let connection = accept(socket, nil, nil)
            guard connection >= 0 else { return }
            seen.withLock { $0.append(read(connection)) }
            let answer = answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            if let answer { _ = write(connection, answer, answer.utf8.count) }
            close(connection)
        }
    }

    private func read(_ connection: Int32) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let length = text.lowercased().range(of: "content-length: ").flatMap {
                    Int(text[$0.upperBound...].prefix { $0.isNumber })
                }
                if text[end.upperBound...].utf8.count >= length ?? 0 { return text }
            }
            let count = Glibc.read(connection, &buffer, buffer.count)
            if count <= 0 { return text }
            bytes += buffer[..<count]
        }
    }
}
