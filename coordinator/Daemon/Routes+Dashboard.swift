import Foundation
import HTTPTypes
import Hummingbird
import Ports
import SweepLedger
import SweepWire

extension Routes {
    /// A page for people at `/`: sweeps, jobs and workers. No script, nothing from elsewhere; it reloads itself.
    func addDashboard(_ router: Router<BasicRequestContext>) {
        router.get("/") { request, _ in
            do {
                try mount.admit(request, [.read])
                let page = try await Dashboard.page(
                    sweeps: ledger.sweeps().map(Self.summary), workers: workers(),
                    jobs: ledger.jobs(sweep: nil, state: nil, limit: 500, after: nil).map(Self.summary), now: wall)
                var response = EndpointMount.response(.ok, "text/html; charset=utf-8", Data(page.utf8))
                if let name = HTTPField.Name("Content-Security-Policy") {
                    response.headers[name] =
                        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
                }
                if let name = HTTPField.Name("Referrer-Policy") { response.headers[name] = "no-referrer" }
                return response
            } catch {
                return mount.refuse(error, "dashboard")
            }
        }
    }
}

/// Renders the page; every name and text goes through `escaped`.
enum Dashboard {
    private static let style = """
        body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222;background:#fff}
        table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}
        th{font-weight:600}code{font-size:13px}.failed,.parked{color:#b00020}.done{color:#1b6e35}.running{color:#0b57d0}
        @media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}th,td{border-color:#333}}
        """

    static func page(sweeps: [SweepSummary], workers: [WorkerSummary], jobs: [JobSummary], now: WallTime) -> String {
        """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <meta http-equiv="refresh" content="5"><title>Radiata</title><style>\(style)</style></head><body>
        <h1>Radiata</h1><p>\(escaped(now.description))</p>
        <h2>Sweeps</h2>\(table(["sweep", "jobs", "done", "running", "waiting", "failed", "other"], sweeps.map(row)))
        <h2>Workers</h2>\(table(["worker", "state", "busy", "slots", "silent"], workers.map { row($0, now) }))
        <h2>Jobs</h2>\(table(["job", "sweep", "group", "state", "seed", "attempts", "failure"], jobs.map(row)))
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
