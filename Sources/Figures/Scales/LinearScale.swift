import Glibc

/// Equal differences are equally far apart.
package struct LinearScale: AxisScale, Equatable {
    package let low: Double
    package let high: Double
    package let start: Double
    package let end: Double

    /// - Parameters:
    ///   - low: lies at `start`.
    ///   - high: lies at `end`; above `low`.
    package init(low: Double, high: Double, start: Double, end: Double) {
        precondition(low < high && low.isFinite && high.isFinite, "a scale from \(low) to \(high)")
        self.low = low
        self.high = high
        self.start = start
        self.end = end
    }

    /// Holds all finite values; around a single one there is a twentieth of it on either side.
    package init(holding values: some Sequence<Double>, start: Double, end: Double) {
        var low = Double.infinity
        var high = -Double.infinity
        for value in values where value.isFinite {
            low = min(low, value)
            high = max(high, value)
        }
        if low > high { (low, high) = (0, 1) }
        if high - low <= max(abs(low), abs(high)) * 1e-12 {
            let margin = low == 0 ? 0.5 : abs(low) / 20
            (low, high) = (low - margin, high + margin)
        }
        self.init(low: low, high: high, start: start, end: end)
    }

    package func position(_ value: Double) -> Double { start + (value - low) / (high - low) * (end - start) }

    /// The scale with its ends moved outwards to round values.
    package func rounded(_ count: Int) -> LinearScale {
        let step = Self.roundStep(high - low, count: count)
        return LinearScale(
            low: (low / step + 1e-9).rounded(.down) * step, high: (high / step - 1e-9).rounded(.up) * step,
            start: start, end: end)
    }

    package func ticks(_ count: Int) -> [AxisTick] {
        let step = Self.roundStep(high - low, count: count)
        let first = Int((low / step - 1e-9).rounded(.up))
        let last = Int((high / step + 1e-9).rounded(.down))
        guard first <= last else { return [] }
        let decimals = max(0, -Int(floor(log10(step) + 1e-9)))
        return (first...last).map { index in
            let value = Double(index) * step
            let isPlain = decimals <= 4 && abs(value) < 1e6
            return AxisTick(
                value: value, text: isPlain ? NumberText.fixed(value, decimals: decimals) : NumberText.plain(value))
        }
    }

    /// The smallest of 1, 2 and 5 times a power of ten that divides the span into fewer than `count` parts.
    static func roundStep(_ span: Double, count: Int) -> Double {
        let wanted = span / Double(max(1, count - 1))
        let power = pow(10, floor(log10(wanted)))
        for factor in [1.0, 2, 5] where factor * power >= wanted * (1 - 1e-9) { return factor * power }
        return 10 * power
    }
}
