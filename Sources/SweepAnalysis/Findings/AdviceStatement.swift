import RunSpec
import SweepModel

/// The paper's advice (statement 10), from the algorithms' baselines.
struct AdviceStatement {
    let maker: StatementMaker

    private struct Algorithm {
        var name: String
        var configuration: String
        /// The most that the rank of its change can be; infinite for a full matrix.
        var rank: Double
    }

    init(_ maker: StatementMaker) { self.maker = maker }

    private static let names = ["lora", "loha", "lokr"]

    /// Those of the three that have a baseline, the lowest rank first.
    private var algorithms: [Algorithm] {
        maker.design.stars.compactMap { star -> Algorithm? in
            let parameters = maker.design.parameters[star.baseline] ?? [:]
            guard let name = parameters["algorithm"]?.text, Self.names.contains(name) else { return nil }
            let dim = parameters["dim"]?.number ?? .infinity
            // A product of two pairs has the product of their ranks; LoKr's full matrix has all.
            let rank = name == "loha" ? dim * dim : name == "lokr" ? .infinity : dim
            return Algorithm(name: name, configuration: star.baseline, rank: rank)
        }.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }
    }

    func parts() -> [PaperStatement.Part] {
        let measures = maker.table.measures
        let text = measures.first { $0.role == .text }
        let fidelity =
            measures.first { $0.role == .fidelity && $0.criterion.prompts == "trigger" }
            ?? measures.first { $0.role == .fidelity }
        return [
            text.flatMap {
                best("loha", $0, takesBest: false, "keeps the rest of the prompt best, as simple concepts need")
            },
            fidelity.flatMap {
                best("lokr", $0, takesBest: true, "comes nearest to its concept, as complex ones need")
            }, text.flatMap(rankSaysLittle),
        ].compactMap { $0 }
    }

    /// One algorithm against the best of the others.
    ///
    /// - Parameter takesBest: each at its own best checkpoint; else the mean over those that all have.
    private func best(
        _ name: String, _ measure: StatementTable.RoleMeasure, takesBest: Bool, _ what: String
    ) -> PaperStatement.Part? {
        let all = algorithms
        guard all.contains(where: { $0.name == name }), all.count > 1 else { return nil }
        let levels = levels(all, measure, takesBest: takesBest)
        guard let own = levels.first(where: { $0.algorithm.name == name }),
            let rival = levels.filter({ $0.algorithm.name != name }).max(by: {
                measure.criterion.upwards($0.group.mean) < measure.criterion.upwards($1.group.mean)
            })
        else { return nil }
        let effect = difference(own, rival)
        let sign = measure.criterion.lowerIsBetter ? -effect.sign : effect.sign
        let verdict = StatementMaker.verdict(sign, expected: 1)
        let when = takesBest ? " at its best checkpoint" : ""
        return PaperStatement.Part(
            measure: measure.criterion, verdict: verdict, effect: effect,
            text: "\(name) \(what): \(measure.criterion.title)\(when) is \(maker.signed(effect)) against "
                + "\(rival.algorithm.name), the best of the others: \(verdict.rawValue).")
    }

    private struct Level {
        var algorithm: Algorithm
        var steps: [Int]
        var group: SeedGroup
        var variance: ModeratedVariance?
    }

    private func levels(
        _ all: [Algorithm], _ measure: StatementTable.RoleMeasure, takesBest: Bool
    ) -> [Level] {
        let table = maker.table
        func level(_ algorithm: Algorithm, _ steps: [Int]) -> Level? {
            let field = table.field(measure.criterion, steps: steps)
            return field.groups[algorithm.configuration].map {
                Level(algorithm: algorithm, steps: steps, group: $0, variance: field.variance)
            }
        }
        if takesBest {
            return all.compactMap { algorithm in
                table.steps(algorithm.configuration, measure.criterion).compactMap { level(algorithm, [$0]) }
                    .max { measure.criterion.upwards($0.group.mean) < measure.criterion.upwards($1.group.mean) }
            }
        }
        let own = all.map { Set(table.steps($0.configuration, measure.criterion)) }.filter { !$0.isEmpty }
        let common = own.dropFirst().reduce(own.first ?? []) { $0.intersection($1) }.sorted()
        return all.compactMap { level($0, common) }
    }

    private func difference(_ a: Level, _ b: Level) -> Estimate {
        let contrast =
            a.steps == b.steps
            ? Contrast([(a.group, 1), (b.group, -1)], a.variance)
            : Contrast(sumOf: [Contrast([(a.group, 1)], a.variance), Contrast([(b.group, -1)], b.variance)])
        return contrast.estimate(quantiles: maker.quantiles)
    }

    /// Whether a measure both rises and falls along the ranks of the changes.
    private func rankSaysLittle(_ measure: StatementTable.RoleMeasure) -> PaperStatement.Part? {
        let levels = levels(algorithms, measure, takesBest: false)
        guard levels.count > 2, Set(levels.map(\.algorithm.rank)).count == levels.count else { return nil }
        let steps = zip(levels.dropFirst(), levels).map { difference($0, $1).sign }
        let verdict: PaperStatement.Verdict =
            steps.contains(1) && steps.contains(-1) ? .holds : steps.contains(0) ? .open : .fails
        let told = levels.map { level in
            let rank = level.algorithm.rank.isFinite ? "rank \(NumberWords.plain(level.algorithm.rank))" : "full rank"
            return "\(NumberWords.text(level.group.mean)) for \(level.algorithm.name) (\(rank))"
        }
        return PaperStatement.Part(
            measure: nil, verdict: verdict, effect: nil,
            text:
                "Along the ranks of the changes \(measure.criterion.title) is \(NumberWords.list(told)); in the paper "
                + "usefulness does not follow them: \(verdict.rawValue).")
    }
}
