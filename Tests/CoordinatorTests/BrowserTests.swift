import Coordinator
import Foundation
import Ports
import SweepModel
import SweepWire
import Testing

/// What browsers send when a page of another site is behind it, played byte by byte; `ForeignPageTests` has a
/// real one.
@Suite("Requests of browsers")
struct BrowserTests {
    private static let launch = #"{"key":"0123456789abcdef","bundle":{}}"#

    @Test(
        "a page from elsewhere gets nothing, whatever it says of itself and even with a good token",
        arguments: [
            "Origin: null", "Origin: https://evil.example", "Origin: http://localhost:PORT",
            "Origin: http://127.0.0.1:1",
            "Origin: http://127.0.0.1", "Origin: https://127.0.0.1:PORT.evil.example", "Origin: file://", "Origin: ",
            "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Sec-Fetch-Site: anything",
        ])
    func foreignPages(header: String) async throws {
        try await DaemonBench.with { bench async throws in
            let header = header.replacingOccurrences(of: "PORT", with: "\(bench.raw.port)")
            for (method, path) in [("GET", "/v1/sweeps"), ("POST", "/v1/sweeps"), ("GET", "/"), ("POST", "/login")] {
                let answer = try await bench.raw.request(
                    method, path, headers: [header], body: method == "POST" ? Self.launch : "")
                #expect(answer.status == 403, "\(method) \(path) \(header): \(answer.status)")
            }
        }
    }

    @Test("the coordinator's own page, and programs that are no browsers, pass")
    func ownPage() async throws {
        try await DaemonBench.with { bench async throws in
            for headers in [
                [], ["Origin: http://127.0.0.1:\(bench.raw.port)", "Sec-Fetch-Site: same-origin"],
                ["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"],
            ] { #expect(try await bench.raw.request("GET", "/v1/sweeps", headers: headers).status == 200) }
        }
    }

    @Test("on loopback the Host is one of loopback's names, parsed, with any port; others only by --allow-host")
    func hosts() async throws {
        var options = DaemonBench.Options()
        options.allowedHosts = ["box.lan"]
        try await DaemonBench.with(options) { bench async throws in
            func status(_ host: String) async throws -> Int {
                try await bench.raw.send(
                    "GET /v1/sweeps HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\(bench.raw.authorization)\r\n"
                ).status
            }
            for good in [
                "127.0.0.1", "127.0.0.1:1", "localhost", "LOCALHOST:7070", "localhost.", "a.localhost", "[::1]:9",
                "127.255.255.254", "[::ffff:127.0.0.1]", "box.lan", "box.lan:443", "BOX.lan",
            ] { #expect(try await status(good) == 200, "\(good)") }
            for bad in [
                "127.evil.example", "127.0.0.1.evil.example", "evil.example", "localhost.evil.example", "127.1",
                "0x7f.1",
                "2130706433", "127.0.0.1:1:2", "127.0.0.1@evil.example", "[::2]", "0.0.0.0", "10.0.0.1", "box.lan.evil",
                "localhost:99999", "127.0.0.1:", "",
            ] { #expect([400, 403].contains(try await status(bad)), "\(bad)") }
            let two = try await bench.raw.send(
                "GET /v1/sweeps HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\(bench.raw.authorization)\r\n"
            )
            #expect(two.status == 400)
        }
    }

    @Test("a body is read only as the media type that its call takes: no form and no plain text is JSON")
    func mediaTypes() async throws {
        try await DaemonBench.with { bench async throws in
            let body = #"{"action":"pause","target":"t"}"#
            try await bench.launch(["1e-4"])
            for type in [
                "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                "application/jsonx", "text/json", "",
            ] {
                let answer = try await bench.raw.request(
                    "POST", "/v1/actions", headers: ["Content-Type: \(type)"], body: body)
                #expect(answer.status == 400 && answer.body.contains("application/json"), "\(type): \(answer.status)")
            }
            #expect(try await bench.query("SELECT state FROM jobs") == [[.text("waiting")]])
            let right = try await bench.raw.request(
                "POST", "/v1/actions", headers: ["Content-Type: application/JSON; charset=utf-8"], body: body)
            #expect(right.status == 200)
            let digest = ContentDigest.of("x").text
            let chunk = try await bench.raw.request(
                "PUT", "/v1/blobs/\(digest)/chunks/0", headers: ["Content-Type: text/plain"], body: "x")
            #expect(chunk.status == 400 && chunk.body.contains("application/octet-stream"))
        }
    }

    @Test("a link lets a browser in once: with a page, not a redirect, and to a page of its own only")
    func links() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            func link() async throws -> String { try await bench.call(.openLink, Nothing(), token: admin).path }
            // Who follows it comes from elsewhere: from a mail, a terminal.
            let way = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]
            let path = try await link()
            let first = try await bench.raw.request("GET", path, headers: way)
            #expect(first.status == 200 && first.header("Location") == nil)
            let cookie = try #require(first.header("Set-Cookie"))
            #expect(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"))
            let pair = "Cookie: " + (cookie.split(separator: ";").first.map(String.init) ?? "")
            #expect(try await bench.raw.request("GET", "/", headers: [pair]).status == 200)
            let again = try await bench.raw.request("GET", path, headers: way)
            #expect(again.status == 403 && again.header("Set-Cookie") == nil && again.body.contains("radiata open"))

            for other in [
                ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"],
                ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"],
                ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Origin: http://evil.example"],
            ] {
                let fresh = try await link()
                #expect(try await bench.raw.request("GET", fresh, headers: other).status == 403, "\(other)")
                #expect(
                    try await bench.raw.request("GET", fresh, headers: way).status == 200, "not used up by \(other)")
            }
            #expect(try await bench.raw.request("GET", "/open?code=0123", headers: way).status == 403)
            #expect(try await bench.raw.request("POST", path, headers: way).status != 200)
        }
    }

    @Test("a cookie only reads; what changes anything needs the page's own secret, and the token's scope")
    func pageSecret() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            let launch = LaunchRequest(key: SystemRandom().hexadecimal(bytes: 16), bundle: DaemonBench.bundle(["1e-4"]))
            _ = try await bench.call(.launch, launch, token: admin)
            let body = #"{"action":"pause","target":"t"}"#
            func enter(_ token: String) async throws -> (cookie: String, page: String) {
                let path = try await bench.call(.openLink, Nothing(), token: token).path
                let answer = try await bench.raw.request("GET", path)
                let cookie = answer.header("Set-Cookie")?.split(separator: ";").first.map(String.init)
                let page = answer.body.components(separatedBy: "data-page=\"").last?.split(separator: "\"").first
                return ("Cookie: \(try #require(cookie))", "Radiata-Page: \(try #require(page))")
            }
            func pause(_ headers: [String]) async throws -> Int {
                try await bench.raw.request("POST", "/v1/actions", headers: headers, body: body).status
            }
            let (one, two) = (try await enter(admin), try await enter(admin))
            for headers in [[one.cookie], [one.page], [one.cookie, two.page], [one.cookie, "Radiata-Page: x"]] {
                #expect(try await pause(headers) == 401)
            }
            let reader = try await bench.call(.createToken, TokenRequest(scope: .read), token: admin)
            let reading = try await enter(reader.token)
            #expect(try await pause([reading.cookie, reading.page]) == 403)
            #expect(try await pause([one.cookie, one.page]) == 200)
            #expect(try await pause([one.cookie, one.page, "Origin: null"]) == 403)
            _ = try await bench.call(.revokeToken, RevokeRequest(id: reader.id), token: admin)
            #expect(try await pause([reading.cookie, reading.page]) == 401)
            #expect(try await bench.raw.request("POST", "/logout", headers: [one.cookie]).status == 303)
            #expect(try await pause([one.cookie, one.page]) == 401)
        }
    }
}
