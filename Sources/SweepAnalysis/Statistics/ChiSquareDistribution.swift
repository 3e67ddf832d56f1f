import Foundation

/// The chi-square distribution, central and not.
package enum ChiSquareDistribution {
    /// The regularised incomplete gamma function Q(a, x): the series 8.7.1 of NIST's DLMF below a + 1, the
    /// continued fraction 8.9.2 above, by Lentz's method.
    static func upperGamma(_ a: Double, _ x: Double) -> Double {
        guard x > 0 else { return 1 }
        let front = exp(a * log(x) - x - SpecialFunctions.logGamma(a))
        if x < a + 1 {
            var (term, sum, shape) = (1 / a, 1 / a, a)
            while term > sum * 1e-17 {
                shape += 1
                term *= x / shape
                sum += term
            }
            return 1 - front * sum
        }
        let tiny = 1e-300
        var b = x + 1 - a
        var (c, d) = (1 / tiny, 1 / b)
        var fraction = d
        for index in 1...10_000 {
            let numerator = -Double(index) * (Double(index) - a)
            b += 2
            d = 1 / (abs(numerator * d + b) < tiny ? tiny : numerator * d + b)
            c = abs(b + numerator / c) < tiny ? tiny : b + numerator / c
            fraction *= c * d
            if abs(c * d - 1) < 1e-15 { break }
        }
        return front * fraction
    }

    /// The chance of a value above `x`.
    package static func upperTail(_ x: Double, degrees: Double) -> Double { upperGamma(degrees / 2, x / 2) }

    /// By halving on the distribution.
    ///
    /// - Precondition: 0 < p < 1.
    package static func quantile(_ p: Double, degrees: Double) -> Double {
        precondition(p > 0 && p < 1 && degrees > 0, "no chi-square quantile at \(p) with \(degrees) degrees")
        var (low, high) = (0.0, max(1, degrees))
        while upperTail(high, degrees: degrees) > 1 - p { (low, high) = (high, 2 * high) }
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if upperTail(middle, degrees: degrees) > 1 - p { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// The chance of a value above `x` where the means of the normal values behind it are not 0: central ones
    /// of more degrees, weighted as Poisson's distribution has it (Johnson, Kotz, Balakrishnan, chapter 29).
    ///
    /// - Parameter shift: the sum of the squared means, the noncentrality.
    package static func upperTail(_ x: Double, degrees: Double, shift: Double) -> Double {
        guard shift > 0 else { return upperTail(x, degrees: degrees) }
        guard x > 0 else { return 1 }
        if shift > largestSum { return sankaran(x, degrees, shift) }
        let half = shift / 2
        // From the likeliest number of further degrees to both sides, until what is left does not count.
        let middle = half.rounded(.down)
        let weight = exp(-half + middle * log(half) - SpecialFunctions.logGamma(middle + 1))
        func step(_ shape: Double) -> Double {
            exp(shape * log(x / 2) - x / 2 - SpecialFunctions.logGamma(shape + 1))
        }
        let tail = upperTail(x, degrees: degrees + 2 * middle)
        var sum = weight * tail
        var (index, own, above) = (middle, weight, tail)
        while own > 1e-17 {
            above = min(1, above + step(degrees / 2 + index))
            index += 1
            own *= half / index
            sum += own * above
        }
        (index, own, above) = (middle, weight, tail)
        while index > 0, own > 1e-17 {
            own *= index / half
            index -= 1
            above = max(0, above - step(degrees / 2 + index))
            sum += own * above
        }
        return min(1, sum)
    }

    /// From here on the sum is long, and an approximation as good.
    private static let largestSum = 4000.0

    /// The third approximation of Sankaran (Biometrika 50, 1963): a power of the value is about normal.
    private static func sankaran(_ x: Double, _ degrees: Double, _ shift: Double) -> Double {
        let (first, second, third) = (degrees + shift, degrees + 2 * shift, degrees + 3 * shift)
        let h = 1 - 2 * first * third / (3 * second * second)
        let p = second / (first * first)
        let m = (h - 1) * (1 - 3 * h)
        let mean = 1 + h * p * (h - 1 - 0.5 * (2 - h) * m * p)
        let deviation = h * (2 * p).squareRoot() * (1 + 0.5 * m * p)
        return NormalDistribution.cumulative((mean - pow(x / first, h)) / deviation)
    }
}
