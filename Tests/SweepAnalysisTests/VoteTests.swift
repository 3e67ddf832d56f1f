import Foundation
import SweepAnalysis
import SweepModel
import Testing

/// Votes on pairs against scipy (Fixtures/make_votes.py), the time that is left against simulated sweeps.
@Suite("Votes and time left")
struct VoteTests {
    private struct Case: Decodable {
        let items: Int
        let pairs: [[Double]]
        let strengths: [Double]
        let deviations: [Double]
        let difference: Double
    }

    private static func cases() throws -> [Case] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let data = try Data(contentsOf: folder.appending(path: "Fixtures/votes.json"))
        return try JSONDecoder().decode([Case].self, from: data)
    }

    private static func fit(_ one: Case) -> BradleyTerry {
        BradleyTerry(
            items: one.items,
            pairs: one.pairs.map {
                BradleyTerry.Pair(left: Int($0[0]), right: Int($0[1]), leftWins: $0[2], rightWins: $0[3])
            })
    }

    @Test("strengths and their errors are scipy's")
    func strengths() throws {
        for one in try Self.cases() {
            let fit = Self.fit(one)
            for item in 0..<one.items {
                #expect(abs(fit.strengths[item] - one.strengths[item]) < 1e-5)
                #expect(abs(fit.deviation(item) - one.deviations[item]) < 1e-4)
                let chance = fit.chance(item)
                #expect(chance.low < chance.value && chance.value < chance.high)
            }
            #expect(abs(fit.variance(0, 1) - one.difference) < 1e-3)
        }
    }

    @Test("intervals hold the truth about as often as they say, and the next pair is one that is not known yet")
    func intervals() {
        var random = Counter(state: 5)
        var (held, all) = (0, 0)
        for _ in 0..<200 {
            // Strengths as the prior has them.
            let truth = (0..<6).map { _ in random.normal() }
            var wins: [Int: (Double, Double)] = [:]
            for _ in 0..<40 {
                let i = Int(random.unit() * 6)
                let j = (i + 1 + Int(random.unit() * 5)) % 6
                let isLeft = random.unit() < BradleyTerry.logistic(truth[i] - truth[j])
                wins[i * 6 + j, default: (0, 0)].0 += isLeft ? 1 : 0
                wins[i * 6 + j, default: (0, 0)].1 += isLeft ? 0 : 1
            }
            let fit = BradleyTerry(
                items: 6,
                pairs: wins.sorted { $0.key < $1.key }.map {
                    BradleyTerry.Pair(left: $0.key / 6, right: $0.key % 6, leftWins: $0.value.0, rightWins: $0.value.1)
                })
            for item in 0..<6 {
                all += 1
                if abs(fit.strengths[item] - truth[item]) < 1.6449 * fit.deviation(item) { held += 1 }
            }
        }
        let share = Double(held) / Double(all)
        #expect((0.86...0.94).contains(share), "\(share)")

        // Of three that nobody compared yet and one pair that was compared often, the next is not that pair.
        let fit = BradleyTerry(items: 4, pairs: [BradleyTerry.Pair(left: 0, right: 1, leftWins: 30, rightWins: 30)])
        let next = fit.next { _, _ in true }
        #expect(next.map { $0 != (0, 1) } == true)
        #expect(fit.next { _, _ in false } == nil)
        #expect(Set(fit.tied(with: 0)) == [1, 2, 3])
    }

    @Test("the time that is left holds what a simulated sweep takes in nine of ten, and is known only once it can be")
    func timeLeft() throws {
        #expect(TimeLeft(took: [], running: [1], waiting: 3) == nil)
        #expect(TimeLeft(took: [5, 6], running: [], waiting: 3) == nil)
        let even = try #require(TimeLeft(took: [10, 10, 10], running: [0, 0], waiting: 0))
        #expect(even.seconds == 10 && even.low == 10 && even.high == 10)
        var random = Counter(state: 9)
        var held = 0
        let worlds = 400
        for _ in 0..<worlds {
            // Durations like those of jobs: a spread of a third.
            let duration: (inout Counter) -> Double = { exp(0.33 * $0.normal()) * 60 }
            let took = (0..<25).map { _ in duration(&random) }
            var slots = [Double](repeating: 0, count: 4)
            for _ in 0..<40 {
                let first = slots.indices.min { slots[$0] < slots[$1] } ?? 0
                slots[first] += duration(&random)
            }
            let truth = slots.max() ?? 0
            let left = try #require(TimeLeft(took: took, running: [0, 0, 0, 0], waiting: 36))
            if left.low <= truth && truth <= left.high { held += 1 }
        }
        let share = Double(held) / Double(worlds)
        #expect((0.86...0.94).contains(share), "\(share)")
    }

    private struct Counter {
        var state: UInt64

        mutating func unit() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) * 0x1p-53
        }

        mutating func normal() -> Double {
            let (a, b) = (max(unit(), 1e-12), unit())
            return (-2 * log(a)).squareRoot() * cos(2 * Double.pi * b)
        }
    }
}
