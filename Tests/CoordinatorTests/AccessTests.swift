import Coordinator
import Foundation
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Testing

/// OWASP API 2023, risks 1, 2, 3, 5, 8 and 9 (docs/explanation/security.md).
@Suite("Access: every call against every kind of caller")
struct AccessTests {
    private struct Caller: Sendable {
        let name: String
        let headers: [String]
        let scope: TokenScope?
    }

    /// A path and a body that reach the handler's checks without changing anything.
    private static func target(_ route: Route) -> (path: String, body: String) {
        let segments = route.path.split(separator: "/").map { $0.hasPrefix("{") ? "0" : String($0) }
        return ("/" + segments.joined(separator: "/"), route.request == .none ? "" : "x")
    }

    @Test("each route lets in the scopes of the contract and nobody else: every route × 9 callers")
    func matrix() async throws {
        try await DaemonBench.withTokens(.limits { $0.refusedTokens = .max }) { bench, admin async throws in
            func token(_ scope: TokenScope, lifetime: Double? = nil) async throws -> TokenResponse {
                try await bench.call(.createToken, TokenRequest(scope: scope, lifetime: lifetime), token: admin)
            }
            let revoked = try await token(.admin)
            _ = try await bench.call(.revokeToken, RevokeRequest(id: revoked.id), token: admin)
            let expired = try await token(.admin, lifetime: 0.001)
            var callers = [
                Caller(name: "nobody", headers: [], scope: nil),
                Caller(name: "garbage", headers: ["Authorization: Bearer abc"], scope: nil),
                Caller(name: "basic", headers: ["Authorization: Basic \(admin)"], scope: nil),
                Caller(name: "revoked", headers: ["Authorization: Bearer \(revoked.token)"], scope: nil),
                Caller(name: "expired", headers: ["Authorization: Bearer \(expired.token)"], scope: nil),
            ]
            for scope in TokenScope.allCases {
                let text = try await token(scope).token
                callers.append(
                    Caller(name: scope.rawValue, headers: ["Authorization: Bearer \(text)"], scope: scope))
            }
            for route in Route.all where !route.scopes.isEmpty {
                let (path, body) = Self.target(route)
                for caller in callers {
                    // Calls that would do something with any body are left to others when the caller may make
                    // them.
                    let mayCall = caller.scope.map { scope in route.scopes.contains { scope.allows($0) } } ?? false
                    if mayCall, ["backup", "collect", "check"].contains(route.name) { continue }
                    let status = try await bench.raw.request(
                        route.method.rawValue, path, headers: caller.headers, body: body
                    ).status
                    let isRight =
                        mayCall
                        ? ![401, 403].contains(status) : status == (caller.scope == nil ? 401 : 403)
                    #expect(isRight, "\(route.name) as \(caller.name): \(status)")
                    #expect(status < 500, "\(route.name) as \(caller.name): \(status)")
                }
            }
        }
    }

    @Test("tokens count only in their header, whole, once and exactly")
    func tokenPlaces() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            func status(_ headers: [String], path: String = "/v1/sweeps") async throws -> Int {
                try await bench.raw.request("GET", path, headers: headers).status
            }
            #expect(try await status(["Authorization: Bearer \(admin)"]) == 200)
            #expect(try await status(["authorization:   bearer \(admin)"]) == 200)
            for bad in [
                ["Authorization: Bearer \(admin.dropLast())"], ["Authorization: Bearer \(admin)x"],
                ["Authorization: Bearer \(admin.uppercased())"], ["Authorization: \(admin)"],
                ["Authorization: Bearer \(admin) \(admin)"],
                ["Authorization: Bearer \(admin)", "Authorization: Bearer \(admin)"],
                ["Cookie: radiata_session=\(admin)"], ["Radiata-Page: \(admin)"], ["X-Authorization: Bearer \(admin)"],
            ] { #expect(try await status(bad) == 401, "\(bad)") }
            #expect(try await status([], path: "/v1/sweeps?token=\(admin)&access_token=\(admin)") == 401)
        }
    }

    @Test("after 20 refused tokens in a minute an address waits; good tokens still pass")
    func refusedTokens() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            var statuses: [Int] = []
            for _ in 0..<25 {
                statuses.append(
                    try await bench.raw.request("GET", "/v1/sweeps", headers: ["Authorization: Bearer no"]).status)
            }
            #expect(statuses == Array(repeating: 401, count: 20) + Array(repeating: 429, count: 5))
            _ = try await bench.call(.sweeps, Nothing(), token: admin)
        }
    }

    @Test("a worker reports for its own attempts only, in a session of its own token")
    func objectLevel() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4"])
            let one = try await HandWorker("one", bench)
            let two = try await HandWorker("two", bench)
            let grant = try await one.claim()
            #expect(try await two.report(grant.token, .finished(FinishReport(streamPosition: 0))) == .superseded)
            #expect(
                try await two.report(grant.token, .failed(FailureReport(failure: .crash, message: ""))) == .superseded)
            #expect(try await two.heartbeat(grant.token) == .superseded)
            #expect(try await one.report(grant.token, .finished(FinishReport(streamPosition: 0))) == .accepted)
        }
        try await DaemonBench.withTokens { bench, admin async throws in
            func worker() async throws -> String {
                try await bench.call(.createToken, TokenRequest(scope: .worker), token: admin).token
            }
            let (mine, other) = (try await worker(), try await worker())
            let session = SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16))
            let request = RegisterRequest(
                WorkerRecord(
                    worker: WorkerID("w"), name: "w", session: session, slots: 1, threads: 1))
            _ = try await bench.call(.register, request, token: mine)
            let exchange = ExchangeRequest(session: session, number: 1, reports: [], freeSlots: 1, waitSeconds: 0)
            _ = try await bench.call(.exchange, exchange, token: mine)
            let error = await #expect(throws: ClientError.self) {
                try await bench.call(.exchange, exchange, token: other)
            }
            #expect(error?.answer?.code == .unknownSession)
        }
    }

    @Test("fields that a caller may not set are ignored")
    func massAssignment() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            let body =
                #"{"scope":"read","note":"n","id":"mine","hash":"00","created":1,"revoked":null,"token":"radiata_x","isRevoked":false}"#
            let answer = try await bench.raw.request(
                "POST", "/v1/tokens", headers: ["Authorization: Bearer \(admin)"], body: body)
            #expect(answer.status == 200)
            let made = try WireJSON.decode(TokenResponse.self, from: Data(answer.body.utf8))
            #expect(made.id != "mine" && made.token != "radiata_x")
            let record = try #require(
                try await bench.call(.tokens, Nothing(), token: admin).items.first { $0.id == made.id })
            #expect(record.scope == .read && record.created > 1)
        }
    }

    @Test("every answer carries the safe headers, and errors tell nothing of the inside")
    func headers() async throws {
        try await DaemonBench.with { bench async throws in
            let long = String(repeating: "a", count: 300)
            for (method, path, status) in [
                ("GET", "/v1/health", 200), ("GET", "/", 200), ("GET", "/assets/style.css", 200),
                ("GET", "/nothing", 404),
                ("DELETE", "/v1/sweeps", 405), ("GET", "/v1/jobs/..%2f..%2fetc%2fpasswd", 404),
                ("GET", "/v1/jobs/%252e%252e%252f", 404), ("GET", "/v1/blobs/..%2f..%2fledger.db", 400),
                ("GET", "/v1/jobs?limit=-1", 400), ("GET", "/v1/export?sweep=\(long)&format=csv", 404),
                ("TRACE", "/", 405), ("GET", "/v1/jobs?limit=1&limit=2", 400),
            ] {
                let answer = try await bench.raw.request(method, path)
                #expect(answer.status == status, "\(method) \(path): \(answer.status)")
                #expect(answer.header("X-Content-Type-Options") == "nosniff", "\(path)")
                #expect(answer.header("X-Frame-Options") == "DENY", "\(path)")
                let kept = path.hasPrefix("/assets/") ? "private, no-cache" : "no-store"
                #expect(answer.header("Cache-Control") == kept, "\(path)")
                #expect(answer.header("Content-Security-Policy")?.hasPrefix("default-src 'none'") == true, "\(path)")
                #expect(answer.header("Access-Control-Allow-Origin") == nil)
                for inside in ["/tmp/", ".swift", "SELECT", "Fatal"] where status >= 400 {
                    #expect(!answer.body.contains(inside), "\(path): \(answer.body)")
                }
            }
            let answer = try await bench.raw.request("PUT", "/v1/sweeps")
            #expect(answer.header("Allow") == "GET, POST")
        }
    }

    @Test("another protocol version is answered 426, older and newer, and told which side to update")
    func versions() async throws {
        try await DaemonBench.with { bench async throws in
            func ask(_ version: String) async throws -> RawHTTP.Answer {
                try await bench.raw.request("GET", "/v1/sweeps", headers: ["Radiata-Protocol: \(version)"])
            }
            let newer = try await ask("7")
            #expect(newer.status == 426 && newer.body.contains("update radiata on the coordinator's machine"))
            #expect(newer.header("Upgrade") == "radiata/2" && newer.header("Radiata-Protocol") == "2")
            let older = try await ask("0")
            #expect(older.status == 426 && older.body.contains("update radiata on the caller's machine"))
            for odd in ["x", "-1", "1.0", "99999999999999999999"] {
                #expect(try await ask(odd).status == 426, "\(odd)")
            }
            #expect(try await ask("1").status == 200)
        }
    }

    @Test("every change of a user is noted with its token's id; the notes cannot be changed and only admins read them")
    func audit() async throws {
        try await DaemonBench.withTokens { bench, admin async throws in
            let submit = try await bench.call(.createToken, TokenRequest(scope: .submit, note: "s"), token: admin)
            let launch = LaunchRequest(
                key: SystemRandom().hexadecimal(bytes: 16), bundle: DaemonBench.bundle(["1e-4"]))
            _ = try await bench.call(.launch, launch, token: submit.token)
            _ = try await bench.call(.action, ActionRequest(action: .cancel, target: "t"), token: submit.token)
            let sql = QueryRequest(sql: "SELECT actor, call, detail FROM audit ORDER BY id")
            let rows = try await bench.call(.query, sql, token: admin).rows
            #expect(
                rows == [
                    [.text("token-file"), .text("createToken"), .text("\(submit.id), scope submit")],
                    [.text(submit.id), .text("launch"), .text("t, 1 jobs")],
                    [.text(submit.id), .text("action"), .text("cancel t")],
                ])
            let refused = await #expect(throws: ClientError.self) {
                try await bench.call(.query, sql, token: submit.token)
            }
            #expect(refused?.answer?.code == .badRequest)
        }
    }

    @Test("the table of paths is the contract's: what is served is declared, what is declared is served")
    func inventory() async throws {
        try await DaemonBench.with { bench async throws in
            for route in Route.all {
                let (path, body) = Self.target(route)
                if ["backup", "collect", "check"].contains(route.name) { continue }
                let answer = try await bench.raw.request(route.method.rawValue, path, body: body)
                #expect(
                    ![404, 405].contains(answer.status) || answer.body.contains("'0'") || answer.body.contains("0"),
                    "\(route.name): \(answer.status) \(answer.body)")
            }
        }
    }
}
