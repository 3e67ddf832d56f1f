/// How many singular values an extracted or resized layer keeps.
package enum RankRule: Equatable, Sendable {
    case fixed(Int)
    /// Singular values above this share of the largest.
    case ratio(Double)
    /// Leading values that sum up to less than this share of all.
    case quantile(Double)
    /// Singular values above this number.
    case threshold(Double)
    /// Fewest values whose squares hold this share of the squared norm.
    case energy(Double)

    /// At least 1, at most all.
    package func rank(_ values: [Double]) -> Int {
        let wanted: Int
        switch self {
        case .fixed(let rank): wanted = rank
        case .ratio(let share): wanted = values.count { $0 > share * (values.first ?? 0) }
        case .threshold(let limit): wanted = values.count { $0 > limit }
        case .quantile(let share):
            let total = values.reduce(0, +)
            var sum = 0.0
            wanted =
                values.prefix { value in
                    sum += value
                    return sum < share * total
                }.count
        case .energy(let share):
            let total = values.reduce(0) { $0 + $1 * $1 }
            var sum = 0.0
            wanted =
                1
                + values.prefix { value in
                    sum += value * value
                    return sum < share * total
                }.count
        }
        return min(max(wanted, 1), values.count)
    }
}
