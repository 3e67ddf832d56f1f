import Foundation

/// Gamma and beta functions, as far as quantiles and moderated variances need them. Formulas by their
/// numbers in NIST's Digital Library of Mathematical Functions (DLMF).
package enum SpecialFunctions {
    /// Derivative of the logarithm of the gamma function, for x > 0. Recurrence 5.5.2 up to 10, then the
    /// asymptotic series 5.11.2.
    package static func digamma(_ x: Double) -> Double {
        precondition(x > 0, "digamma of \(x)")
        var (value, x) = (0.0, x)
        while x < 10 {
            value -= 1 / x
            x += 1
        }
        let y = 1 / (x * x)
        let series = y * (1 / 12.0 - y * (1 / 120.0 - y * (1 / 252.0 - y * (1 / 240.0 - y / 132))))
        return value + log(x) - 0.5 / x - series
    }

    /// Derivative of `digamma`, for x > 0: recurrence 5.15.5 up to 10, then the asymptotic series 5.15.8.
    package static func trigamma(_ x: Double) -> Double {
        precondition(x > 0, "trigamma of \(x)")
        var (value, x) = (0.0, x)
        while x < 10 {
            value += 1 / (x * x)
            x += 1
        }
        let y = 1 / (x * x)
        let series = y * (1 / 6.0 - y * (1 / 30.0 - y * (1 / 42.0 - y * (1 / 30.0 - y * 5 / 66))))
        return value + 1 / x + y / 2 + series / x
    }

    /// The third derivative of `digamma`, for x > 0 (DLMF 5.15.5 and 5.15.9).
    package static func pentagamma(_ x: Double) -> Double {
        precondition(x > 0, "pentagamma of \(x)")
        var (value, x) = (0.0, x)
        while x < 12 {
            value += 6 / (x * x * x * x)
            x += 1
        }
        let y = 1 / (x * x)
        let series = 2 + 3 / x + y * (2 - y * (1 - y * (4 / 3.0 - y * (3 - y * 10))))
        return value + y / x * series
    }

    /// The x > 0 whose trigamma is `value`, by halving.
    package static func inverseTrigamma(_ value: Double) -> Double {
        precondition(value > 0, "inverse trigamma of \(value)")
        if value > 1e7 { return 1 / value.squareRoot() }
        if value < 1e-6 { return 1 / value }
        var (low, high) = (1 / (value + 1), 0.5 + 1 / value + 1 / value.squareRoot())
        while trigamma(high) > value { high *= 2 }
        while trigamma(low) < value { low /= 2 }
        // Halving in the logarithm: 80 times are exact to the last bits.
        for _ in 0..<80 {
            let middle = (low * high).squareRoot()
            if trigamma(middle) > value { low = middle } else { high = middle }
        }
        return (low * high).squareRoot()
    }

    static func logGamma(_ x: Double) -> Double { lgamma(x).0 }

    /// The regularised incomplete beta function I_x(a, b): the continued fraction 8.17.22, evaluated by
    /// Lentz's method.
    package static func regularisedBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        if x <= 0 { return 0 }
        if x >= 1 { return 1 }
        let front = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x))
        // The fraction converges fast below the mean only; above it the symmetry 8.17.4 holds.
        if x > (a + 1) / (a + b + 2) { return 1 - front * betaFraction(1 - x, b, a) / b }
        return front * betaFraction(x, a, b) / a
    }

    private static func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        let tiny = 1e-300
        func kept(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / kept(1 - (a + b) * x / (a + 1))
        var fraction = d
        for index in 1...500 {
            let m = Double(index)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / kept(1 + even * d)
            c = kept(1 + even / c)
            fraction *= c * d
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / kept(1 + odd * d)
            c = kept(1 + odd / c)
            fraction *= c * d
            if abs(c * d - 1) < 1e-15 { break }
        }
        return fraction
    }
}
