import Foundation
import Ports
import SweepClient
import SweepWire

/// Shows a sweep's progress until no job can change by itself any more: one rewritten line on a terminal, plain lines in a pipe.
struct SweepWatcher {
    let client: SweepClient
    let sweep: String
    var time: any TimeSource = SystemTime()
    /// Called with every status seen, for callers that do more than print.
    var onStatus: @Sendable (StatusResponse) -> Void = { _ in }

    /// - Returns: the sweep's last summary.
    @discardableResult
    func run() async throws -> SweepSummary {
        var lastLine = ""
        while true {
            let status = try await client.call(.status, SweepRequest(sweep: sweep), retry: .forever)
            onStatus(status)
            guard let summary = status.sweeps.first(where: { $0.name == sweep }) else {
                throw CommandFailure(.notFound, "there is no sweep '\(sweep)'")
            }
            let line = text(of: summary, progress: try await progress(of: status))
            if Console.isTerminal {
                Console.rewrite(line)
            } else if line != lastLine {
                Console.note(line)
            }
            lastLine = line
            if summary.isFinished {
                if Console.isTerminal { Console.note("") }
                return summary
            }
            try await time.sleep(for: .milliseconds(Console.isTerminal ? 500 : 2000))
        }
    }

    /// Newest step of every running job, so that long jobs are seen to move.
    private func progress(of status: StatusResponse) async throws -> [String] {
        var texts: [String] = []
        for job in status.workers.flatMap(\.jobs).sorted().prefix(4) {
            let detail = try await client.call(.job, JobRequest(job: job))
            let algorithm = detail.job.parameters["algorithm"]?.plain ?? String(job.prefix(8))
            if let loss = detail.latest["loss"] {
                let step = detail.latest["step"] ?? Double(detail.checkpoints.map(\.step).max() ?? 0)
                texts.append(
                    "\(algorithm) loss \(String(format: "%.4f", loss))" + (step > 0 ? " step \(Int(step))" : ""))
            } else {
                texts.append("\(algorithm) starting")
            }
        }
        return texts
    }

    private func text(of summary: SweepSummary, progress: [String]) -> String {
        let done = summary.states["done"] ?? 0
        let counts = StatusTables.states.filter { $0 != "done" }.compactMap { state -> String? in
            guard let count = summary.states[state], count > 0 else { return nil }
            return "\(count) \(state)"
        }
        let share = summary.jobs == 0 ? 1 : Double(done) / Double(summary.jobs)
        let parts = ["\(done)/\(summary.jobs) done"] + counts + ["\(summary.checkpoints) checkpoints"] + progress
        return "\(summary.name) \(Console.bar(done: share)) \(parts.joined(separator: " · "))"
    }
}
