import Coordinator
import Foundation
import Ports
import SweepModel
import SweepWire
import Testing

@Suite("The page for people")
struct DashboardTests {
    @Test(
        "where tokens are asked for a browser logs in once: a cookie that scripts cannot see, and that ends with its token"
    )
    func login() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            let made = try await bench.call(.createToken, TokenRequest(scope: .read), token: admin)
            let outside = try await bench.raw.request("GET", "/")
            #expect(outside.status == 303 && outside.header("Location") == "/login")
            let form = try await bench.raw.request("GET", "/login")
            #expect(form.status == 200 && form.body.contains("<form method=\"post\" action=\"/login\">"))
            #expect(form.header("Content-Security-Policy")?.contains("form-action 'self'") == true)
            let wrong = try await bench.raw.request("POST", "/login", body: "token=radiata_nothing")
            #expect(wrong.status == 401 && wrong.header("Set-Cookie") == nil)

            let right = try await bench.raw.request("POST", "/login", body: "token=\(made.token)")
            // A page that goes on by itself: after a redirect a strict cookie would not be sent.
            #expect(right.status == 200 && right.header("Location") == nil)
            let cookie = try #require(right.header("Set-Cookie"))
            #expect(
                cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && !cookie.contains(made.token))
            let pair = "Cookie: other=1; " + (cookie.split(separator: ";").first.map(String.init) ?? "")
            let page = try await bench.raw.request("GET", "/", headers: [pair])
            #expect(page.status == 200 && page.body.contains("<h2>Jobs</h2>") && page.body.contains("Log out"))
            // The cookie is for the page: the contract's calls want the token.
            #expect(try await bench.raw.request("GET", "/v1/sweeps", headers: [pair]).status == 401)
            #expect(!page.body.contains("data-action"))

            _ = try await bench.call(.revokeToken, RevokeRequest(id: made.id), token: admin)
            #expect(try await bench.raw.request("GET", "/", headers: [pair]).status == 303)
        }
    }

    @Test("logging out ends the session on the coordinator, not only in the browser")
    func logout() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            let right = try await bench.raw.request("POST", "/login", body: "token=\(admin)")
            let pair = "Cookie: " + (right.header("Set-Cookie")?.split(separator: ";").first.map(String.init) ?? "")
            #expect(try await bench.raw.request("GET", "/", headers: [pair]).status == 200)
            let out = try await bench.raw.request("POST", "/logout", headers: [pair])
            #expect(out.status == 303 && out.header("Set-Cookie")?.contains("Max-Age=0") == true)
            #expect(try await bench.raw.request("GET", "/", headers: [pair]).status == 303)
        }
    }

    @Test("a form sent by a page from elsewhere is refused")
    func foreignForm() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            for header in [
                "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: http://evil.example",
                "Origin: null",
            ] {
                let answer = try await bench.raw.request(
                    "POST", "/login", headers: [header], body: "token=\(admin)")
                #expect(answer.status == 403 && answer.header("Set-Cookie") == nil, "\(header)")
            }
            let own = "Origin: http://127.0.0.1:\(bench.raw.port)"
            #expect(try await bench.raw.request("POST", "/login", headers: [own], body: "token=\(admin)").status == 200)
        }
    }

    @Test("what workers and users name stays text")
    func escaping() async throws {
        try await DaemonBench.with { bench async throws in
            let evil = "<img src=x onerror=alert(1)>\"'&"
            _ = try await bench.call(
                .register,
                RegisterRequest(
                    WorkerRecord(
                        worker: WorkerID("w"), name: evil,
                        session: SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16)), slots: 1, threads: 1)))
            let page = try await bench.raw.request("GET", "/")
            #expect(page.status == 200 && !page.body.contains("<img") && page.body.contains("&lt;img src=x"))
            let scripts = page.body.components(separatedBy: "<script").dropFirst()
            #expect(scripts.allSatisfy { $0.hasPrefix(" src=\"/dashboard.js\" defer></script>") })
            #expect(!page.body.contains("<style"))
        }
    }
}
