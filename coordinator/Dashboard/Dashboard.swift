import Foundation
import HTTPTypes
import Ports
import SweepModel
import SweepWire

/// Renders the page; every name and text goes through `escaped`.
enum Dashboard {
    /// Script and style from here only, none within the page; forms and calls go here only.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
        + "base-uri 'none'; form-action 'self'"

    /// Keeps the page's secret, which browsers separate by port and by tab, and sends it with what the page
    /// changes.
    static let script = """
        "use strict";
        const place = "radiata-page";
        const given = document.body.dataset.page;
        if (given) { sessionStorage.setItem(place, given); location.replace("/"); }
        const secret = sessionStorage.getItem(place);
        for (const button of document.querySelectorAll("button[data-action]")) {
          if (!secret) { button.hidden = true; continue; }
          button.addEventListener("click", async () => {
            button.disabled = true;
            const answer = await fetch("/v1/actions", {
              method: "POST", headers: { "Content-Type": "application/json", "\(SafeHeaders.page?.rawName ?? "")": secret },
              body: JSON.stringify({ action: button.dataset.action, target: button.dataset.target }) });
            if (answer.ok) { location.reload(); return; }
            document.getElementById("note").textContent = (await answer.json()).message;
          });
        }

        """

    static let style = """
        body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222;background:#fff}
        table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.3rem \
        .6rem;border-bottom:1px solid #ddd}
        th{font-weight:600}code{font-size:13px}.failed,.parked{color:#b00020}.done{color:#1b6e35}.running{color:#0b57d0}
        form{margin:1rem 0}input{font:inherit;padding:.3rem;width:32rem;max-width:100%}button{font:inherit;padding:.3rem .8rem}
        @media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}th,td{border-color:#333}}
        """

    private static func head(_ extra: String, body: String = "<body>") -> String {
        """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        \(extra)<title>Radiata</title><link rel="stylesheet" href="\(DashboardPath.style)">
        <script src="\(DashboardPath.script)" defer></script></head>\(body)<h1>Radiata</h1>
        """
    }

    static func login(fault: String?) -> String {
        """
        \(head(""))
        \(fault.map { "<p class=\"failed\">\(escaped($0))</p>" } ?? "")
        <form method="post" action="\(DashboardPath.login)"><p><label for="token">Access token (radiata token \
        create --scope read), or use the link of radiata open</label></p>
        <p><input id="token" name="token" type="password" autocomplete="current-password" required autofocus></p>
        <p><button>Log in</button></p></form></body></html>

        """
    }

    /// What a browser gets once it is let in: it keeps the secret and goes to the page.
    static func welcome(page secret: String) -> String {
        """
        \(head("", body: "<body data-page=\"\(escaped(secret))\">"))
        <p><a href="\(DashboardPath.page)">To the dashboard</a></p></body></html>

        """
    }

    static func page(
        sweeps: [SweepSummary], workers: [WorkerSummary], jobs: [JobSummary], now: WallTime, isLoggedIn: Bool,
        mayChange: Bool
    ) -> String {
        """
        \(head("<meta http-equiv=\"refresh\" content=\"5\">"))
        <p>\(escaped(now.description))</p><p id="note" class="failed"></p>
        <h2>Sweeps</h2>\
        \(table(
            ["sweep", "state", "jobs", "done", "running", "waiting", "failed", "other"] + (mayChange ? [""] : []),
            sweeps.map { row($0) + (mayChange ? [buttons($0)] : []) }))
        <h2>Workers</h2>\(table(["worker", "state", "busy", "slots", "silent"], workers.map { row($0, now) }))
        <h2>Jobs</h2>\(table(["job", "sweep", "group", "state", "seed", "attempts", "failure"], jobs.map(row)))
        \(isLoggedIn ? "<form method=\"post\" action=\"\(DashboardPath.logout)\"><button>Log out</button></form>" : "")
        </body></html>

        """
    }

    private static func buttons(_ sweep: SweepSummary) -> String {
        [JobAction.pause, .unpause].map { action in
            "<button data-action=\"\(action.rawValue)\" data-target=\"\(escaped(sweep.name))\">\(action.rawValue)</button>"
        }.joined(separator: " ")
    }

    private static func row(_ sweep: SweepSummary) -> [String] {
        let named = ["done", "running", "waiting"]
        let failed = (sweep.states["failed"] ?? 0) + (sweep.states["parked"] ?? 0)
        let rest = sweep.jobs - failed - named.reduce(0) { $0 + (sweep.states[$1] ?? 0) }
        let state = [sweep.state, sweep.reason, sweep.remedy].compactMap { $0 }.joined(separator: ": ")
        return [escaped(sweep.name), escaped(state), "\(sweep.jobs)"] + named.map { "\(sweep.states[$0] ?? 0)" } + [
            "\(failed)", "\(rest)",
        ]
    }

    private static func row(_ worker: WorkerSummary, _ now: WallTime) -> [String] {
        [
            escaped(worker.name),
            escaped([worker.state, worker.reason, worker.remedy].compactMap { $0 }.joined(separator: ": ")),
            "\(worker.busy)", "\(worker.slots)",
            "\(max(0, now.milliseconds - worker.lastSeen) / 1000) s",
        ]
    }

    private static func row(_ job: JobSummary) -> [String] {
        [
            "<code>\(escaped(String(job.id.prefix(12))))</code>", escaped(job.sweep), escaped(job.group),
            "<span class=\"\(escaped(job.state))\">\(escaped(job.state))</span>", "\(job.seed)", "\(job.attempts)",
            escaped(
                [job.waitsFor ?? job.failure, job.message.map { String($0.prefix(200)) }].compactMap { $0 }.joined(
                    separator: ": ")),
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
