import Foundation
import RunSpec

/// One metric of one subject.
struct MeasuredMetric {
    let name: String
    let value: Double
    /// Images, or pictures, that are behind the value.
    let count: Int
    /// Of each image, in their order; nil for a metric that images do not have singly.
    let values: [Double]?

    /// - Parameter value: nil for the mean of the values.
    init(_ name: String, _ value: Double? = nil, count: Int? = nil, values: [Double]) {
        self.name = name
        self.value = value ?? values.reduce(0, +) / Double(max(1, values.count))
        self.count = count ?? values.count
        self.values = values
    }

    init(_ name: String, _ value: Double, count: Int) {
        self.name = name
        self.value = value
        self.count = count
        values = nil
    }

    /// The same of the base's images, which need no values of their own: they are in no comparison.
    var ofBase: MeasuredMetric { MeasuredMetric("base_" + name, value, count: count) }

    func renamed(_ name: String) -> MeasuredMetric {
        guard let values else { return MeasuredMetric(name, value, count: count) }
        return MeasuredMetric(name, value, count: count, values: values)
    }

    /// What rows keep of the values: seven digits, since features have no more.
    var kept: [Double?]? {
        guard let values, values.count <= MetricLimit.imageValues else { return nil }
        return values.map { $0.isFinite ? Double(String(format: "%.7g", $0)) : nil }
    }
}
