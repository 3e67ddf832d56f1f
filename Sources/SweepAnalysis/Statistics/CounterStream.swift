import Foundation

/// Numbers that look like chance and are the same every time: the finaliser of SplitMix64 (Steele et al.,
/// OOPSLA 2014) over a counter. The same data always gets the same answer.
package struct CounterStream: Sendable {
    private let key: UInt64
    private var counter: UInt64 = 0

    package init(_ key: UInt64) { self.key = key &* 0xD134_2543_DE82_EF95 }

    package mutating func word() -> UInt64 {
        counter &+= 1
        var word = key &+ counter &* 0x9E37_79B9_7F4A_7C15
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// Uniform between 0 and 1, neither of them.
    package mutating func unit() -> Double { (Double(word() >> 11) + 0.5) * 0x1p-53 }

    /// Uniform in `0..<bound`.
    package mutating func index(below bound: Int) -> Int {
        Int(word().multipliedFullWidth(by: UInt64(bound)).high)
    }

    package mutating func normal() -> Double { NormalDistribution.quantile(unit()) }

    /// By the method of Marsaglia and Tsang (ACM Transactions on Mathematical Software 26, 2000).
    ///
    /// - Precondition: at least two degrees of freedom.
    package mutating func chiSquare(degrees: Double) -> Double {
        precondition(degrees >= 2, "no chi-square draw with \(degrees) degrees")
        let shape = degrees / 2 - 1 / 3.0
        let step = 1 / (9 * shape).squareRoot()
        while true {
            let normal = normal()
            let root = 1 + step * normal
            guard root > 0 else { continue }
            let cube = root * root * root
            let unit = unit()
            // Their squeeze: what passes it passes the test, and most draws need no logarithm.
            let square = normal * normal
            if unit < 1 - 0.0331 * square * square { return 2 * shape * cube }
            if log(unit) < normal * normal / 2 + shape * (1 - cube + log(cube)) { return 2 * shape * cube }
        }
    }

    /// One of several, each as likely as its weight.
    package mutating func place(logWeights: [Double]) -> Int {
        guard logWeights.count > 1 else { return 0 }
        let highest = logWeights.reduce(-Double.infinity) { max($0, $1) }
        let weights = logWeights.map { exp($0 - highest) }
        var left = unit() * weights.reduce(0, +)
        for (place, weight) in weights.enumerated() {
            left -= weight
            if left < 0 { return place }
        }
        return weights.count - 1
    }
}
