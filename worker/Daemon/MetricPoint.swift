/// One measured number.
struct MetricPoint: Equatable, Sendable {
    let key: String
    let step: Int64
    let value: Double

    /// Equal bit patterns: NaN equals itself, 0 differs from -0.
    static func == (left: Self, right: Self) -> Bool {
        left.key == right.key && left.step == right.step && left.value.bitPattern == right.value.bitPattern
    }
}
