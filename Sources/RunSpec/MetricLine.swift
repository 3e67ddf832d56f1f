/// One line of `metrics.jsonl`: a step and the numbers measured there.
package struct MetricLine: Equatable, Sendable {
    package var step: Int
    package var values: [String: Double]

    package init(step: Int, values: [String: Double]) {
        self.step = step
        self.values = values
    }

    /// Equal bit patterns: NaN equals itself, 0 differs from -0, since both are kept apart on the way to the
    /// ledger.
    package static func == (a: Self, b: Self) -> Bool {
        a.step == b.step && a.values.mapValues(\.bitPattern) == b.values.mapValues(\.bitPattern)
    }
}

extension MetricLine {
    /// Reads a line by the rules of ``MetricReading``, with its step under `step`.
    ///
    /// - Throws: `RunSpecError` if the line is no JSON object or has no integer `step`.
    package init(parsing line: String) throws(RunSpecError) {
        let reading = MetricReading(line)
        if let fault = reading.fault { throw fault }
        guard let step = reading.step else {
            throw RunSpecError(
                code: .badRecord, message: "a metrics line without an integer 'step': \(line.prefix(120))")
        }
        self.init(step: step, values: Dictionary(reading.values.map { ($0.name, $0.value) }) { _, last in last })
    }

    /// The line without its newline; keys sorted, NaN and infinities as text.
    package var text: String {
        var parts = ["\"step\":\(step)"]
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            parts.append("\(QuotedText.of(key)):\(Self.number(value))")
        }
        return "{" + parts.joined(separator: ",") + "}"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "\"NaN\"" }
        if value.isInfinite { return value < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
        return "\(value)"
    }
}
