package import RunSpec
package import SweepModel
import SweepWire

/// What `--watch` shows on a terminal: each sweep with its bar and the time left, each slot with what it
/// does, the last failures, why jobs wait. A pure value: what is known goes in, lines come out.
package struct LiveScreen {
    /// Of the coordinator's answer: nil for all sweeps that were not finished when the watching began.
    package let sweeps: [SweepSummary]
    package let running: [RunningJob]
    package let waiting: [JobBrief]
    package var failures: [JobSummary] = []
    package var notice: String?
    /// How fast each attempt goes on.
    package var rates: LiveRates
    /// The coordinator's clock, as far as this machine knows it: milliseconds since 1970.
    package let now: Int64
    package let width: Int

    package init(
        sweeps: [SweepSummary], running: [RunningJob], waiting: [JobBrief], rates: LiveRates, now: Int64, width: Int
    ) {
        self.sweeps = sweeps
        self.running = running
        self.waiting = waiting
        self.rates = rates
        self.now = now
        self.width = width
    }

    private static let mostSlots = 24
    private static let mostFailures = 3
    private static let mostWaits = 3

    package func lines() -> [ScreenLine] {
        var lines: [ScreenLine] = []
        for sweep in sweeps { lines += head(of: sweep) }
        lines += slots()
        lines += lastFailures()
        lines += waits()
        if let notice { lines += notice.split(separator: "\n").map { ScreenLine("! \($0)", .bad) } }
        return lines
    }

    // MARK: Sweeps

    private func head(of sweep: SweepSummary) -> [ScreenLine] {
        let done = sweep.states["done"] ?? 0
        var line = ScreenLine(sweep.name + " ", .strong)
        let share = sweep.jobs == 0 ? 1 : Double(done) / Double(sweep.jobs)
        let bar = Console.bar(done: share, width: width >= 120 ? 40 : width >= 60 ? 24 : 12)
        line.add(bar, sweep.isFinished && done == sweep.jobs ? .good : .active)
        line.add(" \(done)/\(sweep.jobs) done")
        for state in StatusTables.states where state != "done" {
            guard let count = sweep.states[state], count > 0 else { continue }
            line.add(" · ", .faint)
            line.add("\(count) \(state)", state == "failed" || state == "parked" ? .bad : .plain)
        }
        var lines = [line] + StatusTables.others(of: sweep).map { ScreenLine("  \($0)", .faint) }
        if let stop = StatusTables.stop(of: sweep) {
            lines.append(ScreenLine("  \(stop)", .bad))
        } else if let left = sweep.left {
            lines.append(ScreenLine("  \(Self.left(left))", .faint))
        }
        return lines
    }

    /// `about 7:10 min left (5:00 min to 10:00 min)`.
    package static func left(_ left: TimeLeft) -> String {
        let about = "about \(TimeText.duration(seconds: left.seconds)) left"
        guard left.high - left.low > 0.1 * left.seconds, left.high >= 2 else { return about }
        return "\(about) (\(TimeText.duration(seconds: left.low)) to \(TimeText.duration(seconds: left.high)))"
    }

    // MARK: Slots

    private func slots() -> [ScreenLine] {
        guard !running.isEmpty else { return [] }
        let shown = running.sorted { ($0.worker, $0.started, $0.id) < ($1.worker, $1.started, $1.id) }
            .prefix(Self.mostSlots)
        let states = shown.map(state)
        let names = min(20, shown.map { ScreenLine.columns(of: $0.worker) }.max() ?? 0)
        let widest = min(width / 2, states.map { ScreenLine.columns(of: $0) }.max() ?? 0)
        var lines: [ScreenLine] = [ScreenLine()]
        for (job, state) in zip(shown, states) {
            var line = ScreenLine("  " + Self.padded(job.worker, names) + "  ", .faint)
            line.add(Self.padded(state, widest) + "  ")
            line.add("\(label(job)) seed \(job.seed)", .faint)
            lines.append(line)
        }
        if running.count > shown.count {
            lines.append(ScreenLine("  … and \(running.count - shown.count) more jobs run", .faint))
        }
        return lines
    }

    /// `training 120/400 · 2.9 a second · 1:35 min left`.
    private func state(_ job: RunningJob) -> String {
        let phase = job.phase ?? "running"
        var parts: [String]
        if let extent = job.extent, extent.isMeaningful {
            parts = ["\(phase) \(Self.text(extent))"]
            if let rate = rates.rate(of: job), rate > 0 {
                parts.append(Self.text(rate: rate, extent.unit))
                let left = Double(extent.total - extent.done) / rate
                if left >= 1 { parts.append("\(TimeText.duration(seconds: left)) left") }
            }
        } else {
            parts = [job.step.map { "\(phase) step \($0)" } ?? phase]
        }
        if parts.count < 3 { parts.append(TimeText.duration(seconds: max(0, Double(now - job.started) / 1000))) }
        return parts.joined(separator: " · ")
    }

    package static func text(_ extent: ProgressExtent) -> String {
        guard extent.unit == "bytes" else { return "\(extent.done)/\(extent.total)" }
        let (divisor, unit) =
            extent.total >= 1_000_000_000
            ? (1e9, "GB") : extent.total >= 1_000_000 ? (1e6, "MB") : (1e3, "kB")
        func part(_ bytes: Int) -> String { "\((Double(bytes) / divisor * 10).rounded() / 10)" }
        return "\(part(extent.done))/\(part(extent.total)) \(unit)"
    }

    package static func text(rate: Double, _ unit: String) -> String {
        func rounded(_ value: Double) -> String {
            value >= 100 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
        }
        if unit == "bytes" { return "\(rounded(rate / 1e6)) MB/s" }
        return rate >= 1 ? "\(rounded(rate))/s" : "\(rounded(1 / rate)) s each"
    }

    private func label(_ job: RunningJob) -> String {
        let name = sweeps.count > 1 ? "\(job.sweep): " : ""
        return name + job.parameters.summary
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        let columns = ScreenLine.columns(of: text)
        if columns > width { return ScreenLine(text).fitted(width).text }
        return text + String(repeating: " ", count: width - columns)
    }

    // MARK: What needs somebody

    private func lastFailures() -> [ScreenLine] {
        guard !failures.isEmpty else { return [] }
        let newest = failures.sorted { ($1.updated, $0.id) < ($0.updated, $1.id) }.prefix(Self.mostFailures)
        return [ScreenLine()]
            + newest.map { job in
                var line = ScreenLine("  \(job.id.prefix(8)) \(job.failure ?? job.state)", .bad)
                if let worker = job.worker { line.add(" on \(worker)", .faint) }
                let first = (job.message ?? "").split(separator: "\n").first.map(String.init) ?? ""
                if !first.isEmpty { line.add(": \(Self.withoutEnding(first))") }
                return line
            }
    }

    /// A narrow line has no room for how the trainer ended before it says why.
    private static func withoutEnding(_ line: String) -> String {
        guard line.hasPrefix("the trainer exited with code "), let colon = line.firstRange(of: ": ") else {
            return line
        }
        return String(line[colon.upperBound...])
    }

    /// A reason is worth a second line, where the first is too short for it.
    private func wrapped(_ text: String) -> [ScreenLine] {
        let whole = "  " + text
        guard ScreenLine.columns(of: whole) > width else { return [ScreenLine(whole, .faint)] }
        var first = " "
        var rest = text.split(separator: " ")[...]
        while let word = rest.first, ScreenLine.columns(of: "\(first) \(word)") <= width {
            first += " \(word)"
            rest.removeFirst()
        }
        return [ScreenLine(first, .faint), ScreenLine("    " + rest.joined(separator: " "), .faint)]
    }

    private func waits() -> [ScreenLine] {
        var counts: [String: Int] = [:]
        for job in waiting { if let reason = job.waitsFor { counts[reason, default: 0] += 1 } }
        // The list holds the first few hundred.
        let more = waiting.count >= StatusResponse.mostJobs ? "+" : ""
        let most = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.mostWaits)
        guard !most.isEmpty else { return [] }
        return [ScreenLine()]
            + most.flatMap { reason, count in
                wrapped("\(count)\(more) \(count == 1 ? "job waits" : "jobs wait"): \(reason)")
            }
    }
}

/// How fast attempts go on, from what was seen of them while somebody watched.
package struct LiveRates {
    private struct Sight {
        var attempt: Int
        var phase: String?
        var seconds: Double
        var done: Int
    }

    /// First and newest sight of the same piece of work.
    private var seen: [String: (first: Sight, last: Sight)] = [:]

    package init() {}

    /// - Parameter seconds: on any clock that goes on evenly.
    package mutating func see(_ jobs: [RunningJob], at seconds: Double) {
        var now: [String: (first: Sight, last: Sight)] = [:]
        for job in jobs {
            guard let extent = job.extent else { continue }
            let sight = Sight(attempt: job.attempt, phase: job.phase, seconds: seconds, done: extent.done)
            guard let known = seen[job.id], known.last.attempt == job.attempt, known.last.phase == job.phase,
                extent.done >= known.last.done
            else {
                now[job.id] = (sight, sight)
                continue
            }
            now[job.id] = (known.first, extent.done > known.last.done ? sight : known.last)
        }
        seen = now
    }

    /// Units a second; nil until it was seen to move.
    package func rate(of job: RunningJob) -> Double? {
        guard let (first, last) = seen[job.id], last.done > first.done, last.seconds > first.seconds else { return nil }
        return Double(last.done - first.done) / (last.seconds - first.seconds)
    }
}
