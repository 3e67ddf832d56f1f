import Foundation
import Ports
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

/// Shows a sweep's progress until no job can change by itself any more: a screen that is written over on a
/// terminal, plain lines in a pipe.
struct SweepWatcher {
    let client: SweepClient
    let sweep: String
    /// Says nothing until the end.
    var isQuiet = false
    var time: any TimeSource = SystemTime()
    /// Called with every status seen, for callers that do more than watch; what it gives is printed once.
    var onStatus: @Sendable (StatusResponse) -> String? = { _ in nil }

    /// - Returns: the sweep's last summary.
    @discardableResult
    func run() async throws -> SweepSummary {
        let terminal = TerminalStream(.error)
        let painter = terminal.isScreen && !isQuiet ? ScreenPainter(terminal) : nil
        var view = LiveView(client: client, sweep: sweep)
        var (lastLine, said) = ("", "")
        let source = PatientStatus(client: client, sweep: sweep, time: time)
        var shown: [ScreenLine] = []
        while true {
            let status = try await source.next { outage in
                if let painter {
                    painter.paint(shown + [ScreenLine("! \(outage.text)", .bad)])
                } else if outage.isNew {
                    Console.note(outage.text)
                }
            }
            if let text = onStatus(status), text != said {
                said = text
                if let painter { painter.say(text) } else { Console.note(text) }
            }
            guard let summary = status.sweeps.first(where: { $0.name == sweep }) else {
                throw CommandFailure(.notFound, "there is no sweep '\(sweep)'")
            }
            let isOver = summary.isFinished || summary.isStopped
            if let painter {
                let screen = try await view.screen(
                    status, [summary], width: terminal.size.columns, now: time.wall().milliseconds,
                    at: time.monotonic())
                shown = screen.lines()
                painter.paint(shown)
            } else if !isQuiet {
                let line = text(of: summary, status)
                if line != lastLine { Console.note(line) }
                lastLine = line
            }
            if isOver { return summary }
            try await time.sleep(for: .milliseconds(painter == nil ? 2000 : 500))
        }
    }

    /// A line for pipes.
    func text(of summary: SweepSummary, _ status: StatusResponse) -> String {
        let done = summary.states["done"] ?? 0
        let counts = StatusTables.states.filter { $0 != "done" }.compactMap { state -> String? in
            guard let count = summary.states[state], count > 0 else { return nil }
            return "\(count) \(state)"
        }
        let share = summary.jobs == 0 ? 1 : Double(done) / Double(summary.jobs)
        var parts = ["\(done)/\(summary.jobs) done"] + counts
        parts += StatusTables.others(of: summary)
        if let stop = StatusTables.stop(of: summary) {
            parts.append(stop)
        } else if (summary.states["running"] ?? 0) == 0,
            let waits = status.jobs?.lazy.compactMap(\.waitsFor).first
        {
            parts.append("waiting: \(waits)")
        } else if let left = summary.left {
            parts.append("about \(TimeText.duration(seconds: left.seconds)) left")
        }
        return "\(summary.name) \(Console.bar(done: share)) \(parts.joined(separator: " · "))"
    }
}

/// Asks for the status for as long as it takes, and says so while nobody answers.
struct PatientStatus {
    struct Outage {
        let text: String
        /// Whether it has only just begun.
        let isNew: Bool
    }

    let client: SweepClient
    /// Empty for all sweeps.
    let sweep: String
    let time: any TimeSource

    func next(_ tell: (Outage) -> Void) async throws -> StatusResponse {
        var since: MonotonicTime?
        while true {
            do {
                return try await client.call(
                    .status, SweepRequest(sweep: sweep), retry: .never, timeLimit: .seconds(30))
            } catch let error as ClientError where error.isTransient {
                let now = time.monotonic()
                let seconds = since.map { (now - $0).inSeconds } ?? 0
                let how = seconds < 2 ? "" : " for \(TimeText.duration(seconds: seconds))"
                tell(
                    Outage(
                        text: "the coordinator does not answer\(how); jobs go on, and so does this when it is back",
                        isNew: since == nil))
                since = since ?? now
                try await time.sleep(for: .seconds(1))
            }
        }
    }
}

/// What a screen needs besides the status, and what of it is remembered from one look to the next.
struct LiveView {
    let client: SweepClient
    /// nil for all.
    let sweep: String?
    private var rates = LiveRates()
    private var failures: [JobSummary] = []
    private var failed = 0
    private static let mostFailures = 50

    init(client: SweepClient, sweep: String?) {
        self.client = client
        self.sweep = sweep
    }

    mutating func screen(
        _ status: StatusResponse, _ sweeps: [SweepSummary], width: Int, now: Int64, at moment: MonotonicTime
    ) async throws -> LiveScreen {
        let names = Set(sweeps.map(\.name))
        let running = (status.running ?? []).filter { names.contains($0.sweep) }
        rates.see(running, at: Double(moment.nanoseconds) / 1e9)
        // Asked for again only when there are more.
        let count = sweeps.reduce(0) { $0 + ($1.states["failed"] ?? 0) + ($1.states["parked"] ?? 0) }
        if count != failed {
            failures = []
            for state in ["failed", "parked"] where sweeps.contains(where: { $0.states[state] ?? 0 > 0 }) {
                failures += try await client.call(
                    .jobs, JobsRequest(sweep: sweep, state: state, limit: Self.mostFailures), retry: .forever
                ).items
            }
            failed = count
        }
        var screen = LiveScreen(
            sweeps: sweeps, running: running,
            waiting: (status.jobs ?? []).filter { names.contains($0.sweep) }, rates: rates, now: now, width: width)
        screen.failures = failures
        screen.notice = status.notice
        return screen
    }
}
