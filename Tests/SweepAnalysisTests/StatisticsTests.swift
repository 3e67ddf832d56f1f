import Foundation
import SweepAnalysis
import Testing

/// Numbers of scipy and numpy (Fixtures/make_statistics.py).
private struct Reference: Decodable {
    struct Moderated: Decodable {
        let variances: [Double]
        let degrees: [Double]
        let excess: Double
        let priorDegrees: Double?
        let priorVariance: Double
    }
    struct Difference: Decodable {
        let a: [Double]
        let b: [Double]
        let low: Double
        let high: Double
    }
    struct Components: Decodable {
        let tables: [[[Double]]]
        let seed: Double
        let images: Double
        let rest: Double
    }
    struct Pairing: Decodable {
        let table: [[Double]]
        let p: Double
        let residual: Double
    }
    struct Best: Decodable {
        let means: [Double]
        let counts: [Int]
        let variance: Double
        let degrees: Double
        let best: [Double]
        let shrunken: [Double]
    }
    struct BestOfOwnSpreads: Decodable {
        let means: [Double]
        let variances: [Double]
        let counts: [Int]
        let best: [Double]
        let shrunken: [Double]
    }
    struct Pairs: Decodable {
        let x: [Double]
        let y: [Double]
        let pearson: Double
        let spearman: Double
    }

    let digamma: [[Double]]
    let trigamma: [[Double]]
    let pentagamma: [[Double]]
    let normal: [[Double]]
    let student: [[Double]]
    let chisquare: [[Double]]
    let fisher: [[Double]]
    let moderated: [Moderated]
    let difference: Difference
    let components: [Components]
    let pairing: [Pairing]
    let best: [Best]
    let bestOfOwnSpreads: [BestOfOwnSpreads]
    let correlation: Pairs

    static func load() throws -> Reference {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return try decoder.decode(
            Reference.self, from: Data(contentsOf: folder.appending(path: "Fixtures/statistics.json")))
    }
}

private func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 1e-9) -> Bool {
    abs(a - b) <= tolerance * max(abs(b), 1e-3)
}

@Suite("Statistics against scipy")
struct StatisticsTests {
    private let reference: Reference

    init() throws { reference = try Reference.load() }

    @Test("digamma, trigamma, its second derivative, and back")
    func gamma() {
        for row in reference.digamma { #expect(isClose(SpecialFunctions.digamma(row[0]), row[1], 1e-10), "\(row)") }
        for row in reference.trigamma {
            #expect(isClose(SpecialFunctions.trigamma(row[0]), row[1], 1e-10), "\(row)")
            #expect(isClose(SpecialFunctions.inverseTrigamma(row[1]), row[0]), "\(row)")
        }
        for row in reference.pentagamma {
            #expect(isClose(SpecialFunctions.pentagamma(row[0]), row[1], 1e-10), "\(row)")
        }
    }

    @Test("quantiles of normal and t, and the tail of F")
    func quantiles() {
        for row in reference.normal { #expect(isClose(NormalDistribution.quantile(row[0]), row[1], 1e-12), "\(row)") }
        for row in reference.student {
            #expect(isClose(StudentDistribution.quantile(row[0], degrees: row[1]), row[2]), "\(row)")
        }
        for row in reference.fisher {
            #expect(isClose(FisherDistribution.upperTail(row[0], row[1], row[2]), row[3]), "\(row)")
        }
    }

    @Test("draws of chi-square lie below its quantiles as often as they must")
    func chiSquareDraws() {
        let count = 20_000
        for row in reference.chisquare {
            var stream = CounterStream(11)
            let below = (0..<count).count { _ in stream.chiSquare(degrees: row[1]) <= row[2] }
            let error = (row[0] * (1 - row[0]) / Double(count)).squareRoot()
            #expect(abs(Double(below) / Double(count) - row[0]) <= 4 * error + 1e-4, "\(row): \(below)")
        }
    }

    @Test("the prior of moderated variances is Smyth's")
    func moderated() {
        for row in reference.moderated {
            let fit = ModeratedVariance.fit(variances: row.variances, degrees: row.degrees)
            #expect(isClose(fit.excess, row.excess))
            #expect(isClose(fit.priorVariance, row.priorVariance))
            #expect(isClose(fit.priorDegrees, row.priorDegrees ?? .infinity) || fit.priorDegrees == .infinity)
            #expect(fit.priorDegrees.isFinite == (row.priorDegrees != nil))
        }
    }

    @Test("variances that differ by thousands are moderated, those that chance explains are pooled")
    func pooled() throws {
        func groups(_ row: Reference.Moderated) -> [SeedGroup] {
            zip(row.variances, row.degrees).map { SeedGroup(mean: 0, variance: $0, count: Int($1) + 1) }
        }
        let equal = try #require(ModeratedVariance(groups(reference.moderated[0])))
        #expect(equal.priorDegrees == .infinity && equal.pooledDegrees == 18)
        let mean = reference.moderated[0].variances.reduce(0, +) / 9
        #expect(isClose(equal.posterior(groups(reference.moderated[0])[3]).variance, mean))
        let unequal = try #require(ModeratedVariance(groups(reference.moderated[1])))
        let row = reference.moderated[1]
        let prior = try #require(row.priorDegrees)
        let (variance, degrees) = unequal.posterior(groups(row)[8])
        #expect(isClose(variance, (prior * row.priorVariance + 2 * row.variances[8]) / (prior + 2)))
        #expect(isClose(degrees, prior + 2))
        #expect(ModeratedVariance([SeedGroup([1.0]), SeedGroup([2.0])]) == nil)
    }

    @Test("the interval of a difference of two means is the pooled t test's")
    func difference() throws {
        let row = reference.difference
        let groups = [SeedGroup(row.a), SeedGroup(row.b)]
        let variance = try #require(ModeratedVariance(groups))
        let half = variance.halfWidthOfDifference(groups[0], groups[1])
        #expect(isClose(groups[0].mean - groups[1].mean - half, row.low))
        #expect(isClose(groups[0].mean - groups[1].mean + half, row.high))
    }

    @Test("whether two means differ is told as the interval of their difference tells it", arguments: [0.0, 0.3, 2.0])
    func differences(unevenness: Double) throws {
        var stream = CounterStream(11)
        let groups = (0..<60).map { index in
            let spread = exp(unevenness * stream.normal())
            return SeedGroup((0..<(2 + index % 4)).map { _ in Double(index / 6) + spread * stream.normal() })
        }
        let variance = try #require(ModeratedVariance(groups))
        let quantiles = QuantileTable()
        var told = [true: 0, false: 0]
        for (place, first) in groups.enumerated() {
            for second in groups[place...] {
                let half = variance.halfWidthOfDifference(first, second)
                let covers = variance.coversNoDifference(first, second, quantiles: quantiles)
                #expect(covers == (abs(first.mean - second.mean) <= half))
                told[covers, default: 0] += 1
            }
        }
        #expect(told.values.allSatisfy { $0 > 100 })
    }

    @Test("spread by source: mean squares of jobs and images; never below nothing")
    func components() throws {
        for row in reference.components {
            let found = try #require(SpreadBySource(row.tables))
            #expect(isClose(found.trainingSeed, row.seed) && isClose(found.images, row.images))
            #expect(isClose(found.rest, row.rest))
        }
        #expect(SpreadBySource([[[1, 2, 3]], [[1], [2]]]) == nil)
    }

    @Test("differences are paired where seeds move all configurations, by the F test")
    func pairing() {
        for row in reference.pairing {
            let values = row.table.map { values in
                Dictionary(uniqueKeysWithValues: values.enumerated().map { (7 + $0.offset, $0.element) })
            }
            let pairing = SeedPairing(values)
            #expect(pairing.isPaired == (row.p < 0.05))
            guard pairing.isPaired else { continue }
            let degrees = pairing.groups.reduce(0) { $0 + $1.degrees }
            let squares = pairing.groups.reduce(0) { $0 + $1.degrees * $1.variance }
            #expect(isClose(squares / degrees, row.residual) && isClose(degrees, 10))
            #expect(isClose(pairing.groups[2].mean, row.table[2].reduce(0, +) / 3))
        }
        #expect(!SeedPairing([[1: 1, 2: 5], [1: 2, 3: 6], [1: 3, 2: 7.1]]).isPaired)
    }

    @Test("the chance to be best and the shrunken values are those of an integral without draws")
    func best() throws {
        for row in reference.best {
            // One group more would change the data: the variance comes from groups of that spread.
            let groups = zip(row.means, row.counts).map { SeedGroup(mean: $0, variance: row.variance, count: $1) }
            let variance = try #require(ModeratedVariance(groups))
            #expect(isClose(variance.pooledVariance, row.variance) && variance.pooledDegrees == row.degrees)
            let model = HierarchicalModel(groups, areSpreadsEqual: true)
            for (found, wanted) in zip(model.bestProbabilities, row.best) {
                #expect(abs(found - wanted) < 0.012, "\(model.bestProbabilities) \(row.best)")
            }
            for (found, wanted) in zip(model.shrunken, row.shrunken) {
                #expect(abs(found - wanted) < 0.01 * row.variance.squareRoot() * 3, "\(model.shrunken) \(row.shrunken)")
            }
            let again = HierarchicalModel(groups, areSpreadsEqual: true)
            #expect(again.bestProbabilities == model.bestProbabilities)
        }
    }

    @Test("the same where every configuration has its own spread")
    func bestOfOwnSpreads() {
        for row in reference.bestOfOwnSpreads {
            let groups = row.means.indices.map {
                SeedGroup(mean: row.means[$0], variance: row.variances[$0], count: row.counts[$0])
            }
            let model = HierarchicalModel(groups)
            for (found, wanted) in zip(model.bestProbabilities, row.best) {
                #expect(abs(found - wanted) < 0.012, "\(model.bestProbabilities) \(row.best)")
            }
            let range = (row.means.max() ?? 0) - (row.means.min() ?? 0)
            // The standard draws have an error of their own, of about as much as is allowed here.
            let exact = HierarchicalModel(groups, draws: 40_000)
            for (found, wanted) in zip(exact.shrunken, row.shrunken) {
                #expect(abs(found - wanted) < 0.01 * range, "\(exact.shrunken) \(row.shrunken)")
            }
        }
    }

    @Test(
        "many configurations tell what is common, of thousands a part does, and all follow it", arguments: [1500, 6000])
    func manyConfigurations(count: Int) throws {
        var stream = CounterStream(30)
        let (seeds, deviation) = (3, 0.5)
        let groups = (0..<count).map { _ in
            let truth = stream.normal()
            return SeedGroup((0..<seeds).map { _ in truth + deviation * stream.normal() })
        }
        let model = HierarchicalModel(groups)
        // So many configurations tell the spread of seeds, 0.5 for all, and of true values, 1: what is known
        // then is a sum, without draws.
        let error = deviation * deviation / Double(seeds)
        let share = 1 / (1 + error)
        let errors = zip(groups, model.shrunken).map { abs($1 - share * $0.mean) }
        #expect(try #require(errors.max()) < 0.03)
        let spread = (share * error).squareRoot()
        let places = groups.indices.sorted { groups[$0].mean > groups[$1].mean }
        let step = 0.02
        let x = (0..<300).map { step * Double($0) }
        var logs = [Double](repeating: 0, count: x.count)
        // Who is further down never is the best.
        for place in places.prefix(200) {
            for index in x.indices {
                let at = (x[index] - share * groups[place].mean) / spread
                logs[index] += log(max(NormalDistribution.cumulative(at), 1e-300))
            }
        }
        for place in places.prefix(5) {
            let chance = x.indices.reduce(0.0) { sum, index in
                let at = (x[index] - share * groups[place].mean) / spread
                let others = exp(logs[index] - log(max(NormalDistribution.cumulative(at), 1e-300)))
                return sum + step / spread * exp(-at * at / 2) / (2 * Double.pi).squareRoot() * others
            }
            #expect(abs(model.bestProbabilities[place] - chance) < 0.07, "\(model.bestProbabilities[place]) \(chance)")
        }
        #expect(abs(model.bestProbabilities.reduce(0, +) - 1) < 1e-9)
        #expect(places.suffix(count / 2).allSatisfy { model.bestProbabilities[$0] == 0 })
    }

    @Test("correlations, ties sharing their rank")
    func correlation() throws {
        let row = reference.correlation
        #expect(isClose(try #require(Correlation.pearson(row.x, row.y)), row.pearson))
        #expect(isClose(try #require(Correlation.spearman(row.x, row.y)), row.spearman))
        #expect(Correlation.ranks([3, 1, 3, 0]) == [3.5, 2, 3.5, 1])
        #expect(Correlation.pearson([1, 1], [2, 3]) == nil)
    }

    @Test("a bootstrap over prompts: images of one prompt go together")
    func bootstrap() throws {
        // Two prompts whose images agree: the mean is that of one, of the other, or between, at 1/4, 1/4 and
        // 1/2.
        let values = [0.0, 0, 0, 0, 1, 1, 1, 1]
        let found = try #require(PromptBootstrap.interval(values, prompts: [0, 0, 0, 0, 1, 1, 1, 1]))
        #expect(found.low == 0 && found.high == 1)
        // Eight prompts: a binomial with n = 8, whose 5th and 95th percentiles are 2 and 6.
        let apart = try #require(PromptBootstrap.interval(values, prompts: Array(0..<8)))
        #expect(apart.low == 0.25 && apart.high == 0.75)
        #expect(PromptBootstrap.interval([1, 2], prompts: [4, 4]) == nil)
    }
}
