/// Random numbers from a counter: the same (seed, purpose, step, item) gives the same numbers on every
/// machine, in any order of use by others.
///
/// - SeeAlso: Philox 4x32-10, Salmon et al., “Parallel random numbers: as easy as 1, 2, 3”, SC 2011.
package struct RandomStream {
    private let key: (UInt32, UInt32)
    private let item: UInt64
    private var block: UInt32 = 0
    private let step: UInt32
    private var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    private var used = 4
    private var spare: Float?

    /// - Parameters:
    ///   - purpose: names the use, e.g. "noise", so that uses do not share numbers.
    ///   - step: training step or the like, below 2³².
    ///   - item: index within the step, below 2³².
    package init(seed: UInt64, purpose: String, step: Int = 0, item: Int = 0) {
        precondition(step >= 0 && item >= 0 && step <= UInt32.max && item <= UInt32.max, "step \(step), item \(item)")
        // The purpose takes part through 64 bits of FNV-1a: 32 join the key with the seed, 32 the counter.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        let mixed = seed ^ (hash &* 0x9e37_79b9_7f4a_7c15)
        key = (UInt32(truncatingIfNeeded: mixed), UInt32(truncatingIfNeeded: mixed >> 32))
        self.item = UInt64(item) << 32 | (hash >> 32)
        self.step = UInt32(step)
    }

    /// Uniform in [0, 1), a multiple of 2⁻²⁴.
    package mutating func uniform() -> Float { Float(next() >> 8) * 0x1p-24 }

    /// Standard normal, by Box and Muller in f64, with logarithm and sine of this file: libraries differ in
    /// the last bit.
    package mutating func normal() -> Float {
        if let value = spare {
            spare = nil
            return value
        }
        let pair = normalPair()
        spare = pair.1
        return pair.0
    }

    /// Uniform in 0..<bound.
    package mutating func integer(below bound: Int) -> Int {
        precondition(bound > 0, "integer(below: \(bound))")
        // The high word of a 64-bit product; its bias is below bound / 2⁶⁴.
        let wide = UInt64(next()) << 32 | UInt64(next())
        return Int(wide.multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// Fills `t` with standard normal numbers.
    package mutating func fillNormal(_ t: Tensor) {
        t.withMutableBuffer { buffer in
            for index in buffer.indices { buffer[index] = normal() }
        }
    }

    /// Fisher and Yates.
    package mutating func shuffle<T>(_ a: inout [T]) {
        for last in a.indices.reversed().dropLast() { a.swapAt(last, integer(below: last + 1)) }
    }

    private mutating func normalPair() -> (Float, Float) {
        // (0, 1], so that the logarithm is finite.
        let u = (Double(next()) + 1) * 0x1p-32
        let direction = Self.unitCircle(turn: Double(next()) * 0x1p-32)
        let radius = (-2 * Self.logarithm(u)).squareRoot()
        return (Float(radius * direction.cosine), Float(radius * direction.sine))
    }

    /// ln u = e ln 2 + 2 artanh((m − 1) / (m + 1)) for u = m 2ᵉ, m in [1/√2, √2): 11 terms reach 1e-17.
    private static func logarithm(_ u: Double) -> Double {
        var (m, e) = (u.significand, Double(u.exponent))
        if m > 1.4142135623730951 {
            m *= 0.5
            e += 1
        }
        let s = (m - 1) / (m + 1)
        let square = s * s
        var series = 0.0
        for odd in stride(from: 21, through: 1, by: -2) { series = series * square + 1 / Double(odd) }
        return e * 0.6931471805599453 + 2 * s * series
    }

    /// (cos, sin) of 2π·turn: Taylor series after reduction to an eighth of a turn.
    private static func unitCircle(turn: Double) -> (cosine: Double, sine: Double) {
        let quarter = (turn * 4).rounded(.toNearestOrAwayFromZero)
        let x = (turn - quarter / 4) * (2 * Double.pi)
        let square = x * x
        var (cosine, sine) = (1.0, 1.0)
        for n in stride(from: 16.0, through: 2, by: -2) {
            cosine = 1 - cosine * square / (n * (n - 1))
            sine = 1 - sine * square / (n * (n + 1))
        }
        sine *= x
        switch Int(quarter) % 4 {
        case 0: return (cosine, sine)
        case 1: return (-sine, cosine)
        case 2: return (-cosine, -sine)
        default: return (sine, -cosine)
        }
    }

    private mutating func next() -> UInt32 {
        if used == 4 {
            words = Philox.block(counter: (block, step, UInt32(item >> 32), UInt32(truncatingIfNeeded: item)), key: key)
            block += 1
            used = 0
        }
        used += 1
        switch used {
        case 1: return words.0
        case 2: return words.1
        case 3: return words.2
        default: return words.3
        }
    }
}
