import Ports
import SweepModel
import TrainerFiles

/// Finds numbers in what a trainer prints. A carriage return ends a line as a line feed does: each state of a
/// progress bar is one. The worker's own lines in the log are left out.
struct PatternTail: GrowingFile {
    let path: String
    private(set) var position: UInt64
    private let pattern: LinePattern
    private let stepName: String
    private var isInLongLine = false

    /// A longer line is passed over: nobody prints numbers there.
    private static let longestLine = 16 << 10

    init(path: String, pattern: LinePattern, stepName: String, position: UInt64) {
        self.path = path
        self.pattern = pattern
        self.stepName = stepName
        self.position = position
    }

    mutating func read(isComplete: Bool) throws -> FileReading {
        var reading = FileReading()
        let files = DiskFiles()
        guard let size = try files.information(path).map({ UInt64($0.size) }) else { return reading }
        if size < position { position = 0 }
        guard size > position else { return reading }
        let count = min(size - position, UInt64(FileReading.mostBytes))
        let bytes = try OpenFile(reading: path).read(Int(count), at: Int64(position))
        var start = 0
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
            take(bytes[start..<index], &reading)
            start = index + 1
            isInLongLine = false
            if reading.points.count >= FileReading.mostPoints { break }
        }
        if isComplete, position + UInt64(bytes.count) == size, reading.points.count < FileReading.mostPoints {
            take(bytes[start...], &reading)
            start = bytes.count
        } else if start == 0, bytes.count == FileReading.mostBytes {
            isInLongLine = true
            start = bytes.count
        }
        position += UInt64(start)
        reading.isProgress = start > 0
        return reading
    }

    private func take(_ line: ArraySlice<UInt8>, _ reading: inout FileReading) {
        guard !isInLongLine, !line.isEmpty, line.count <= Self.longestLine else { return }
        let text = String(decoding: LogCleaner.clean(line), as: UTF8.self)
        guard !text.hasPrefix(LogNote.mark), let groups = pattern.match(text) else { return }
        guard let found = groups.first(where: { $0.name == stepName }),
            let step = NumberText.step(NumberText.value(found.text))
        else {
            reading.faults.append(
                FileFault(
                    .step, "a printed line matches without a whole number from 0 as '\(stepName)': \(text.prefix(120))")
            )
            return
        }
        for (name, value) in groups where name != stepName {
            if let number = NumberText.value(value) {
                reading.points.append(RawPoint(name: name, step: step, value: number))
            } else {
                reading.faults.append(
                    FileFault(.value, "'\(name)' of a printed line is no number: \(text.prefix(120))"))
            }
        }
    }
}
