import Foundation
import SweepAnalysis
import Testing

/// Simulated sweeps with known true values: do intervals hold them, and is a probability what it says?
///
/// `RADIATA_CALIBRATION=1` simulates 1,000 sweeps of every kind and prints what it found; without it there
/// are fewer.
@Suite("Calibration")
struct CalibrationTests {
    /// How seeds spread.
    enum Spread: String, CaseIterable, CustomTestStringConvertible {
        case equal
        /// Standard deviations from 1 to 3.
        case unequal
        /// Log-normal, with a skewness of 3.7 (σ = 0.8).
        case skewed

        var testDescription: String { rawValue }
    }

    private struct Tally {
        var held = 0
        var intervals = 0
        /// The probability of the named best, and whether it was.
        var named: [(probability: Double, isRight: Bool)] = []
        var paired = 0

        var coverage: Double { 100 * Double(held) / Double(intervals) }

        /// Stated minus true share of right names, in points.
        static func excess(_ named: some Collection<(probability: Double, isRight: Bool)>) -> Double {
            let stated = named.reduce(0) { $0 + $1.probability }
            return 100 * (stated - Double(named.count { $0.isRight })) / Double(named.count)
        }

        static func tertiles(_ named: [(probability: Double, isRight: Bool)]) -> [Double] {
            let sorted = named.sorted { $0.probability < $1.probability }
            return (0..<3).map { third in
                excess(sorted[(third * sorted.count / 3)..<((third + 1) * sorted.count / 3)])
            }
        }
    }

    private static let isFull = ProcessInfo.processInfo.environment["RADIATA_CALIBRATION"] != nil
    private static let configurations = 8

    @Test(
        "90 % intervals hold the truth, and the best named with probability p is the best in p of the cases",
        arguments: Spread.allCases)
    func calibration(spread: Spread) throws {
        let sweeps = Self.isFull ? 1000 : 150
        var all: [(probability: Double, isRight: Bool)] = []
        for seeds in [2, 3, 5] {
            var tally = Tally()
            for sweep in 0..<sweeps {
                try Self.simulate(spread, seeds: seeds, number: sweep, &tally)
            }
            let excess = Tally.excess(tally.named)
            if Self.isFull {
                print(
                    "\(spread.rawValue), \(seeds) seeds: intervals hold \(Self.points(tally.coverage)) %; stated - right "
                        + "\(Self.points(excess)) points, by tertile "
                        + "\(Tally.tertiles(tally.named).map(Self.points).joined(separator: ", ")); paired \(tally.paired) of \(sweeps)"
                )
            }
            let room = Self.isFull ? 0.0 : 1.5
            let wanted = spread == .skewed ? 80...96 : (87 - room)...(93 + room)
            #expect(wanted.contains(tally.coverage), "\(spread), \(seeds) seeds: \(tally.coverage) %")
            all += tally.named
        }
        let (points, tertiles) = (Tally.excess(all), Tally.tertiles(all))
        if Self.isFull {
            print(
                "\(spread.rawValue), all: stated - right \(Self.points(points)) points, by tertile "
                    + tertiles.map(Self.points).joined(separator: ", "))
        }
        // Few sweeps have an error of their own: 450 of them 2.2 points.
        guard Self.isFull else { return #expect(abs(points) <= 10, "\(spread)") }
        guard spread != .skewed else { return }
        #expect(abs(points) <= 4, "\(spread)")
        #expect(tertiles.allSatisfy { abs($0) <= 8 }, "\(spread): \(tertiles)")
    }

    /// One sweep: true values around a common mean, from hardly to clearly different.
    private static func simulate(_ spread: Spread, seeds: Int, number: Int, _ tally: inout Tally) throws {
        // Another stream than the one on which the priors were chosen.
        var stream = CounterStream(UInt64(1_234_500_007 + number * 10 + seeds))
        let between = [0.5, 1.0, 2.0][number % 3]
        let truth = (0..<configurations).map { _ in between * stream.normal() }
        let values = truth.enumerated().map { place, truth in
            let deviation = spread == .unequal ? pow(3, Double(place) / Double(configurations - 1)) : 1
            let drawn = (0..<seeds).map { seed in
                (seed, truth + deviation * (spread == .skewed ? skewed(stream.normal()) : stream.normal()))
            }
            return Dictionary(uniqueKeysWithValues: drawn)
        }
        let groups = values.map { row in SeedGroup(row.sorted { $0.key < $1.key }.map(\.value)) }
        let variance = try #require(ModeratedVariance(groups))
        for (group, truth) in zip(groups, truth) {
            let estimate = variance.estimate(group)
            tally.intervals += 1
            if let low = estimate.low, let high = estimate.high, low <= truth, truth <= high { tally.held += 1 }
        }
        let pairing = SeedPairing(values)
        if pairing.isPaired { tally.paired += 1 }
        let model = HierarchicalModel(pairing.isPaired ? pairing.groups : groups, draws: 600)
        let named = groups.indices.max { groups[$0].mean < groups[$1].mean } ?? 0
        let best = truth.indices.max { truth[$0] < truth[$1] } ?? 0
        tally.named.append((model.bestProbabilities[named], named == best))
    }

    /// Log-normal with mean 0 and standard deviation 1, of a standard normal.
    private static func skewed(_ normal: Double) -> Double {
        let sigma = 0.8
        let mean = exp(sigma * sigma / 2)
        return (exp(sigma * normal) - mean) / (mean * (exp(sigma * sigma) - 1).squareRoot())
    }

    private static func points(_ value: Double) -> String { String(format: "%.1f", value) }
}
