import Foundation
import Ports
import RunSpec
import TrainerFiles

/// Reads JSON lines, one object each, as points.
struct JSONLinesTail: GrowingFile {
    private var lines: LineTail
    private let stepName: String
    /// The object in a line that holds the numbers; nil for the line itself.
    private let under: String?
    private var hasToldUnreadable = false

    init(path: String, stepName: String, under: String? = nil, position: UInt64) {
        self.under = under
        lines = LineTail(path: path, position: Int64(position))
        self.stepName = stepName
    }

    var path: String { lines.path }
    var position: UInt64 { UInt64(lines.position) }

    private var file: String { path.split(separator: "/").last.map(String.init) ?? path }

    mutating func read(isComplete: Bool) throws -> FileReading {
        var reading = FileReading()
        let found = try lines.read(isComplete: isComplete, files: DiskFiles())
        if lines.isUnreadable, !hasToldUnreadable {
            hasToldUnreadable = true
            reading.faults.append(
                FileFault(
                    .file,
                    "\(path) is a pipe, socket or folder; metrics are read from a file that the trainer appends to"))
        }
        if lines.longLines > 0 {
            reading.faults.append(
                FileFault(
                    .line, count: lines.longLines,
                    "\(path) has a line longer than 1 MiB, which is passed over; write one JSON object a line"))
            lines.longLines = 0
        }
        for line in found { take(line, &reading) }
        reading.isProgress = !found.isEmpty
        return reading
    }

    private func take(_ line: String, _ reading: inout FileReading) {
        guard line.utf8.contains(where: { $0 > 0x20 }) else { return }
        let row = MetricReading(under.map { Self.inner(line, $0, stepName) } ?? line, stepName: stepName)
        let example = line.utf8.count > 120 ? String(line.prefix(120)) + "…" : line
        if row.fault != nil {
            reading.faults.append(
                FileFault(.line, "a line of \(file) is no JSON object: \(example); write one object a line"))
            return
        }
        guard let step = row.step else {
            reading.faults.append(FileFault(.step, remedy(row, example)))
            return
        }
        if let name = row.others.first {
            reading.faults.append(
                FileFault(
                    .value, count: row.others.count,
                    "'\(name.prefix(80))' in \(file) is no number: \(example); only numbers are kept, also as text"))
        }
        reading.newestStep = max(reading.newestStep ?? 0, Int64(step))
        for (name, value) in row.values {
            reading.points.append(RawPoint(name: name, step: Int64(step), value: value))
        }
    }

    /// The object under a key, with the step of the line around it; the line itself where there is none.
    private static func inner(_ line: String, _ key: String, _ stepName: String) -> String {
        guard let whole = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
            var inner = whole[key] as? [String: Any]
        else { return line }
        inner[stepName] = inner[stepName] ?? whole[stepName]
        // It came out of JSON, so it can become JSON again.
        guard let data = try? JSONSerialization.data(withJSONObject: inner) else { return line }
        return String(decoding: data, as: UTF8.self)
    }

    private func remedy(_ row: MetricReading, _ example: String) -> String {
        let what = "a line of \(file) has no whole number from 0 as '\(stepName)': \(example)"
        guard let key = row.stepCandidates.first(where: { $0 != stepName }) else {
            return "\(what); write the step into every line, or name its key in the rule, as in "
                + "{jsonl: …, step: global_step}"
        }
        return "\(what); if '\(key.prefix(80))' is the step, say so in the rule: {jsonl: …, step: \(key.prefix(80))}"
    }
}
