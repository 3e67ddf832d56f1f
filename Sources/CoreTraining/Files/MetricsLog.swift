import RunSpec

/// `metrics.jsonl`: one line a step, handed to the system at least once a second and at every checkpoint.
final class MetricsLog {
    private let file: LineFile
    private let clock: () -> Double
    private var lastFlush: Double
    private static let flushSeconds = 1.0

    init(path: String, clock: @escaping () -> Double) throws {
        file = try LineFile(path: path)
        self.clock = clock
        lastFlush = clock()
    }

    func append(_ line: MetricLine) throws {
        file.append(line: line.text)
        if clock() - lastFlush >= Self.flushSeconds { try flush() }
    }

    /// - Parameter sync: whether the lines must survive a power cut from here on.
    func flush(sync: Bool = false) throws {
        try file.flush(sync: sync)
        lastFlush = clock()
    }
}
