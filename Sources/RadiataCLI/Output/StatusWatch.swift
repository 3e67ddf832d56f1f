import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire

/// `status --watch`: every sweep that is not finished, until all of them are. On a terminal a screen that is
/// written over; in a pipe each change is a line, and as JSON an object a change.
struct StatusWatch {
    let client: SweepClient
    /// nil for all sweeps that are not finished.
    let sweep: String?
    let format: OutputFormat
    var time: any TimeSource = SystemTime()

    func run() async throws {
        let terminal = TerminalStream(.output)
        let painter = terminal.isScreen && format != .json ? ScreenPainter(terminal) : nil
        let isScreen = painter != nil
        let interrupt = InterruptHandler { if isScreen { Console.out("") } }
        defer { interrupt.cancel() }
        // Asked once like any command, so that a wrong address is told; from then on an outage is waited out.
        var status = try await client.call(.status, SweepRequest(sweep: sweep ?? ""))
        var shown = Set(status.sweeps.filter { sweep != nil || !$0.isFinished }.map(\.name))
        if shown.isEmpty {
            Console.note(status.sweeps.isEmpty ? "there is no sweep yet" : "every sweep is finished")
            return Console.out(try StatusTables.sweeps(status.sweeps).rendered(as: format))
        }
        var view = LiveView(client: client, sweep: sweep)
        var last: [String: String] = [:]
        var lastObject = ""
        let source = PatientStatus(client: client, sweep: sweep ?? "", time: time)
        var lines: [ScreenLine] = []
        while true {
            shown.formUnion(status.sweeps.filter { !$0.isFinished }.map(\.name).filter { sweep == nil || $0 == sweep })
            let sweeps = status.sweeps.filter { shown.contains($0.name) }
            if format == .json {
                let object = try JSONText.line(status)
                if object != lastObject { Console.out(object) }
                lastObject = object
            } else if let painter {
                let screen = try await view.screen(
                    status, sweeps, width: terminal.size.columns, now: time.wall().milliseconds, at: time.monotonic())
                lines = screen.lines()
                painter.paint(lines)
            } else {
                for summary in sweeps {
                    let line = SweepWatcher(client: client, sweep: summary.name).text(of: summary, status)
                    if last[summary.name] != line { Console.out(line) }
                    last[summary.name] = line
                }
            }
            if sweeps.allSatisfy(\.isFinished) { return await end(sweeps) }
            try await time.sleep(for: .milliseconds(painter == nil ? 2000 : 500))
            status = try await source.next { outage in
                if let painter {
                    painter.paint(lines + [ScreenLine("! \(outage.text)", .bad)])
                } else if outage.isNew {
                    Console.note(outage.text)
                }
            }
        }
    }

    /// The answer of each sweep, and the next command.
    private func end(_ sweeps: [SweepSummary]) async {
        guard format != .json else { return }
        for summary in sweeps {
            if sweeps.count > 1 { Console.note("\(summary.name):") }
            for line in await Verdict(client: client, summary: summary).lines() { Console.note(line) }
        }
    }
}
