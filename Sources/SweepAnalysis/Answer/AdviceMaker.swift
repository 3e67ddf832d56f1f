import Foundation
import RunSpec
import SweepModel

/// Which configurations need more seeds, and how many.
struct AdviceMaker {
    let set: SweepResultSet
    let answer: SweepAnswer
    let comparison: Comparison?

    /// At most so many further seeds are advised.
    static let mostSeeds = 10
    /// So often a difference of the expected size should come out of its interval.
    static let power = 0.8
    /// Configurations with a smaller chance are not worth another run.
    static let leastChance = 0.05
    static let mostConfigurations = 6
    /// Without a known spread: seeds that make one, for this many of the first.
    static let firstSeeds = 2
    static let firstConfigurations = 8

    init(_ set: SweepResultSet, _ answer: SweepAnswer, _ comparison: Comparison?) {
        self.set = set
        self.answer = answer
        self.comparison = comparison
    }

    func advice() -> Advice? {
        guard answer.rows.count > 1 else { return nil }
        guard let comparison, answer.isEstablished, let best = answer.best else { return withoutSpread() }
        let rivals = answer.rows.filter {
            best.tiedWith.contains($0.rank) && ($0.bestProbability ?? 0) >= Self.leastChance
        }.prefix(Self.mostConfigurations - 1)
        guard !rivals.isEmpty else { return nil }
        let needed = rivals.map { (rank: $0.rank, seeds: seedsToTell($0.rank, comparison)) }
        let clear = needed.compactMap { pair in pair.seeds.map { (rank: pair.rank, seeds: $0) } }
        if let most = clear.map(\.seeds).max() {
            let ranks = [best.rank] + clear.map(\.rank)
            var text =
                "\(NumberWords.count(most).capitalizedFirst) more seed\(most == 1 ? "" : "s") on "
                + "\(NumberWords.ranks(ranks)) would tell"
            let close = needed.filter { $0.seeds == nil }.map(\.rank)
            if !close.isEmpty {
                text +=
                    "; \(NumberWords.ranks(close)) \(close.count == 1 ? "is" : "are") too close to \(NumberWords.ranks([1])) "
                    + "for \(NumberWords.count(Self.mostSeeds))"
            }
            return advice(ranks, most, text + ".")
        }
        let ranks = [best.rank] + rivals.map(\.rank)
        return advice(
            ranks, Self.firstSeeds,
            "\(NumberWords.count(Self.mostSeeds).capitalizedFirst) more seeds would hardly tell them apart: take the one "
                + "that costs least."
        )
    }

    private func withoutSpread() -> Advice? {
        let ranks = answer.rows.prefix(Self.firstConfigurations).map(\.rank)
        let which = ranks.count == answer.count ? "every configuration" : "the first \(ranks.count)"
        return advice(
            Array(ranks), Self.firstSeeds,
            "\(NumberWords.count(Self.firstSeeds).capitalizedFirst) more seeds on \(which) would show how far seeds spread."
        )
    }

    /// The fewest further seeds on the best and another row with which a difference as large as expected
    /// comes out of its 90 % interval four times in five; nil where ten are not enough.
    private func seedsToTell(_ rank: Int, _ comparison: Comparison) -> Int? {
        let difference = comparison.model.shrunken[0] - comparison.model.shrunken[rank - 1]
        guard difference > 0 else { return nil }
        let (first, second) = (comparison.groups[0], comparison.groups[rank - 1])
        let variances = (comparison.variance.posterior(first).variance, comparison.variance.posterior(second).variance)
        let reach = NormalDistribution.quantile((1 + Estimate.confidence) / 2) + NormalDistribution.quantile(Self.power)
        return (1...Self.mostSeeds).first { more in
            let error =
                (variances.0 / Double(first.count + more) + variances.1 / Double(second.count + more)).squareRoot()
            return reach * error <= difference
        }
    }

    private func advice(_ ranks: [Int], _ count: Int, _ text: String) -> Advice {
        let next = (set.jobs.map(\.seed).max() ?? 0) + 1
        let seeds = Array(next..<(next + count))
        let points = ranks.compactMap { rank in answer.rows.first { $0.rank == rank }?.parameters }
        return Advice(ranks: ranks, seeds: seeds, text: text, fragment: Self.fragment(points, seeds))
    }

    /// The keys `seeds` and `groups` of a sweep file that has these points and nothing else.
    static func fragment(_ points: [[String: ParameterValue]], _ seeds: [Int]) -> String {
        var lines = [
            "seeds: [\(seeds.map(String.init).joined(separator: ", "))]", "groups:", "  - name: advised", "    list:",
        ]
        for point in points {
            let entries = point.sorted { a, b in
                (a.key == "algorithm" ? 0 : 1, a.key) < (b.key == "algorithm" ? 0 : 1, b.key)
            }
            lines.append("      - { " + entries.map { "\($0.key): \($0.value.yaml)" }.joined(separator: ", ") + " }")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension ParameterValue {
    /// In YAML's flow style; text in quotes, so that it stays text.
    var yaml: String {
        switch self {
        case .text(let text):
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
        case .list(let values): "[" + values.map(\.yaml).joined(separator: ", ") + "]"
        case .map(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.yaml)" }.joined(separator: ", ") + "}"
        case .number, .flag, .null: description
        }
    }
}

extension String {
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
