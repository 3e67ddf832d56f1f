import Foundation
import Ports
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

/// Shows a sweep's progress until no job can change by itself any more: one rewritten line on a terminal,
/// plain lines in a pipe.
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
            let isOver = summary.isFinished || summary.isStopped
            let line = text(of: summary, status, progress: isOver ? [] : try await progress())
            if Console.isTerminal {
                Console.rewrite(line)
            } else if line != lastLine {
                Console.note(line)
            }
            lastLine = line
            if isOver {
                if Console.isTerminal { Console.note("") }
                return summary
            }
            try await time.sleep(for: .milliseconds(Console.isTerminal ? 500 : 2000))
        }
    }

    /// Newest step and loss of the running jobs, so that long jobs are seen to move.
    func progress() async throws -> [String] {
        let jobs = try await client.rows(
            of: PublicQueries.progress(ofSweep: sweep), retry: .forever, timeLimit: .seconds(30))
        return jobs.map { job in
            let label = job.algorithm ?? "job"
            guard let step = job.step, let loss = job.loss else { return "\(label) starting" }
            return "\(label) step \(step) loss \(String(format: "%.3f", loss))"
        }
    }

    func text(of summary: SweepSummary, _ status: StatusResponse, progress: [String]) -> String {
        let done = summary.states["done"] ?? 0
        let counts = StatusTables.states.filter { $0 != "done" }.compactMap { state -> String? in
            guard let count = summary.states[state], count > 0 else { return nil }
            return "\(count) \(state)"
        }
        let share = summary.jobs == 0 ? 1 : Double(done) / Double(summary.jobs)
        var parts = ["\(done)/\(summary.jobs) done"] + counts + progress
        if let evaluations = StatusTables.evaluations(of: summary) { parts.append(evaluations) }
        if let stop = StatusTables.stop(of: summary) {
            parts.append(stop)
        } else if (summary.states["running"] ?? 0) == 0,
            let waits = status.jobs?.lazy.compactMap(\.waitsFor).first
        {
            parts.append("waiting: \(waits)")
        }
        return "\(summary.name) \(Console.bar(done: share)) \(parts.joined(separator: " · "))"
    }
}
