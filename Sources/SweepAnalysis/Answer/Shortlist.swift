import RunSpec
import SweepModel

/// The first configurations of a large sweep by a rule, found from numbers alone; and what an answer must
/// know of all others. It ranks as `AnswerMaker` does.
struct Shortlist {
    /// Best first.
    let configurations: [Int]
    let beyond: FieldBeyond

    /// A configuration with the checkpoint that competes for it: a run of entries.
    private struct Runner {
        var entries: Range<Int>
        var score: Double
        /// What ranks it.
        var place: (score: Double, learnt: Double)
    }

    /// - Parameters:
    ///   - place: `best` or `last`.
    ///   - count: how many are listed.
    /// - Returns: nil where a value is not finite: who diverged is told apart with everything at hand.
    init?(
        _ packed: PackedValues, _ rule: DecisionRule, _ place: SweepResultSet.CheckpointChoice, count: Int
    ) {
        guard packed.values.allSatisfy(\.isFinite), !packed.entries.isEmpty else { return nil }
        let candidates = Self.candidates(packed, isOfCurves: rule.readsOnlyCurves)
        let width = packed.criteria
        let means = candidates.map { candidate -> [Double] in
            candidate.map { run in Self.means(packed, run) }.flatMap { $0 }
        }
        let scale = DesirabilityScale(rule, Self.spans(packed, candidates, means))
        var runners: [Runner] = []
        runners.reserveCapacity(candidates.count)
        for (runs, means) in zip(candidates, means) {
            let scored = runs.indices.map { index -> Runner in
                let values = Array(means[(index * width)..<((index + 1) * width)])
                let score = scale.score(values)
                return Runner(entries: runs[index], score: score, place: scale.place(values, score: score))
            }
            // The earlier checkpoint of two alike.
            let best: Runner? =
                place == .last
                ? scored.last
                : scored.reduce(Runner?.none) { best, next in
                    best.map { $0.score >= next.score ? $0 : next } ?? next
                }
            if let best { runners.append(best) }
        }
        runners.sort { a, b in
            a.place != b.place
                ? a.place > b.place
                : "\(packed.entries[a.entries.lowerBound].configuration)"
                    < "\(packed.entries[b.entries.lowerBound].configuration)"
        }
        configurations = runners.prefix(count).map { packed.entries[$0.entries.lowerBound].configuration }
        let rest = runners.dropFirst(count)
        let counts = runners.map(\.entries.count)
        beyond = FieldBeyond(
            scale: scale,
            seeds: rest.map { runner in runner.entries.map { packed.entries[$0].seed } },
            scores: rest.map { runner in Self.scores(packed, runner.entries, scale) },
            criteria: (0..<width).map { criterion in
                rest.map { runner in SeedGroup(runner.entries.map { packed.values[$0 * width + criterion] }) }
            },
            jobs: counts.reduce(0, +), fewestSeeds: counts.min() ?? 0, mostSeeds: counts.max() ?? 0,
            sample: Self.sample(rest.map { packed.entries[$0.entries.lowerBound].configuration }))
    }

    /// The runs of each configuration: those steps that most of its seeds have reached.
    private static func candidates(_ packed: PackedValues, isOfCurves: Bool) -> [[Range<Int>]] {
        let entries = packed.entries
        var candidates: [[Range<Int>]] = []
        var start = 0
        while start < entries.count {
            var end = start
            var runs: [Range<Int>] = []
            while end < entries.count, entries[end].configuration == entries[start].configuration {
                let first = end
                // Curves may end at different steps: a job has one value.
                while end < entries.count, entries[end].configuration == entries[start].configuration,
                    isOfCurves || entries[end].step == entries[first].step
                { end += 1 }
                runs.append(first..<end)
            }
            let most = runs.map(\.count).max() ?? 0
            candidates.append(runs.filter { $0.count == most })
            start = end
        }
        return candidates
    }

    private static func means(_ packed: PackedValues, _ run: Range<Int>) -> [Double] {
        let width = packed.criteria
        return (0..<width).map { criterion in
            run.reduce(0) { $0 + packed.values[$1 * width + criterion] } / Double(run.count)
        }
    }

    /// For each criterion the means of all that compete, and the spread between their seeds.
    private static func spans(
        _ packed: PackedValues, _ candidates: [[Range<Int>]], _ means: [[Double]]
    ) -> [DesirabilityScale.Span] {
        let width = packed.criteria
        return (0..<width).map { criterion in
            var span = DesirabilityScale.Span()
            var (squares, degrees) = (0.0, 0.0)
            for (runs, means) in zip(candidates, means) {
                for (index, run) in runs.enumerated() {
                    let mean = means[index * width + criterion]
                    span.add(mean)
                    guard run.count > 1 else { continue }
                    degrees += Double(run.count - 1)
                    for place in run {
                        let error = packed.values[place * width + criterion] - mean
                        squares += error * error
                    }
                }
            }
            span.deviation = degrees > 0 ? (squares / degrees).squareRoot() : 0
            return span
        }
    }

    private static func scores(_ packed: PackedValues, _ run: Range<Int>, _ scale: DesirabilityScale) -> [Double] {
        let width = packed.criteria
        let values = (0..<width).map { criterion in run.map { packed.values[$0 * width + criterion] } }
        return scale.scores(values)
    }

    /// Configurations from all of the rest, for what labels must say.
    private static func sample(_ rest: [Int]) -> [Int] {
        stride(from: 0, to: rest.count, by: max(1, rest.count / FieldBeyond.sampled)).map { rest[$0] }
    }
}

/// What an answer must know of the configurations that are not on its list: numbers, all worse than those of
/// the list.
struct FieldBeyond: Equatable, Sendable {
    /// Of all configurations.
    var scale: DesirabilityScale
    /// Of each one, best first: the seeds, and the score of each.
    var seeds: [[Int]]
    var scores: [[Double]]
    /// By criterion of the rule, in the same order.
    var criteria: [[SeedGroup]]
    /// That compete, those of the list too.
    var jobs: Int
    var fewestSeeds: Int
    var mostSeeds: Int
    /// Configurations from all over the rest.
    var sample: [Int]

    static let sampled = 100

    var groups: [SeedGroup] { scores.map { SeedGroup($0) } }
    var scoresBySeed: [[Int: Double]] {
        zip(seeds, scores).map { Dictionary(zip($0, $1)) { first, _ in first } }
    }
}
