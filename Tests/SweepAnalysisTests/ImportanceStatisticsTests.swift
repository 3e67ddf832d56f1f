import Foundation
import SweepAnalysis
import Testing

/// Numbers of scipy and numpy (Fixtures/make_importance.py).
private struct Reference: Decodable {
    struct Effect: Decodable {
        let factors: [Int]
        let degrees: Int
        let share: Double
        let deviation: Double
        let low: Double?
        let high: Double?
    }
    struct Design: Decodable {
        let levels: [Int]
        let values: [[Double]?]
        let mean: Double
        let effects: [Effect]
        let rest: Double
    }
    struct Weighted: Decodable {
        let groups: [[Double]]
        let weights: [Double]
        let value: Double
        let low: Double
        let high: Double
    }

    let chiSquare: [[Double]]
    let chiSquareQuantile: [[Double]]
    let noncentral: [[Double]]
    let far: [[Double]]
    let designs: [Design]
    let contrasts: [Weighted]

    static func load() throws -> Reference {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return try decoder.decode(
            Reference.self, from: Data(contentsOf: folder.appending(path: "Fixtures/importance.json")))
    }
}

@Suite("Statistics of what mattered")
struct ImportanceStatisticsTests {
    @Test("chi-square tails and quantiles agree with scipy")
    func chiSquare() throws {
        let reference = try Reference.load()
        #expect(reference.chiSquare.count == 20 && reference.noncentral.count == 60)
        for row in reference.chiSquare {
            #expect(abs(ChiSquareDistribution.upperTail(row[0], degrees: row[1]) - row[2]) < 1e-12, "\(row)")
        }
        for row in reference.chiSquareQuantile {
            #expect(abs(ChiSquareDistribution.quantile(row[0], degrees: row[1]) / row[2] - 1) < 1e-9, "\(row)")
        }
        for row in reference.noncentral {
            let found = ChiSquareDistribution.upperTail(row[0], degrees: row[1], shift: row[2])
            #expect(abs(found - row[3]) < 1e-9, "\(row): \(found)")
        }
        for row in reference.far {
            let found = ChiSquareDistribution.upperTail(row[0], degrees: row[1], shift: row[2])
            #expect(abs(found - row[3]) < 1e-4, "\(row): \(found)")
        }
    }

    @Test("contrasts have the pooled t interval")
    func contrasts() throws {
        for one in try Reference.load().contrasts {
            let groups = one.groups.map { SeedGroup($0) }
            let contrast = Contrast(Array(zip(groups, one.weights)).map { ($0, $1) }, ModeratedVariance(groups))
            let estimate = contrast.estimate()
            #expect(abs(estimate.value - one.value) < 1e-12)
            #expect(abs((estimate.low ?? .nan) - one.low) < 1e-9 && abs((estimate.high ?? .nan) - one.high) < 1e-9)
        }
    }

    @Test("contrasts of other groups add up, and one seed has no interval")
    func sums() throws {
        let groups = [SeedGroup([1, 3]), SeedGroup([2, 2.5]), SeedGroup([7, 8]), SeedGroup([5, 5.5])]
        let variance = ModeratedVariance(groups)
        let parts = [
            Contrast([(groups[0], 1), (groups[1], -1)], variance),
            Contrast([(groups[2], 1), (groups[3], -1)], variance),
        ]
        let sum = Contrast(sumOf: parts)
        let whole = Contrast([(groups[0], 1), (groups[1], -1), (groups[2], 1), (groups[3], -1)], variance)
        #expect(sum.value == whole.value && abs((sum.variance ?? 0) - (whole.variance ?? 1)) < 1e-12)
        // As if they were of different variances, which have the degrees of freedom of both.
        #expect(sum.degrees == 8)
        let single = Contrast([(SeedGroup([1]), 1), (SeedGroup([2]), -1)], nil).estimate()
        #expect(single.value == -1 && single.low == nil && single.sign == 0)
    }

    @Test("grids split as projections do, empty cells are filled as least squares do, bounds are those of an integral")
    func designs() throws {
        let designs = try Reference.load().designs
        #expect(designs.count == 7)
        for one in designs {
            let groups = one.values.map { values in values.map { SeedGroup($0) } }
            let found = try #require(
                FactorialDesign(
                    levelCounts: one.levels, groups: groups, variance: ModeratedVariance(groups.compactMap { $0 })))
            #expect(abs(found.mean - one.mean) < 1e-9 && abs(found.rest - one.rest) < 1e-8)
            #expect(found.effects.count == one.effects.count)
            for (effect, wanted) in zip(found.effects, one.effects) {
                #expect(effect.factors == wanted.factors && effect.degrees == wanted.degrees)
                #expect(abs(effect.share - wanted.share) < 1e-8, "\(one.levels) \(wanted.factors): \(effect.share)")
                #expect(abs(effect.deviation - wanted.deviation) < 1e-8)
                #expect((effect.low == nil) == (wanted.low == nil))
                guard let low = wanted.low, let high = wanted.high else { continue }
                // Quantiles stand for the integral: close, and never on the other side of 0.
                let room = 0.02 * max(high - low, 1e-9)
                #expect(
                    abs((effect.low ?? .nan) - low) <= room,
                    "\(one.levels) \(wanted.factors): \(effect.low ?? -1) \(low)")
                #expect(abs((effect.high ?? .nan) - high) <= room, "\(effect.high ?? -1) \(high)")
            }
        }
    }

    @Test("a grid with too many empty cells, or a level without any, is none")
    func refused() {
        let group = SeedGroup([1, 2])
        #expect(FactorialDesign(levelCounts: [2, 2], groups: [group, nil, group, group], variance: nil) == nil)
        #expect(FactorialDesign(levelCounts: [4], groups: [group, group, group, group], variance: nil) == nil)
        var groups = [SeedGroup?](repeating: group, count: 12)
        for cell in 9..<12 { groups[cell] = nil }
        #expect(FactorialDesign(levelCounts: [4, 3], groups: groups, variance: nil) == nil)
    }

    @Test("90 % intervals of effects hold the truth in about 90 % of simulated grids")
    func coverage() throws {
        var stream = CounterStream(77)
        var (held, total) = ([0, 0, 0], 0)
        let isFull = ProcessInfo.processInfo.environment["RADIATA_CALIBRATION"] != nil
        for _ in 0..<(isFull ? 1000 : 200) {
            // A clear factor, a weak one, and a weak product.
            let (a, b) = ([-1.0, 0, 1], [-0.25, 0.25])
            let groups: [SeedGroup?] = a.flatMap { a in
                b.map { b in SeedGroup((0..<3).map { _ in a + b + 0.3 * a * b + 0.5 * stream.normal() }) }
            }
            let found = try #require(
                FactorialDesign(
                    levelCounts: [3, 2], groups: groups, variance: ModeratedVariance(groups.compactMap { $0 })))
            let truth = [(2.0 / 3).squareRoot(), 0.25, 0.3 * 0.25 * (2.0 / 3).squareRoot()]
            for (place, effect) in found.effects.enumerated() {
                let (low, high) = (try #require(effect.low), try #require(effect.high))
                if low <= truth[place], truth[place] <= high { held[place] += 1 }
            }
            total += 1
        }
        let shares = held.map { 100 * Double($0) / Double(total) }
        if isFull { print("intervals of a grid's effects hold the truth in \(shares) %") }
        let room = isFull ? 0.0 : 3.5
        for share in shares { #expect(share >= 87 - room && share <= 93 + room, "\(shares)") }
    }
}
