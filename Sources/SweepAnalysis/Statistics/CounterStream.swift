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

    /// A random order of `0..<count`.
    package mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, index(below: last + 1)) }
        return order
    }
}
