import Foundation

/// What votes on pairs say of each item: strengths of the model of Bradley and Terry (Biometrika 39, 1952),
/// a tie as half a win for each.
///
/// Strengths have a normal prior around their mean, so that an item that won all of its two votes is not
/// infinitely strong; intervals are those of the posterior's curvature.
package struct BradleyTerry: Sendable, Equatable {
    /// Votes between two items, by their places.
    package struct Pair: Sendable, Equatable {
        package var left: Int
        package var right: Int
        /// A tie counts as a half for each.
        package var leftWins: Double
        package var rightWins: Double

        package init(left: Int, right: Int, leftWins: Double, rightWins: Double) {
            self.left = left
            self.right = right
            self.leftWins = leftWins
            self.rightWins = rightWins
        }
    }

    /// Spread of the prior: the difference of two items is within ±2.3 with 90 %, a chance of 9 to 91 %.
    package static let priorDeviation = 1.0

    /// Log strengths; 0 is an average one.
    package let strengths: [Double]
    /// Covariance of the strengths, row by row.
    private let covariance: [Double]
    /// Votes behind each.
    package let votes: [Double]

    package var count: Int { strengths.count }

    /// Fits the model; a few steps of Newton's method.
    package init(items: Int, pairs: [Pair]) {
        var theta = [Double](repeating: 0, count: items)
        var votes = [Double](repeating: 0, count: items)
        for pair in pairs {
            votes[pair.left] += pair.leftWins + pair.rightWins
            votes[pair.right] += pair.leftWins + pair.rightWins
        }
        let precision = 1 / (Self.priorDeviation * Self.priorDeviation)
        var factor = [Double]()
        for _ in 0..<50 {
            var gradient = theta.map { -precision * $0 }
            var hessian = [Double](repeating: 0, count: items * items)
            for item in 0..<items { hessian[item * items + item] = precision }
            for pair in pairs {
                let (i, j, total) = (pair.left, pair.right, pair.leftWins + pair.rightWins)
                let chance = Self.logistic(theta[i] - theta[j])
                gradient[i] += pair.leftWins - total * chance
                gradient[j] -= pair.leftWins - total * chance
                let weight = total * chance * (1 - chance)
                hessian[i * items + i] += weight
                hessian[j * items + j] += weight
                hessian[i * items + j] -= weight
                hessian[j * items + i] -= weight
            }
            factor = Self.choleskyFactor(hessian, items)
            let step = Self.solve(factor, gradient, items)
            for item in 0..<items { theta[item] += step[item] }
            if step.allSatisfy({ abs($0) < 1e-10 }) { break }
        }
        strengths = theta
        self.votes = votes
        var inverse = [Double](repeating: 0, count: items * items)
        for column in 0..<items where !factor.isEmpty {
            var unit = [Double](repeating: 0, count: items)
            unit[column] = 1
            let solved = Self.solve(factor, unit, items)
            for row in 0..<items { inverse[row * items + column] = solved[row] }
        }
        covariance = inverse
    }

    package static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    /// The standard error of a strength.
    package func deviation(_ item: Int) -> Double { covariance[item * count + item].squareRoot() }

    /// The variance of the difference of two strengths.
    package func variance(_ i: Int, _ j: Int) -> Double {
        covariance[i * count + i] + covariance[j * count + j] - 2 * covariance[i * count + j]
    }

    /// The chance to be preferred to an average item, with its 90 % interval.
    package func chance(_ item: Int) -> (value: Double, low: Double, high: Double) {
        let spread = 1.6449 * deviation(item)
        return (
            Self.logistic(strengths[item]), Self.logistic(strengths[item] - spread),
            Self.logistic(strengths[item] + spread)
        )
    }

    /// Items whose difference from this one is within its 90 % interval.
    package func tied(with item: Int) -> [Int] {
        (0..<count).filter { other in
            other != item
                && abs(strengths[item] - strengths[other]) < 1.6449 * variance(item, other).squareRoot()
        }
    }

    /// The pair whose next vote tells most: the difference is little known, the outcome open, and one of the
    /// two may be the best.
    ///
    /// - Parameter isAllowed: whether two items can be compared.
    package func next(isAllowed: (Int, Int) -> Bool) -> (Int, Int)? {
        guard count > 1 else { return nil }
        let upper = (0..<count).map { strengths[$0] + 1.6449 * deviation($0) }
        let best = (0..<count).max { strengths[$0] < strengths[$1] } ?? 0
        let lower = strengths[best] - 1.6449 * deviation(best)
        var chosen: (pair: (Int, Int), worth: Double)?
        for i in 0..<count {
            for j in i + 1..<max(i + 1, count) where isAllowed(i, j) {
                let chance = Self.logistic(strengths[i] - strengths[j])
                let hopeful = (upper[i] >= lower ? 1.0 : 0.2) * (upper[j] >= lower ? 1.0 : 0.2)
                let worth = variance(i, j) * chance * (1 - chance) * hopeful
                if worth > chosen?.worth ?? 0 { chosen = ((i, j), worth) }
            }
        }
        return chosen?.pair
    }

    /// The lower triangle L of a positive definite matrix L·Lᵀ, row by row.
    private static func choleskyFactor(_ matrix: [Double], _ n: Int) -> [Double] {
        var l = matrix
        for j in 0..<n {
            for i in j..<n {
                var sum = l[i * n + j]
                for k in 0..<j { sum -= l[i * n + k] * l[j * n + k] }
                l[i * n + j] = i == j ? max(sum, 1e-12).squareRoot() : sum / l[j * n + j]
            }
        }
        return l
    }

    private static func solve(_ l: [Double], _ b: [Double], _ n: Int) -> [Double] {
        var x = b
        for i in 0..<n {
            for k in 0..<i { x[i] -= l[i * n + k] * x[k] }
            x[i] /= l[i * n + i]
        }
        for i in stride(from: n - 1, through: 0, by: -1) {
            for k in i + 1..<max(i + 1, n) { x[i] -= l[k * n + i] * x[k] }
            x[i] /= l[i * n + i]
        }
        return x
    }
}
