import Glibc

/// Equal ratios are equally far apart.
package struct LogScale: AxisScale, Equatable {
    package let low: Double
    package let high: Double
    package let start: Double
    package let end: Double

    /// - Parameters:
    ///   - low: lies at `start`; above 0.
    ///   - high: lies at `end`; above `low`.
    package init(low: Double, high: Double, start: Double, end: Double) {
        precondition(0 < low && low < high && high.isFinite, "a logarithmic scale from \(low) to \(high)")
        self.low = low
        self.high = high
        self.start = start
        self.end = end
    }

    /// Holds all values above 0; a single one lies between half and double of it.
    package init(holding values: some Sequence<Double>, start: Double, end: Double) {
        var low = Double.infinity
        var high = 0.0
        for value in values where value.isFinite && value > 0 {
            low = min(low, value)
            high = max(high, value)
        }
        if low > high { (low, high) = (1, 10) }
        if high / low < 1.0001 { (low, high) = (low / 2, high * 2) }
        self.init(low: low, high: high, start: start, end: end)
    }

    package func position(_ value: Double) -> Double {
        start + (log(value) - log(low)) / (log(high) - log(low)) * (end - start)
    }

    /// Powers of ten and their simple multiples, as many as are allowed; where less than two of them lie in
    /// the scale, round values at equal differences.
    package func ticks(_ count: Int) -> [AxisTick] {
        let decades = Int(floor(log10(low) + 1e-9))...Int((log10(high) - 1e-9).rounded(.up))
        for factors in [[1.0, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]] {
            let values = decades.flatMap { decade in factors.map { $0 * pow(10, Double(decade)) } }.filter(holds)
            if values.count < 2 { break }
            if values.count <= count { return values.map(Self.tick) }
        }
        let powers = decades.map { pow(10, Double($0)) }.filter(holds)
        if powers.count >= 2 {
            let every = (powers.count + count - 1) / max(1, count)
            return powers.enumerated().filter { $0.offset % max(1, every) == 0 }.map { Self.tick($0.element) }
        }
        return LinearScale(low: low, high: high, start: start, end: end).ticks(count).filter { $0.value > 0 }
    }

    private func holds(_ value: Double) -> Bool { value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9) }

    private static func tick(_ value: Double) -> AxisTick { AxisTick(value: value, text: NumberText.plain(value)) }
}
