/// Names in equal bands; value `i` is the middle of band `i`.
package struct CategoryScale: AxisScale, Equatable {
    package let names: [String]
    package let start: Double
    package let end: Double

    package init(names: [String], start: Double, end: Double) {
        self.names = names
        self.start = start
        self.end = end
    }

    /// The width of a band, above 0 in either direction.
    package var band: Double { abs(end - start) / Double(max(1, names.count)) }

    package func position(_ value: Double) -> Double {
        start + (value + 0.5) / Double(max(1, names.count)) * (end - start)
    }

    /// All of them: a name left out would leave points without one.
    package func ticks(_ count: Int) -> [AxisTick] {
        names.enumerated().map { AxisTick(value: Double($0.offset), text: $0.element) }
    }
}
