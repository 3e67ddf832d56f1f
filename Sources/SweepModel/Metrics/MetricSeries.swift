/// Points of one key by columns, as they travel and as the ledger writes them.
package struct MetricSeries: Equatable, Sendable {
    package var key: String
    package private(set) var steps: [Int64]
    /// As many as steps. Bits are kept as they are: NaN with payload, infinities and −0 too.
    package private(set) var values: [Double]

    /// - Precondition: as many values as steps.
    package init(key: String, steps: [Int64] = [], values: [Double] = []) {
        precondition(steps.count == values.count, "\(steps.count) steps, \(values.count) values")
        self.key = key
        self.steps = steps
        self.values = values
    }

    /// Adds a point behind the others.
    package mutating func append(step: Int64, value: Double) {
        steps.append(step)
        values.append(value)
    }

    /// Points grouped by key, keys in the order of their bytes, points of one key in the order given.
    package static func grouped(_ points: [MetricPoint]) -> [MetricSeries] {
        // By bytes: to Swift two names may be one text, and are two keys to everybody else.
        var byKey: [[UInt8]: MetricSeries] = [:]
        for point in points {
            byKey[Array(point.key.utf8), default: MetricSeries(key: point.key)]
                .append(step: point.step, value: point.value)
        }
        return byKey.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
    }

    /// Equal bit patterns, as of ``MetricPoint``.
    package static func == (left: Self, right: Self) -> Bool {
        left.key == right.key && left.steps == right.steps
            && left.values.map(\.bitPattern) == right.values.map(\.bitPattern)
    }
}
