import ArgumentParser
import Foundation
import SweepClient
import SweepWire

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Sweeps and workers at a glance.")

    @Argument(help: "Only this sweep.")
    var sweep: String?

    @Flag(help: "Stay and show changes until every sweep shown is finished.")
    var watch = false

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let client = try options.client()
        if watch {
            guard let sweep else { throw CommandFailure(.usage, "status --watch needs the name of a sweep") }
            try await SweepWatcher(client: client, sweep: sweep).run()
            return
        }
        let status = try await client.call(.status, SweepRequest(sweep: sweep ?? ""))
        if output.format == .json {
            Console.out(try JSONText.encode(status))
            return
        }
        if let notice = status.notice { Console.note(notice) }
        Console.out(try StatusTables.sweeps(status.sweeps).rendered(as: output.format))
        if output.format == .table, sweep == nil {
            Console.out("\n" + (try StatusTables.workers(status.workers).rendered(as: .table)))
        }
    }
}

/// The tables that several commands print.
enum StatusTables {
    static let states = ["waiting", "running", "done", "failed", "parked", "canceled", "paused"]

    static func sweeps(_ sweeps: [SweepSummary]) -> TextTable {
        var table = TextTable(columns: ["sweep", "configurations", "jobs"] + states + ["checkpoints planned"])
        table.rows = sweeps.map { sweep in
            let counts: [TextTable.Cell] = states.map { .number(Double(sweep.states[$0] ?? 0)) }
            return [.text(sweep.name), .number(Double(sweep.configurations)), .number(Double(sweep.jobs))] + counts
                + [.number(Double(sweep.checkpoints))]
        }
        return table
    }

    static func workers(_ workers: [WorkerSummary]) -> TextTable {
        var table = TextTable(columns: ["worker", "state", "slots", "busy", "labels", "last seen", "jobs"])
        table.rows = workers.map { worker in
            let labels = worker.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            return [
                .text(worker.name), .text(worker.state), .number(Double(worker.slots)), .number(Double(worker.busy)),
                .text(labels), .text(TimeText.local(worker.lastSeen)),
                .text(worker.jobs.map { String($0.prefix(8)) }.joined(separator: " ")),
            ]
        }
        return table
    }
}
