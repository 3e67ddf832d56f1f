import CoreTensor
import Foundation

/// How several adapters' changes of one weight become one change; formulas as PEFT's `merge_utils` on whole
/// ΔW.
package struct CombinationRule: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Codable, Sendable {
        /// Σ w ΔW.
        case sum
        /// Small numbers are left out, each place takes the sign of the sum, and those of that sign are
        /// averaged (Yadav et al., arXiv:2306.01708).
        case ties
        /// Numbers are left out at random and the others grow by as much (Yu et al., arXiv:2311.03099).
        case dare
        /// Left out as in DARE, then averaged by sign as in TIES.
        case dareTies = "dare-ties"
        /// Each adapter loses what points along those before it.
        case orthogonal
    }

    package var kind: Kind
    /// Share of each ΔW's numbers that TIES and DARE keep.
    package var density: Double
    /// Of DARE's choice.
    package var seed: UInt64

    package init(_ kind: Kind = .sum, density: Double = 0.5, seed: UInt64 = 0) {
        self.kind = kind
        self.density = density
        self.seed = seed
    }

    /// One change for a layer.
    ///
    /// A layer that one adapter changes is left to it: there is nothing to interfere with.
    /// - Parameters:
    ///   - changes: at strength 1, in the adapters' order.
    ///   - weights: the adapters' strengths.
    ///   - layer: its name, which names DARE's random stream.
    package func combined(_ changes: [[Double]], weights: [Double], layer: String) -> [Double] {
        guard changes.count > 1 else { return Self.summed(changes, weights) }
        switch kind {
        case .sum: return Self.summed(changes, weights)
        case .ties:
            return Self.averagedBySign(changes.map { Self.pruned($0, density: density) }, weights)
        case .dare: return Self.summed(dropped(changes, layer), weights)
        case .dareTies: return Self.averagedBySign(dropped(changes, layer), weights)
        case .orthogonal: return Self.summed(Self.orthogonalised(changes), weights)
        }
    }

    private func dropped(_ changes: [[Double]], _ layer: String) -> [[Double]] {
        changes.enumerated().map { item, change in
            var stream = RandomStream(seed: seed, purpose: "dare/\(layer)", item: item)
            return Self.rescaled(
                change, keeping: change.map { _ in Double(stream.uniform()) < density }, density: density)
        }
    }

    static func summed(_ changes: [[Double]], _ weights: [Double]) -> [Double] {
        var sum = [Double](repeating: 0, count: changes.first?.count ?? 0)
        for (change, weight) in zip(changes, weights) { for i in sum.indices { sum[i] += weight * change[i] } }
        return sum
    }

    /// The largest numbers, ⌊density · count⌋ of them, and 0 for the others.
    package static func pruned(_ change: [Double], density: Double) -> [Double] {
        guard density < 1 else { return change }
        let kept = Int(density * Double(change.count))
        let order = change.indices.sorted { abs(change[$0]) > abs(change[$1]) }
        var pruned = [Double](repeating: 0, count: change.count)
        for i in order.prefix(kept) { pruned[i] = change[i] }
        return pruned
    }

    /// Those that are kept, by the density.
    package static func rescaled(_ change: [Double], keeping: [Bool], density: Double) -> [Double] {
        guard density < 1 else { return change }
        return zip(change, keeping).map { $1 ? $0 / density : 0 }
    }

    /// In each place the mean of the weighted numbers that have the sign of the unweighted sum.
    package static func averagedBySign(_ changes: [[Double]], _ weights: [Double]) -> [Double] {
        (0..<(changes.first?.count ?? 0)).map { place in
            let isPositive = changes.reduce(0) { $0 + $1[place] } >= 0
            var (sum, count) = (0.0, 0)
            for (change, weight) in zip(changes, weights) {
                let value = change[place]
                guard isPositive ? value > 0 : value < 0 else { continue }
                sum += weight * value
                count += 1
            }
            return sum / Double(max(1, count))
        }
    }

    /// Each without its projection on those before it, taken as one vector of all numbers.
    package static func orthogonalised(_ changes: [[Double]]) -> [[Double]] {
        func inner(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        var done: [[Double]] = []
        for change in changes {
            var rest = change
            for other in done {
                let size = inner(other, other)
                guard size > 0 else { continue }
                let share = inner(rest, other) / size
                for i in rest.indices { rest[i] -= share * other[i] }
            }
            done.append(rest)
        }
        return done
    }
}
