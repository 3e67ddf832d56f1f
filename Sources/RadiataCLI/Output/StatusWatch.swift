import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire

/// `status --watch`: a line for each sweep that is not finished, until all of them are. On a terminal the
/// lines are written over; in a pipe each change is a line, and as JSON an object a change.
struct StatusWatch {
    let client: SweepClient
    /// nil for all sweeps that are not finished.
    let sweep: String?
    let format: OutputFormat
    var time: any TimeSource = SystemTime()

    func run() async throws {
        let interrupt = InterruptHandler { if StandardStream.output.isTerminal { Console.out("") } }
        defer { interrupt.cancel() }
        // Asked once like any command, so that a wrong address is told; from then on an outage is waited out.
        var status = try await client.call(.status, SweepRequest(sweep: sweep ?? ""))
        var shown = Set(status.sweeps.filter { sweep != nil || !$0.isFinished }.map(\.name))
        if shown.isEmpty {
            Console.note(status.sweeps.isEmpty ? "there is no sweep yet" : "every sweep is finished")
            return Console.out(try StatusTables.sweeps(status.sweeps).rendered(as: format))
        }
        var last: [String: String] = [:]
        var lastObject = ""
        var height = 0
        while true {
            shown.formUnion(status.sweeps.filter { !$0.isFinished }.map(\.name).filter { sweep == nil || $0 == sweep })
            let sweeps = status.sweeps.filter { shown.contains($0.name) }
            if format == .json {
                let object = try JSONText.line(status)
                if object != lastObject { Console.out(object) }
                lastObject = object
            } else {
                var lines: [(name: String, text: String)] = []
                for summary in sweeps { lines.append((summary.name, try await line(summary, status))) }
                height = show(lines, over: height, last: last)
                last = Dictionary(lines.map { ($0.name, $0.text) }) { _, new in new }
            }
            if sweeps.allSatisfy(\.isFinished) { return }
            try await time.sleep(for: .milliseconds(StandardStream.output.isTerminal ? 500 : 2000))
            status = try await client.call(.status, SweepRequest(sweep: sweep ?? ""), retry: .forever)
        }
    }

    private func line(_ summary: SweepSummary, _ status: StatusResponse) async throws -> String {
        let watcher = SweepWatcher(client: client, sweep: summary.name)
        return watcher.text(
            of: summary, status, progress: summary.isFinished ? [] : try await watcher.progress())
    }

    /// - Returns: how many lines stand there now.
    private func show(_ lines: [(name: String, text: String)], over height: Int, last: [String: String]) -> Int {
        if StandardStream.output.isTerminal {
            Console.goUp(lines: height)
            for line in lines { Console.out(line.text) }
            return lines.count
        }
        for line in lines where last[line.name] != line.text { Console.out(line.text) }
        return 0
    }
}
