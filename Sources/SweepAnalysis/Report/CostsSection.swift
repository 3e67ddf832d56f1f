import Figures
import SweepModel

/// How long jobs and configurations took.
struct CostsSection: ReportSection {
    private static let mostBars = 30
    private static let mostJobs = 500

    /// One job's time on a machine.
    private struct Cost {
        var job: JobSummary
        /// Milliseconds of all ended attempts.
        var time: Double
        var attempts: Int
    }

    func html(_ context: ReportContext) -> String {
        let byJob = Dictionary(grouping: context.report.attempts, by: \.job)
        var configurations: [(label: String, costs: [Cost])] = []
        for configuration in context.numbers.configurations {
            let costs = configuration.jobs.compactMap { job -> Cost? in
                let attempts = byJob[job.id] ?? []
                let times = attempts.compactMap { attempt in attempt.ended.map { Double(max(0, $0 - attempt.started)) }
                }
                guard !times.isEmpty else { return nil }
                return Cost(job: job, time: times.reduce(0, +), attempts: attempts.count)
            }
            if !costs.isEmpty { configurations.append((configuration.label, costs)) }
        }
        let all = configurations.flatMap(\.costs)
        guard !all.isEmpty else { return "" }
        let total = all.reduce(0) { $0 + $1.time }
        let bars = configurations.prefix(Self.mostBars).map { configuration in
            let mean = configuration.costs.reduce(0) { $0 + $1.time } / Double(configuration.costs.count)
            let jobs = configuration.costs.count
            return BarList.Row(
                label: configuration.label, amount: mean,
                text: HTML.duration(milliseconds: mean) + (jobs > 1 ? " × \(jobs)" : ""))
        }
        let repeated = all.filter { $0.attempts > 1 }.count
        let left = configurations.count - bars.count
        return HTML.section(
            "Costs", id: "costs",
            [
                "<p>\(HTML.duration(milliseconds: total)) of machine time for \(all.count) job\(all.count == 1 ? "" : "s"), "
                    + "\(HTML.duration(milliseconds: total / Double(all.count))) a job on average"
                    + (repeated > 0 ? "; \(repeated) needed more than one attempt" : "") + ".</p>",
                BarList(title: "Mean time of a job", rows: bars).html(.page),
                left > 0 ? HTML.quiet("\(left) further configurations are left out here.") : "",
                table(configurations),
            ])
    }

    private func table(_ configurations: [(label: String, costs: [Cost])]) -> String {
        let rows = configurations.flatMap { configuration in
            configuration.costs.map { cost in
                "<tr><th scope=\"row\"><code>\(HTML.escaped(String(cost.job.id.prefix(12))))</code> "
                    + "\(HTML.escaped(configuration.label))</th><td>\(cost.job.seed)</td><td>\(cost.attempts)</td>"
                    + "<td>\(HTML.escaped(cost.job.worker ?? "–"))</td><td>\(HTML.duration(milliseconds: cost.time))</td></tr>"
            }
        }
        let left = rows.count - Self.mostJobs
        return """
            <details><summary>Each job</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="costs"><table><thead><tr><th>job</th><th>seed</th>\
            <th>attempts</th><th>last worker</th><th>time</th></tr></thead>
            <tbody>\(rows.prefix(Self.mostJobs).joined(separator: "\n"))</tbody></table></div>
            \(left > 0 ? HTML.quiet("\(left) further jobs are left out here.") : "")</details>
            """
    }
}

/// Jobs that have not brought a result yet, or never will.
struct UnfinishedSection: ReportSection {
    private static let shown = 200

    func html(_ context: ReportContext) -> String {
        let jobs = context.report.results.jobs
        let others = Dictionary(grouping: jobs.filter { $0.state != "done" }, by: \.state)
        guard !others.isEmpty else { return "" }
        let labels = Dictionary(
            context.numbers.configurations.map { ($0.id, $0.label) }
        ) { first, _ in first }
        let items = others.sorted { $0.key < $1.key }.flatMap { state, jobs in
            jobs.map { job in
                let why = [job.failure, job.message, job.waitsFor].compactMap { $0 }.map { " · \($0)" }.joined()
                return "<li><code>\(HTML.escaped(String(job.id.prefix(12))))</code> \(HTML.escaped(state)) · "
                    + "\(HTML.escaped(labels[job.configuration] ?? "")) · seed \(job.seed)"
                    + "<span class=\"quiet\">\(HTML.escaped(why))</span></li>"
            }
        }
        let counts = others.sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }.joined(separator: ", ")
        let left = items.count - Self.shown
        return HTML.section(
            "Not done", id: "unfinished",
            [
                "<p>\(HTML.escaped(counts)).</p>", "<ul>\(items.prefix(Self.shown).joined(separator: "\n"))</ul>",
                left > 0 ? HTML.quiet("\(left) further jobs are left out here; radiata jobs shows them.") : "",
            ])
    }
}

/// Queries that show where the numbers are.
struct QueriesSection: ReportSection {
    func html(_ context: ReportContext) -> String {
        let queries = context.report.queries
        guard !queries.isEmpty else { return "" }
        return HTML.section(
            "Ask the ledger", id: "queries",
            [
                "<p class=\"quiet\">With <code>radiata query \"…\"</code>, or any SQLite tool on <code>ledger.db</code>.</p>"
            ]
                + queries.map {
                    "<h3>\(HTML.escaped($0.title))</h3><pre><code>\(HTML.escaped($0.sql))</code></pre>"
                })
    }
}
