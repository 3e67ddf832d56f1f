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
            // The page is the same for everybody; it holds nothing, and its calls want a session.
            let outside = try await bench.raw.request("GET", "/")
            #expect(outside.status == 200 && outside.body.contains("assets/app.js"))
            #expect(try await bench.raw.request("GET", "/page/sweeps").status == 401)
            let form = try await bench.raw.request("GET", "/login")
            #expect(form.status == 200 && form.body.contains("<form method=\"post\" action=\"login\""))
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
            let secret = "Radiata-Page: " + (try Self.secret(right))
            // The cookie alone reads nothing: it goes to every port of the host.
            for path in ["/v1/sweeps", "/page/sweeps", "/page/start", "/page/live"] {
                #expect(try await bench.raw.request("GET", path, headers: [pair]).status == 401, "\(path)")
            }
            #expect(try await bench.raw.request("GET", "/page/start", headers: [pair, secret]).status == 200)

            _ = try await bench.call(.revokeToken, RevokeRequest(id: made.id), token: admin)
            #expect(try await bench.raw.request("GET", "/page/start", headers: [pair, secret]).status == 401)
        }
    }

    @Test("logging out ends the session on the coordinator, not only in the browser")
    func logout() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            let right = try await bench.raw.request("POST", "/login", body: "token=\(admin)")
            let pair = "Cookie: " + (right.header("Set-Cookie")?.split(separator: ";").first.map(String.init) ?? "")
            let secret = "Radiata-Page: " + (try Self.secret(right))
            #expect(try await bench.raw.request("GET", "/page/sweeps", headers: [pair, secret]).status == 200)
            let out = try await bench.raw.request("POST", "/logout", headers: [pair])
            #expect(out.status == 303 && out.header("Set-Cookie")?.contains("Max-Age=0") == true)
            #expect(try await bench.raw.request("GET", "/page/sweeps", headers: [pair, secret]).status == 401)
        }
    }

    /// The page's own secret, of the answer that lets a browser in.
    private static func secret(_ answer: RawHTTP.Answer) throws -> String {
        let page = answer.body.components(separatedBy: "data-page=\"").dropFirst().first?.split(separator: "\"").first
        return String(try #require(page))
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

    @Test("no script, style or handler stands within a page, and no file of it reads text as HTML")
    func noInlineScript() async throws {
        try await DaemonBench.with { bench async throws in
            for path in ["/", "/login"] {
                let page = try await bench.raw.request("GET", path)
                let policy = try #require(page.header("Content-Security-Policy"))
                #expect(policy.contains("script-src 'self';") && !policy.contains("unsafe"))
                let scripts = page.body.components(separatedBy: "<script").dropFirst()
                #expect(!scripts.isEmpty && scripts.allSatisfy { $0.hasPrefix(" src=\"assets/") })
                #expect(!page.body.contains("<style") && !page.body.contains("style=") && !page.body.contains(" on"))
            }
            let names = [
                "app", "api", "dom", "actions", "sweeps", "sweep", "table", "curves", "compare", "plots", "ranking",
                "images", "votes", "job", "workers", "welcome",
            ]
            for name in names {
                let file = try await bench.raw.request("GET", "/assets/\(name).js")
                #expect(file.status == 200 && file.header("Content-Type")?.hasPrefix("text/javascript") == true)
                for word in ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://", "http://"]
                where !(word == "http://" && file.body.contains("http://www.w3.org/2000/svg")) {
                    #expect(!file.body.contains(word), "\(name).js has \(word)")
                }
            }
            #expect(try await bench.raw.request("GET", "/assets/nothing.js").status == 404)
            #expect(try await bench.raw.request("GET", "/assets/..%2f..%2fadmin.token").status == 404)
        }
    }
}
