package import Ports
import RunSpec
import SweepModel

/// Reads the metric files of an attempt into its numbered stream. What cannot be taken costs itself, and is
/// told.
package struct MetricIntake: Sendable {
    private let sources: [AttemptPlan.MetricFile]
    private var tails: [LineTail]
    /// Names in the stream so far.
    private var names: Set<[UInt8]> = []
    private var hasTold: Set<Int> = []
    package private(set) var newestStep: Int?
    /// The newest value of each loss, while it is no finite number.
    private var badLosses: [String: (step: Int, value: Double)] = [:]

    package init(_ sources: [AttemptPlan.MetricFile], _ points: PointSpool) {
        self.sources = sources
        tails = sources.enumerated().map { LineTail(path: $1.path, position: Int64(points.position(ofSource: $0))) }
    }

    /// How far all files are read together.
    var position: Int64 { tails.reduce(0) { $0 + $1.position } }

    /// What is wrong with the newest loss, if it is no finite number.
    var badLoss: String? {
        guard let (key, newest) = badLosses.min(by: { $0.key < $1.key }) else { return nil }
        return "\(key) is \(newest.value.isNaN ? "NaN" : "\(newest.value)") at step \(newest.step)"
    }

    /// - Parameter isComplete: nobody writes any more.
    /// - Returns: points spooled in all; nil if there was nothing to read.
    package mutating func read(
        isComplete: Bool, _ points: PointSpool, _ files: any FileStore, _ notices: inout NoticeBook
    )
        throws -> UInt64?
    {
        var total: UInt64?
        for index in tails.indices {
            var tail = tails[index]
            while true {
                let lines = try tail.read(isComplete: isComplete, files: files)
                if tail.isUnreadable, hasTold.insert(index).inserted {
                    notices.add(
                        .metricFile,
                        "\(tail.path) is a pipe, socket or folder; metrics are read from a file that the trainer appends to"
                    )
                }
                if tail.longLines > 0 {
                    notices.add(
                        .metricLine, count: tail.longLines,
                        "\(tail.path) has a line longer than 1 MiB, which is passed over; write one JSON object a line")
                    tail.longLines = 0
                }
                if lines.isEmpty { break }
                var batch: [MetricPoint] = []
                for line in lines { take(line, sources[index], &batch, &notices) }
                total = try points.append(batch, source: index, position: UInt64(tail.position))
            }
            tails[index] = tail
        }
        return total
    }

    private mutating func take(
        _ line: String, _ source: AttemptPlan.MetricFile, _ batch: inout [MetricPoint], _ notices: inout NoticeBook
    ) {
        guard line.utf8.contains(where: { $0 > 0x20 }) else { return }
        let reading = MetricReading(line, stepName: source.step)
        let file = source.path.split(separator: "/").last.map(String.init) ?? source.path
        let example = Self.shown(line)
        if reading.fault != nil {
            notices.add(.metricLine, "a line of \(file) is no JSON object: \(example); write one object a line")
            return
        }
        guard let step = reading.step else {
            notices.add(.metricStep, Self.stepRemedy(reading, source, file, example))
            return
        }
        newestStep = max(newestStep ?? step, step)
        if let name = reading.others.first {
            notices.add(
                .metricValue, count: reading.others.count,
                "'\(name.prefix(80))' in \(file) is no number: \(example); only numbers are kept, also as text")
        }
        for (name, value) in reading.values { take(name, value, step, example, &batch, &notices) }
    }

    private mutating func take(
        _ name: String, _ value: Double, _ step: Int, _ example: String, _ batch: inout [MetricPoint],
        _ notices: inout NoticeBook
    ) {
        guard MetricLimit.accepts(name) else {
            let what =
                name.isEmpty
                ? "a metric has an empty name"
                : "the metric '\(name.prefix(40))…' has a name of \(name.utf8.count) bytes"
            notices.add(
                .metricName, "\(what); names have 1 to \(MetricLimit.nameBytes) bytes: such points are left out")
            return
        }
        let bytes = Array(name.utf8)
        if !names.contains(bytes) {
            guard names.count < MetricLimit.names else {
                notices.add(
                    .metricNames,
                    "'\(name.prefix(80))' is one metric name too many: at most \(MetricLimit.names) are kept of an "
                        + "attempt; put what counts up into the step, not into the name")
                return
            }
            names.insert(bytes)
        }
        batch.append(MetricPoint(key: name, step: Int64(step), value: value))
        guard Self.isLoss(name) else { return }
        badLosses[name] = value.isFinite ? nil : (step, value)
    }

    private static func stepRemedy(
        _ reading: MetricReading, _ source: AttemptPlan.MetricFile, _ file: String, _ example: String
    ) -> String {
        let what = "a line of \(file) has no whole number from 0 as '\(source.step)': \(example)"
        guard let key = reading.stepCandidates.first(where: { $0 != source.step }) else {
            return "\(what); write the step into every line, or name its key in the rule, as in "
                + "{jsonl: …, step: global_step}"
        }
        return "\(what); if '\(key.prefix(80))' is the step, say so in the rule: {jsonl: …, step: \(key.prefix(80))}"
    }

    private static func shown(_ line: String) -> String {
        line.utf8.count > 120 ? String(line.prefix(120)) + "…" : line
    }

    /// Names under which trainers report what they minimise.
    private static func isLoss(_ key: String) -> Bool {
        let name = key.split { $0 == "/" || $0 == "." }.last.map { $0.lowercased() } ?? ""
        return ["loss", "train_loss", "training_loss"].contains(name)
    }
}
