import SweepAnalysis
import SweepClient
import SweepModel

/// What a person wants to know when a sweep has ended: which choice was best and how sure that is, what
/// failed, and the next command.
struct Verdict {
    let client: SweepClient
    let summary: SweepSummary

    /// Lines for people; none of it decides anything.
    func lines() async -> [String] {
        var lines: [String] = []
        let failed = (summary.states["failed"] ?? 0) + (summary.states["parked"] ?? 0)
        if failed > 0 {
            lines.append("\(failed) of \(summary.jobs) jobs failed: radiata jobs \(summary.name) --state failed")
            lines.append("once mended: radiata resume \(summary.name)")
        }
        guard summary.states["done"] ?? 0 > 0 else { return lines }
        do {
            let (set, rule) = try await SweepResults(source: client, sweep: summary.name)
                .fetchForAnswer(rows: 1)
            let answer = set.answer(rule: rule)
            guard let best = answer.best else { return lines }
            lines.append("best: \(best.label)")
            lines += TopTable(answer: answer, metric: nil, limit: 1).notes.prefix(1)
            // A line each: a command that a narrow terminal breaks in two cannot be copied.
            lines += [
                "next: radiata top \(summary.name)", "      radiata report \(summary.name) -o \(summary.name).html",
                "      radiata fetch \(summary.name) --best -o best",
            ]
        } catch {
            // The sweep is finished whatever its results say; `top` tells what is wrong with them.
            lines.append("next: radiata top \(summary.name)")
        }
        return lines
    }
}
