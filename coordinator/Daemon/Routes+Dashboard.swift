import Foundation
import HTTPTypes
import Hummingbird
import Ports
import SweepLedger
import SweepWire

/// The paths of the page for people, beside the contract's.
enum DashboardPath {
    static let page = "/"
    static let style = "/dashboard.css"
    static let login = "/login"
    static let logout = "/logout"
    static let all = [(page, "GET"), (style, "GET"), (login, "GET"), (login, "POST"), (logout, "POST")]
}

extension Routes {
    /// A page for people at `/`: sweeps, jobs and workers. No script, nothing from elsewhere; it reloads itself. Where
    /// tokens are asked for a browser shows one once, and holds a cookie from then on, which reads this page and nothing
    /// else.
    func addDashboard(_ router: Router<CallContext>) {
        router.get(RouterPath(DashboardPath.page)) { request, context in
            await page(request, context)
        }
        router.get(RouterPath(DashboardPath.style)) { _, _ in
            EndpointMount.response(.ok, "text/css; charset=utf-8", Data(Dashboard.style.utf8))
        }
        router.get(RouterPath(DashboardPath.login)) { _, _ in Self.html(.ok, Dashboard.login(fault: nil)) }
        router.post(RouterPath(DashboardPath.login)) { request, context in await login(request, context) }
        router.post(RouterPath(DashboardPath.logout)) { request, _ in
            if let secret = DashboardSessions.secret(in: request.headers[.cookie]) { sessions.end(secret) }
            var response = Self.redirect(to: DashboardPath.login)
            response.headers[.setCookie] = cookie("", seconds: 0)
            return response
        }
    }

    private func page(_ request: Request, _ context: CallContext) async -> Response {
        do {
            let isLoggedIn = try admitBrowser(request, context)
            let page = try await Dashboard.page(
                sweeps: ledger.sweeps().map(Self.summary), workers: workers(),
                jobs: ledger.jobs(sweep: nil, state: nil, limit: 500, after: nil).map(Self.summary), now: wall,
                isLoggedIn: isLoggedIn)
            return Self.html(.ok, page)
        } catch let error as WireError where error.code == .unauthorized && request.headers[.authorization] == nil {
            return Self.redirect(to: DashboardPath.login)
        } catch {
            return mount.refuse(error, "dashboard")
        }
    }

    /// - Returns: whether it was a cookie that let the browser in.
    private func admitBrowser(_ request: Request, _ context: CallContext) throws -> Bool {
        guard !tokens.isOpen, request.headers[.authorization] == nil else {
            _ = try mount.admit(request, context, [.read])
            return false
        }
        guard let secret = DashboardSessions.secret(in: request.headers[.cookie]),
            let token = sessions.token(of: secret)
        else { throw WireError(.unauthorized, "log in first") }
        _ = try tokens.check(id: token, wants: [.read])
        return true
    }

    /// Takes a token from the form. A page of another site cannot post it: its origin gives it away.
    private func login(_ request: Request, _ context: CallContext) async -> Response {
        do {
            guard Self.isSameOrigin(request) else {
                throw WireError(.forbidden, "the form was sent by a page from elsewhere")
            }
            var request = request
            let body = try await EndpointMount.collect(&request, limit: 4096, name: "login")
            let principal = try mount.counted(context) {
                try tokens.check(token: Self.field("token", of: body), wants: [.read])
            }
            var response = Self.redirect(to: DashboardPath.page)
            let secret = sessions.begin(token: principal.id)
            response.headers[.setCookie] = cookie(secret, seconds: Int(DashboardSessions.lifetime.inSeconds))
            return response
        } catch let error as WireError where error.code == .unauthorized || error.code == .forbidden {
            var response = Self.html(.init(code: error.status), Dashboard.login(fault: error.message))
            if error.code == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer realm=\"radiata\"" }
            return response
        } catch {
            return mount.refuse(error, "login")
        }
    }

    private func cookie(_ value: String, seconds: Int) -> String {
        "\(DashboardSessions.cookie)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict"
            + (isSecure ? "; Secure" : "")
    }

    private static func isSameOrigin(_ request: Request) -> Bool {
        if let name = HTTPField.Name("Sec-Fetch-Site"), let site = request.headers[name] {
            return site == "same-origin" || site == "none"
        }
        guard let origin = request.headers[.origin] else { return true }  // no browser
        guard let sent = URLComponents(string: origin), let host = sent.host else { return false }
        return request.head.authority == (sent.port.map { "\(host):\($0)" } ?? host)
    }

    /// One field of a form (`application/x-www-form-urlencoded`).
    static func field(_ name: String, of body: Data) -> String {
        for pair in String(decoding: body, as: UTF8.self).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == name else { continue }
            let text = parts[1].replacingOccurrences(of: "+", with: " ")
            return (text.removingPercentEncoding ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return ""
    }

    private static func redirect(to path: String) -> Response {
        var response = html(.seeOther, "")
        response.headers[.location] = path
        return response
    }

    private static func html(_ status: HTTPResponse.Status, _ text: String) -> Response {
        var response = EndpointMount.response(status, "text/html; charset=utf-8", Data(text.utf8))
        if let name = SafeHeaders.policy { response.headers[name] = Dashboard.policy }
        return response
    }
}

/// Renders the page; every name and text goes through `escaped`.
enum Dashboard {
    /// No script at all; style from here only; the one form goes here only.
    static let policy =
        "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

    static let style = """
        body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222;background:#fff}
        table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}
        th{font-weight:600}code{font-size:13px}.failed,.parked{color:#b00020}.done{color:#1b6e35}.running{color:#0b57d0}
        form{margin:1rem 0}input{font:inherit;padding:.3rem;width:32rem;max-width:100%}button{font:inherit;padding:.3rem .8rem}
        @media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}th,td{border-color:#333}}
        """

    private static func head(_ extra: String) -> String {
        """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        \(extra)<title>Radiata</title><link rel="stylesheet" href="\(DashboardPath.style)"></head><body><h1>Radiata</h1>
        """
    }

    static func login(fault: String?) -> String {
        """
        \(head(""))
        \(fault.map { "<p class=\"failed\">\(escaped($0))</p>" } ?? "")
        <form method="post" action="\(DashboardPath.login)"><p><label for="token">Access token (radiata token create --scope read)</label></p>
        <p><input id="token" name="token" type="password" autocomplete="current-password" required autofocus></p>
        <p><button>Log in</button></p></form></body></html>

        """
    }

    static func page(
        sweeps: [SweepSummary], workers: [WorkerSummary], jobs: [JobSummary], now: WallTime, isLoggedIn: Bool
    ) -> String {
        """
        \(head("<meta http-equiv=\"refresh\" content=\"5\">"))
        <p>\(escaped(now.description))</p>
        <h2>Sweeps</h2>\(table(["sweep", "jobs", "done", "running", "waiting", "failed", "other"], sweeps.map(row)))
        <h2>Workers</h2>\(table(["worker", "state", "busy", "slots", "silent"], workers.map { row($0, now) }))
        <h2>Jobs</h2>\(table(["job", "sweep", "group", "state", "seed", "attempts", "failure"], jobs.map(row)))
        \(isLoggedIn ? "<form method=\"post\" action=\"\(DashboardPath.logout)\"><button>Log out</button></form>" : "")
        </body></html>

        """
    }

    private static func row(_ sweep: SweepSummary) -> [String] {
        let named = ["done", "running", "waiting"]
        let failed = (sweep.states["failed"] ?? 0) + (sweep.states["parked"] ?? 0)
        let rest = sweep.jobs - failed - named.reduce(0) { $0 + (sweep.states[$1] ?? 0) }
        return [escaped(sweep.name), "\(sweep.jobs)"] + named.map { "\(sweep.states[$0] ?? 0)" } + [
            "\(failed)", "\(rest)",
        ]
    }

    private static func row(_ worker: WorkerSummary, _ now: WallTime) -> [String] {
        [
            escaped(worker.name), escaped(worker.state), "\(worker.busy)", "\(worker.slots)",
            "\(max(0, now.milliseconds - worker.lastSeen) / 1000) s",
        ]
    }

    private static func row(_ job: JobSummary) -> [String] {
        [
            "<code>\(escaped(String(job.id.prefix(12))))</code>", escaped(job.sweep), escaped(job.group),
            "<span class=\"\(escaped(job.state))\">\(escaped(job.state))</span>", "\(job.seed)", "\(job.attempts)",
            escaped(
                [job.failure, job.message.map { String($0.prefix(200)) }].compactMap { $0 }.joined(separator: ": ")),
        ]
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        guard !rows.isEmpty else { return "<p>none</p>" }
        let header = head.map { "<th>\($0)</th>" }.joined()
        let body = rows.map { "<tr>" + $0.map { "<td>\($0)</td>" }.joined() + "</tr>" }.joined(separator: "\n")
        return "<table><tr>\(header)</tr>\n\(body)</table>"
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar.value < 32 && scalar != "\n" ? " " : scalar)
            }
        }
        return result
    }
}
