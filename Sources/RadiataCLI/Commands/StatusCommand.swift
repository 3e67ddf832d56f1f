import ArgumentParser
import Foundation
import SweepClient
import SweepModel
import SweepWire

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Sweeps and workers at a glance.",
        discussion: CommandExamples.text([
            "radiata status",
            "radiata status mine --watch",
            "radiata status --format json | jq '.running'",
        ]))

    @Argument(help: "Only this sweep.")
    var sweep: String?

    @Flag(help: "Stay and show changes until every sweep shown is finished.")
    var watch = false

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let client = try options.client()
        if watch { return try await StatusWatch(client: client, sweep: sweep, format: output.format).run() }
        let status = try await client.call(.status, SweepRequest(sweep: sweep ?? ""))
        if output.format == .json {
            Console.out(try JSONText.encode(status))
            return
        }
        if let notice = status.notice { Console.note(notice) }
        Console.out(try StatusTables.sweeps(status.sweeps).rendered(as: output.format))
        guard output.format == .table else { return }
        for sweep in status.sweeps {
            for line in StatusTables.others(of: sweep) { Console.out("\n\(sweep.name): \(line)") }
            StatusTables.explain(sweep)
            StatusTables.annotate(sweep)
        }
        for line in StatusTables.waits(status.jobs ?? []) { Console.out(line) }
        if sweep == nil { Console.out("\n" + (try StatusTables.workers(status.workers).rendered(as: .table))) }
        StatusTables.explain(status.workers)
    }
}

/// The tables that several commands print.
enum StatusTables {
    static let states = ["waiting", "running", "done", "failed", "parked", "canceled", "paused"]

    static func sweeps(_ sweeps: [SweepSummary]) -> TextTable {
        var table = TextTable(columns: ["sweep", "state", "configurations", "jobs"] + states + ["checkpoints planned"])
        table.rows = sweeps.map { sweep in
            let counts: [TextTable.Cell] = states.map { .number(Double(sweep.states[$0] ?? 0)) }
            let sizes: [TextTable.Cell] = [.number(Double(sweep.configurations)), .number(Double(sweep.jobs))]
            return [.text(sweep.name), .text(sweep.state)] + sizes + counts + [.number(Double(sweep.checkpoints))]
        }
        return table
    }

    static func workers(_ workers: [WorkerSummary]) -> TextTable {
        var table = TextTable(columns: [
            "worker", "id", "state", "slots", "busy", "gpus", "labels", "last seen", "jobs",
        ])
        table.rows = workers.map { worker in
            let labels = worker.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            return [
                .text(worker.name), .text(String(worker.id.prefix(8))), .text(worker.state),
                .number(Double(worker.slots)), .number(Double(worker.busy)),
                .text(worker.gpuDevices?.text ?? (worker.gpus == 0 ? "" : String(worker.gpus))),
                .text(labels), .text(TimeText.local(worker.lastSeen)),
                .text(worker.jobs.map { String($0.prefix(8)) }.joined(separator: " ")),
            ]
        }
        return table
    }

    /// Jobs that do not train: `preparations: 1/2 done, 1 running`, `evaluations: 3/8 done, 5 waiting`.
    static func others(of sweep: SweepSummary) -> [String] {
        [("preparations", sweep.preparations), ("evaluations", sweep.evaluations)].compactMap { kind, counts in
            guard let counts else { return nil }
            let rest = states.filter { $0 != "done" }.compactMap { state in counts[state].map { ", \($0) \(state)" } }
            return "\(kind): \(counts["done"] ?? 0)/\(counts.values.reduce(0, +)) done" + rest.joined()
        }
    }

    /// Why a sweep stands still, and what makes it go on.
    static func explain(_ sweep: SweepSummary) {
        guard sweep.state == "stopped", let text = stop(of: sweep) else { return }
        Console.out("\n\(sweep.name) \(text)\(sweep.since.map { " (since \(TimeText.local($0)))" } ?? "")")
    }

    /// What people say of it, and whether its files are gone.
    static func annotate(_ sweep: SweepSummary) {
        if let budget = sweep.budget { Console.out("\n\(sweep.name) has taken \(budget.text)") }
        if let archived = sweep.archived {
            Console.out("\n\(sweep.name) is archived since \(TimeText.local(archived)): its newest adapters are kept")
        }
        if let tags = sweep.tags { Console.out("\n\(sweep.name) is tagged \(tags.joined(separator: ", "))") }
        if let note = sweep.note { Console.out("\n\(sweep.name): \(note)") }
    }

    /// `stopped: 3 jobs failed alike: …; mend it and …`
    static func stop(of sweep: SweepSummary) -> String? {
        sweep.reason.map { "stopped: \($0)" + (sweep.remedy.map { "; \($0)" } ?? "") }
    }

    /// Who of the workers gets no jobs, why, since when, and what undoes it.
    static func explain(_ workers: [WorkerSummary]) {
        for worker in workers where worker.state != "connected" {
            guard let reason = worker.reason else { continue }
            let since = worker.since.map { " since \(TimeText.local($0))" } ?? ""
            let remedy = worker.remedy.map { "; \($0)" } ?? ""
            Console.out("\n\(worker.name) (\(worker.id.prefix(8))) is \(worker.state)\(since): \(reason)\(remedy)")
        }
    }

    /// Why jobs wait: a line for each reason, those of most jobs first.
    static func waits(_ jobs: [JobBrief]) -> [String] {
        var counts: [String: (count: Int, first: String)] = [:]
        for job in jobs {
            guard let reason = job.waitsFor else { continue }
            counts[reason] = ((counts[reason]?.count ?? 0) + 1, counts[reason]?.first ?? String(job.id.prefix(8)))
        }
        let most = counts.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        let lines = most.prefix(8).map { reason, jobs in
            jobs.count == 1 ? "\njob \(jobs.first) waits: \(reason)" : "\n\(jobs.count) jobs wait: \(reason)"
        }
        return most.count > 8
            ? lines + ["\n… and for \(most.count - 8) more reasons; `radiata show JOB` says each"] : lines
    }
}
