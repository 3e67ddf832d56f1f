import Foundation
import Ports
import SweepModel
import SweepWire
import Testing

/// What is answered on the connection's own event loop is answered as by the router, which a request that
/// names a `Connection` goes to.
@Suite("Exchanges and heartbeats on the short way")
struct WorkerLaneTests {
    private static func request(_ bench: DaemonBench, _ path: String, _ body: String, more: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(bench.raw.authorization)Content-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\(more)\r\n\(body)"
    }

    /// An answer as two lists: its headers without those that differ by nature, and its status and body.
    private static func parts(_ text: String) -> [String] {
        let halves = text.components(separatedBy: "\r\n\r\n")
        let lines = halves[0].components(separatedBy: "\r\n").map { $0.lowercased() }
        let headers = lines.dropFirst().filter { !$0.hasPrefix("date:") && !$0.hasPrefix("connection:") }
        return [lines[0], halves.dropFirst().joined()] + headers.sorted()
    }

    @Test("an answer has the headers and the body that the router gives it, errors too")
    func same() async throws {
        try await DaemonBench.with { bench async throws in
            let worker = try await HandWorker("one", bench)
            let (port, session) = (bench.raw.port, await worker.session.rawValue)
            let exchange = "{\"freeSlots\":0,\"number\":1,\"reports\":[],\"session\":\"\(session)\",\"waitSeconds\":0}"
            let unknown = String(repeating: "0", count: 32)
            for (path, body) in [
                ("/v1/worker/heartbeat", "{\"attempts\":[],\"session\":\"\(session)\"}"),
                ("/v1/worker/heartbeat", "{\"attempts\":[],\"session\":\"\(unknown)\"}"),
                ("/v1/worker/heartbeat", "{\"attempts\":7}"), ("/v1/worker/exchange", exchange),
                ("/v1/worker/exchange", "{}"),
            ] {
                let short = Self.request(bench, path, body)
                let long = Self.request(bench, path, body, more: "Connection: close\r\n")
                let answers = try await RawHTTP.blocking {
                    let (one, other) = (try RawHTTP.Connection(port: port), try RawHTTP.Connection(port: port))
                    one.write(short)
                    other.write(long)
                    var text = one.readSome()
                    while !text.hasSuffix("}") { text += one.readSome() }
                    return (text, other.readToEnd())
                }
                #expect(Self.parts(answers.0) == Self.parts(answers.1), "\(path) \(body)")
                #expect(answers.0.contains("\r\nDate: ") && answers.0.contains(" GMT\r\n"))
            }
        }
    }

    @Test("requests of both ways that follow each other on one connection are answered in their order")
    func pipelined() async throws {
        try await DaemonBench.with { bench async throws in
            let worker = try await HandWorker("one", bench)
            let (port, session) = (bench.raw.port, await worker.session.rawValue)
            let beat = Self.request(bench, "/v1/worker/heartbeat", "{\"attempts\":[],\"session\":\"\(session)\"}")
            let poll = Self.request(
                bench, "/v1/worker/exchange",
                "{\"freeSlots\":1,\"number\":1,\"reports\":[],\"session\":\"\(session)\",\"waitSeconds\":1}")
            let health = "GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            let text = try await RawHTTP.blocking {
                let connection = try RawHTTP.Connection(port: port)
                connection.write(poll + beat + health + "\r\n" + beat + beat + health + "Connection: close\r\n\r\n")
                return connection.readToEnd()
            }
            let kinds = ["\"grants\"", "\"verdicts\"", "\"uptimeSeconds\""]
            let order = text.components(separatedBy: "HTTP/1.1 200 OK\r\n").dropFirst().map { answer in
                kinds.firstIndex { answer.contains($0) }
            }
            #expect(order == [0, 1, 2, 1, 1, 2])
        }
    }

    @Test("a token that is revoked is refused on a connection that it let in")
    func revoked() async throws {
        try await DaemonBench.with { bench async throws in
            let made = try await bench.call(.createToken, TokenRequest(scope: .worker, note: "short"))
            let session = SystemRandom().hexadecimal(bytes: 16)
            let body = "{\"attempts\":[],\"session\":\"\(session)\"}"
            let text =
                "POST /v1/worker/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(made.token)\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            let connection = try RawHTTP.Connection(port: bench.raw.port)
            func status() async throws -> String {
                try await RawHTTP.blocking {
                    connection.write(text)
                    return String(connection.readSome().prefix(12))
                }
            }
            // The session is none, but the token is good.
            let (first, second) = (try await status(), try await status())
            #expect(first == second && first != "HTTP/1.1 401", "\(first) \(second)")
            _ = try await bench.call(.revokeToken, RevokeRequest(id: made.id))
            #expect(try await status() == "HTTP/1.1 401")
        }
    }
}
