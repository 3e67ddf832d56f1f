import ArgumentParser
import Foundation
import Ports
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Everything on this machine: a coordinator, two workers, the quickstart sweep, a report.")

    @Option(help: "Folder for ledger, logs and report.")
    var folder: String?

    @Option(help: "Another sweep file than sweeps/quickstart.yaml.")
    var sweep: String?

    @Option(help: "How many workers.")
    var workers = 2

    private static let shownRows = 20

    func validate() throws {
        guard workers >= 1 else { throw ValidationError("--workers \(workers): wanted at least 1") }
    }

    func run() async throws {
        let time = SystemTime()
        let file = try sweep ?? ShippedFiles.path("sweeps/quickstart.yaml")
        let place = folder ?? ".radiata/demo-\(Self.stamp(time))"
        let cluster = try LocalCluster(folder: place)
        let interrupt = InterruptHandler(notice: "stopping; what was reported so far is in the ledger") {
            cluster.stop()
        }
        Console.whenLeft { cluster.stop() }
        defer {
            interrupt.cancel()
            cluster.stop()
        }
        Console.note("Radiata demo · sweep \(file) · everything goes to \(place)")
        try cluster.startCoordinator()
        let client = try cluster.client()
        try await cluster.waitUntilServing(client)
        Console.note("coordinator  http://\(cluster.address)  (ledger \(place)/coordinator/ledger.db)")
        let link = try await client.call(.openLink, Nothing())
        Console.note("dashboard    http://\(cluster.address)\(link.path)  (opens once)")
        let threads = max(1, ProcessInfo.processInfo.activeProcessorCount / workers)
        for number in 1...workers {
            try cluster.startWorker(number, threads: threads, inputs: [])
        }
        Console.note("\(workers) workers, \(threads) thread\(threads == 1 ? "" : "s") each")
        let launched = try await SweepLauncher(client: client).launch(file: file)
        Console.note("launched \(launched.sweep): \(launched.configurations) configurations, \(launched.jobs) jobs\n")
        let summary = try await SweepWatcher(client: client, sweep: launched.sweep) { _ in
            cluster.casualties()
        }.run()
        try await finish(client: client, sweep: launched.sweep, summary: summary, place: place)
    }

    /// Table, report and queries to try.
    private func finish(client: SweepClient, sweep: String, summary: SweepSummary, place: String) async throws {
        let (set, rule) = try await SweepResults(source: client, sweep: sweep).fetchForAnswer(withImages: true)
        let table = TopTable(answer: set.answer(rule: rule), metric: nil, limit: Self.shownRows)
        Console.out("\n\(try table.rendered(as: .table))")
        Console.out((["The answer"] + table.notes).joined(separator: "\n  ") + "\n")
        let report = "\(place)/report.html"
        try await ReportWriter(client: client, sweep: sweep).write(to: report)
        Console.out("report  \(report)  (open it in a browser)")
        Console.out("ledger  \(place)/coordinator/ledger.db\n\nThree queries to try:")
        for query in PublicQueries.examples(sweep: sweep) {
            Console.out("\n  sqlite3 -readonly -header -column \(place)/coordinator/ledger.db \"\(query.sql)\"")
        }
        Console.out("\nTo serve this ledger again: radiata coordinator run --data \(place)/coordinator")
        let done = summary.states["done"] ?? 0
        guard done == summary.jobs else {
            throw CommandFailure(
                .failed, "\(summary.jobs - done) of \(summary.jobs) jobs did not finish; the logs lie in \(place)")
        }
    }

    private static func stamp(_ time: SystemTime) -> String {
        TimeText.local(time.wall().milliseconds).replacing(" ", with: "-").replacing(":", with: "")
    }
}
