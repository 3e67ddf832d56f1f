/// A mean over training seeds, and how far it can be trusted.
package struct Estimate: Equatable, Sendable {
    package var value: Double
    /// Bounds of the interval; nil where one seed says nothing about the spread.
    package var low: Double?
    package var high: Double?
    /// Standard deviation over the seeds (n - 1); nil for one seed.
    package var deviation: Double?
    /// How many seeds are behind it.
    package var seeds: Int

    package init(value: Double, low: Double? = nil, high: Double? = nil, deviation: Double? = nil, seeds: Int) {
        self.value = value
        self.low = low
        self.high = high
        self.deviation = deviation
        self.seeds = seeds
    }

    /// Half of the interval's width: what stands after a ±.
    package var halfWidth: Double? {
        guard let low, let high else { return nil }
        return (high - low) / 2
    }

    /// How often an interval holds the truth.
    package static let confidence = 0.9
}
