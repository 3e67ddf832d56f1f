import Coordinator
import Foundation
import Ports
import SweepModel
import SweepWire
import Testing

/// OWASP API 2023, risk 4: what one caller may take (docs/explanation/security.md).
@Suite("Connections and sizes have limits")
struct ConnectionTests {
    @Test("a head that never ends, and a silent connection, are closed")
    func slowHead() async throws {
        try await DaemonBench.with(.limits { $0.head = .milliseconds(200) }) { bench async throws in
            let port = bench.raw.port
            for text in ["", "GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "] {
                #expect(
                    try await RawHTTP.blocking {
                        let connection = try RawHTTP.Connection(port: port)
                        connection.write(text)
                        return connection.isClosed()
                    }, "\(text)")
            }
            _ = try await bench.call(.health, Nothing())
        }
    }

    @Test("a body that drips in is closed; a waiting poll and an idle connection within their limits are not")
    func slowBody() async throws {
        try await DaemonBench.with(
            .limits {
                $0.bodyGrace = .milliseconds(100)
                $0.head = .milliseconds(500)
            }
        ) { bench async throws in
            let (port, authorization) = (bench.raw.port, bench.raw.authorization)
            let isClosed = try await RawHTTP.blocking {
                let connection = try RawHTTP.Connection(port: port)
                connection.write(
                    "POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\n\(authorization)Content-Type: "
                        + "application/json\r\nContent-Length: 100000\r\n\r\n{\"sql\""
                )
                return connection.isClosed()
            }
            #expect(isClosed)
            // Longer than the limits of head and body together: only the request's own end counts for a poll.
            let one = try await HandWorker("one", bench)
            let answer = try await one.exchange(free: 1, wait: 1.5)
            #expect(answer.grants.isEmpty)
        }
    }

    @Test("of an address only so many silent connections are kept: the oldest goes; those let in do not count")
    func strangers() async throws {
        try await DaemonBench.with(.limits { $0.strangers = 4 }) { bench async throws in
            let (port, authorization) = (bench.raw.port, bench.raw.authorization)
            func get(_ path: String, _ authorization: String) -> String {
                "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(authorization)\r\n"
            }
            let (known, open, bad) = (
                get("/v1/sweeps", authorization), get("/v1/health", ""),
                get("/v1/sweeps", "Authorization: Bearer x\r\n")
            )
            try await RawHTTP.blocking {
                func speaking(_ text: String) throws -> RawHTTP.Connection {
                    let connection = try RawHTTP.Connection(port: port)
                    connection.write(text)
                    guard connection.readSome().hasPrefix("HTTP/1.1 ") else { throw POSIXError(.ECONNRESET) }
                    return connection
                }
                // Eight that showed a good token stay open and count no more.
                let guests = try (0..<8).map { _ in try speaking(known) }
                // What needs no token, and a bad one, let nobody in.
                var strangers = try [speaking(open), speaking(bad)]
                strangers += try (0..<2).map { _ in try RawHTTP.Connection(port: port) }
                for index in 0..<3 {
                    strangers.append(try RawHTTP.Connection(port: port))
                    guard strangers[index].isClosed() else { throw POSIXError(.EISCONN) }
                }
                for guest in guests {
                    guest.write(known)
                    guard guest.readSome().hasPrefix("HTTP/1.1 200") else { throw POSIXError(.ECONNRESET) }
                }
            }
        }
    }

    @Test("300 half-open connections of an address keep nobody out who shows a good token")
    func halfOpen() async throws {
        try await DaemonBench.with(.limits { $0.strangers = 256 }) { bench async throws in
            let port = bench.raw.port
            let half = try await RawHTTP.blocking {
                try (0..<300).map { index in
                    let connection = try RawHTTP.Connection(port: port)
                    if index.isMultiple(of: 2) {
                        connection.write("GET /v1/sweeps HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
                    }
                    return connection
                }
            }
            for _ in 0..<20 { _ = try await bench.call(.sweeps, Nothing()) }
            withExtendedLifetime(half) {}
        }
    }

    @Test("heads: 32 KiB and 100 fields pass, more is refused, and nothing falls over")
    func headers() async throws {
        try await DaemonBench.with { bench async throws in
            func status(_ headers: [String]) async throws -> Int {
                try await bench.raw.request("GET", "/v1/health", headers: headers).status
            }
            #expect(try await status(["X-A: " + String(repeating: "a", count: 20_000)]) == 200)
            #expect(try await status(["X-A: " + String(repeating: "a", count: 40_000)]) >= 400)
            #expect(try await status((0..<90).map { "X-\($0): a" }) == 200)
            #expect(try await status((0..<150).map { "X-\($0): a" }) >= 400)
            _ = try await bench.call(.health, Nothing())
        }
    }

    @Test("bodies: at the limit they are read, one byte more is answered 413, told or found out")
    func bodies() async throws {
        try await DaemonBench.with { bench async throws in
            func status(_ bytes: Int, chunked: Bool = false) async throws -> Int {
                let body = String(repeating: " ", count: bytes)
                guard chunked else { return try await bench.raw.request("POST", "/v1/query", body: body).status }
                let text =
                    "POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\n\(bench.raw.authorization)Content-Type: "
                    + "application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                return try await bench.raw.send(text + "\(String(bytes, radix: 16))\r\n\(body)\r\n0\r\n\r\n").status
            }
            let limit = WireLimit.control
            for (bytes, wanted) in [(limit - 1, 400), (limit, 400), (limit + 1, 413)] {
                #expect(try await status(bytes) == wanted, "\(bytes)")
                #expect(try await status(bytes, chunked: true) == wanted, "\(bytes), chunked")
            }
        }
    }

    @Test("framing tricks end in an error or a closed connection, never in a second request")
    func smuggling() async throws {
        try await DaemonBench.with { bench async throws in
            let inner = "GET /v1/sweeps HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            for head in [
                "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 4\r\nTransfer-Encoding: chunked",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Content-Length: -1",
                "Content-Length: 1e3",
                "Transfer-Encoding: xchunked", "X: a\r\n b", "X\0: a", " X: a",
            ] {
                let answer = try await bench.raw.send(
                    "POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\n\(bench.raw.authorization)Content-Type: "
                        + "application/json\r\nConnection: close\r\n\(head)\r\n\r\n0\r\n\r\n\(inner)"
                )
                #expect(answer.text.components(separatedBy: "HTTP/1.1 200").count == 1, "\(head): \(answer.text)")
            }
            _ = try await bench.call(.health, Nothing())
        }
    }

    @Test("of transfer codings only chunked is taken, alone: anything else is refused before the body is read")
    func codings() async throws {
        try await DaemonBench.with { bench async throws in
            func status(_ head: String) async throws -> (Int, String) {
                let answer = try await bench.raw.send(
                    "POST /v1/blobs/missing HTTP/1.1\r\nHost: "
                        + "127.0.0.1\r\n\(bench.raw.authorization)Content-Type: "
                        + "application/json\r\n\(head)\r\n\r\nd\r\n{\"sha256\":[]}\r\n0\r\n\r\nGET /v1/health "
                        + "HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
                )
                return (answer.status, answer.text)
            }
            for good in ["chunked", "Chunked"] {
                #expect(try await status("Transfer-Encoding: \(good)").0 == 200, "\(good)")
            }
            for bad in [
                "xchunked", "chunkedx", "chunked, chunked", "gzip, chunked", "chunked, gzip", "identity", "x",
                "\"chunked\"",
                "chunked;q=1", "chunked\r\nTransfer-Encoding: chunked", "chunked\r\nContent-Length: 5", "",
            ] {
                let (code, text) = try await status("Transfer-Encoding: \(bad)")
                #expect(code == 400 && !text.contains("HTTP/1.1 200"), "\(bad): \(text)")
            }
        }
    }

    @Test("impossible numbers are refused, and the coordinator lives on")
    func numbers() async throws {
        try await DaemonBench.with { bench async throws in
            let digest = String(repeating: "0", count: 64)
            for body in [
                #"{"sha256":"\#(digest)","bytes":-9223372036854775808}"#,
                #"{"sha256":"\#(digest)","bytes":9223372036854775807}"#,
                #"{"sha256":"\#(digest)","bytes":1e30}"#, #"{"sha256":"\#(digest)","bytes":1.5}"#,
                #"{"sha256":"\#(digest)","bytes":"1"}"#, String(repeating: "[", count: 100_000),
                String(repeating: "{\"a\":", count: 100_000),
            ] {
                #expect(
                    try await bench.raw.request("POST", "/v1/blobs", body: body).status == 400, "\(body.prefix(80))")
            }
            for lifetime in ["1e300", "-1", "0", "1e-400", "null"] {
                let status = try await bench.raw.request(
                    "POST", "/v1/tokens", body: #"{"scope":"read","note":"","lifetime":\#(lifetime)}"#
                ).status
                #expect(status == (lifetime == "null" ? 200 : 400), "\(lifetime): \(status)")
            }
            try await bench.launch(["1e-4"])
            let one = try await HandWorker("one", bench)
            let grant = try await one.claim()
            let refused = try await one.report(grant.token, .log(LogReport(offset: .max, text: "x")))
            #expect(refused == .refused("log: no log begins at byte \(UInt64.max)"))
            #expect(
                try await one.report(grant.token, .finished(FinishReport(streamPosition: .max)))
                    == .gap(expected: 1))
        }
    }
}
