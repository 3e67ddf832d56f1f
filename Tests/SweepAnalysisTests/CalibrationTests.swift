import Foundation
import SweepAnalysis
import Testing

/// Simulated sweeps with known true values: do intervals hold them, and is a probability what it says?
///
/// `RADIATA_CALIBRATION=1` simulates 1,000 sweeps of every kind and prints what it found; without it there
/// are fewer. `RADIATA_CALIBRATION=990000000019` takes other sweeps than the usual ones.
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

        var words: String {
            "stated - right \(points(Self.excess(named))) points, by tertile "
                + Self.tertiles(named).map(points).joined(separator: ", ")
        }

        static func tertiles(_ named: [(probability: Double, isRight: Bool)]) -> [Double] {
            let sorted = named.sorted { $0.probability < $1.probability }
            return (0..<3).map { third in
                excess(sorted[(third * sorted.count / 3)..<((third + 1) * sorted.count / 3)])
            }
        }
    }

    private static let wish = ProcessInfo.processInfo.environment["RADIATA_CALIBRATION"]
    private static let isFull = wish != nil
    /// Another stream than those on which the priors were chosen.
    private static let first = wish.flatMap { Int($0) }.flatMap { $0 > 1 ? $0 : nil } ?? 1_234_500_007

    /// What sweeps are simulated.
    private struct World {
        var configurations = 8
        /// Between true values, in deviations of a seed; from hardly to clearly different.
        var distances = [0.5, 1.0, 2.0]
        /// Unequal spreads are log-normal with this deviation; nil for 1 to 3, evenly.
        var spreadOfSpreads: Double?
        var first: Int
    }

    @Test(
        "90 % intervals hold the truth, and the best named with probability p is the best in p of the cases",
        arguments: Spread.allCases)
    func calibration(spread: Spread) throws {
        let world = World(first: Self.first)
        var all = Tally()
        for seeds in [2, 3, 5] {
            let tally = try Self.tally(spread, seeds, world, sweeps: Self.isFull ? 1000 : 150)
            let room = Self.isFull ? 0.0 : 1.5
            let wanted = spread == .skewed ? 80...96 : (87 - room)...(93 + room)
            #expect(wanted.contains(tally.coverage), "\(spread), \(seeds) seeds: \(tally.coverage) %")
            // Sixteen values do not tell whether spreads are equal. Whoever knows all else of these sweeps is
            // 5.4 and 11.6 points too sure in the cell left out (Fixtures/calibration_reference.py).
            if Self.isFull, spread != .unequal || seeds != 2 { Self.expectCalibrated(tally, "\(spread), \(seeds)") }
            all.named += tally.named
        }
        if Self.isFull { print("\(spread.rawValue), all: \(all.words)") }
        // Few sweeps have an error of their own: 450 of them 2.2 points.
        guard Self.isFull else { return #expect(abs(Tally.excess(all.named)) <= 10, "\(spread)") }
        Self.expectCalibrated(all, "\(spread)")
    }

    @Test(
        "the same for sweeps on which no prior was chosen", .enabled(if: isFull),
        arguments: [4, 16], Spread.allCases)
    func otherSweeps(configurations: Int, spread: Spread) throws {
        let world = World(
            configurations: configurations, distances: [0.25, 0.7, 1.5, 4], spreadOfSpreads: 0.6,
            first: Self.first + 76_000_000_000)
        for seeds in [2, 3, 5] {
            let tally = try Self.tally(spread, seeds, world, sweeps: 1000)
            // Of skewed ones, four say too little of it: they are printed.
            if spread != .skewed { Self.expectCalibrated(tally, "\(configurations), \(spread), \(seeds)") }
        }
    }

    private static func expectCalibrated(_ tally: Tally, _ name: String) {
        let (points, tertiles) = (Tally.excess(tally.named), Tally.tertiles(tally.named))
        #expect(abs(points) <= 4 && tertiles.allSatisfy { abs($0) <= 8 }, "\(name): \(points), \(tertiles)")
    }

    private static func tally(_ spread: Spread, _ seeds: Int, _ world: World, sweeps: Int) throws -> Tally {
        var tally = Tally()
        for sweep in 0..<sweeps { try simulate(spread, seeds, world, number: sweep, &tally) }
        if isFull {
            print(
                "\(world.configurations) configurations, \(spread.rawValue), \(seeds) seeds: intervals hold "
                    + "\(points(tally.coverage)) %; \(tally.words); paired \(tally.paired) of \(sweeps)")
        }
        return tally
    }

    private static func simulate(
        _ spread: Spread, _ seeds: Int, _ world: World, number: Int, _ tally: inout Tally
    ) throws {
        var stream = CounterStream(UInt64(world.first + number * 10 + seeds))
        let between = world.distances[number % world.distances.count]
        let truth = (0..<world.configurations).map { _ in between * stream.normal() }
        let values = truth.enumerated().map { place, truth in
            var deviation = 1.0
            if spread == .unequal {
                deviation =
                    world.spreadOfSpreads.map { exp($0 * stream.normal()) }
                    ?? pow(3, Double(place) / Double(world.configurations - 1))
            }
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
        let model = HierarchicalModel(pairing.isPaired ? pairing.groups : groups, draws: isFull ? 2000 : 600)
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
