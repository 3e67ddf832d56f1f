/// One measured number.
package struct MetricPoint: Equatable, Sendable {
    package let key: String
    package let step: Int64
    package let value: Double

    package init(key: String, step: Int64, value: Double) {
        self.key = key
        self.step = step
        self.value = value
    }

    /// Equal bit patterns: NaN equals itself, 0 differs from -0.
    package static func == (left: Self, right: Self) -> Bool {
        left.key == right.key && left.step == right.step && left.value.bitPattern == right.value.bitPattern
    }
}
