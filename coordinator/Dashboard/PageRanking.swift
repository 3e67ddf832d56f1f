import CoordinatorOperations
import Foundation
import RunSpec
import SweepAnalysis
import SweepModel
import SweepWire

/// A sweep's configurations, best first, as the page shows them.
struct PageRanking: Encodable, Sendable {
    struct Bounds: Encodable, Sendable {
        var value: Double
        var low: Double?
        var high: Double?

        init(_ estimate: Estimate) { (value, low, high) = (estimate.value, estimate.low, estimate.high) }
    }

    struct Criterion: Encodable, Sendable {
        var name: String
        var title: String
        var lowerIsBetter: Bool
        var weight: Double
    }

    struct Row: Encodable, Sendable {
        var rank: Int
        var configuration: String
        var label: String
        var checkpoint: String?
        var epoch: Int
        var step: Int
        var jobs: [String]
        var value: Bounds
        var best: Double?
        var tied: [Int]
        var dominatedBy: [Int]
        var criteria: [Bounds]
        var findings: [String]
    }

    /// `score` where the rule decides.
    var metric: String
    var lowerIsBetter: Bool
    var isEstablished: Bool
    /// Whether the best one stands apart from all others.
    var isSeparated: Bool
    var words: [String]
    var warnings: [String]
    var advice: String?
    var criteria: [Criterion]
    /// Of all configurations.
    var count: Int
    /// When it was found, in milliseconds since 1970.
    var at: Int64 = 0
    var rows: [Row]

    /// More are not shown: each has a place in a drawing.
    static let most = 1000

    init(_ answer: SweepAnswer, metric: String?) {
        self.metric = metric ?? "score"
        lowerIsBetter = metric != nil && answer.rule.criteria.first?.lowerIsBetter == true
        (isEstablished, isSeparated) = (answer.isEstablished, answer.isSeparated)
        (words, warnings, advice) = (answer.words, answer.warnings, answer.advice?.text)
        criteria = answer.rule.criteria.map {
            Criterion(name: $0.name, title: $0.title, lowerIsBetter: $0.lowerIsBetter, weight: $0.weight)
        }
        count = answer.count
        rows = answer.rows.prefix(Self.most).map { row in
            Row(
                rank: row.rank, configuration: row.configuration, label: row.label, checkpoint: row.checkpoint,
                epoch: row.epoch, step: row.step, jobs: row.jobs,
                value: Bounds(metric == nil ? row.score : row.criteria.first ?? row.score),
                best: row.bestProbability, tied: row.tiedWith, dominatedBy: row.dominatedBy,
                criteria: row.criteria.map { Bounds($0) }, findings: row.findings.map(\.text))
        }
    }

    /// By the rule, or by one metric of the evaluations, or by the last values of a curve.
    ///
    /// - Throws: `WireError` `notFound` where there is nothing to rank by.
    static func find(_ sweep: String, metric: String, _ source: LedgerSource) async throws -> PageRanking {
        var ranking = try await find(SweepResults(source: source, sweep: sweep), metric)
        ranking.warnings += source.warnings
        return ranking
    }

    private static func find(_ results: SweepResults, _ metric: String) async throws -> PageRanking {
        let sweep = results.sweep
        guard !metric.isEmpty else {
            let (set, rule) = try await results.fetchForAnswer(rows: most)
            return PageRanking(set.answer(rule: rule), metric: nil)
        }
        let overview = try await results.overview()
        let (measures, declared) = (overview.measures, overview.declared)
        let measure = measures.first { SweepTables.Measured.name($0) == metric }
        if measure == nil, overview.curves.contains(metric) {
            let criterion = SweepAnalysis.Criterion(metric: metric, prompts: nil, declared: declared)
            let (set, rule) = try await results.fetchForAnswer(
                rule: DecisionRule(criteria: [criterion]), rows: most, metrics: [], overview: overview)
            return PageRanking(set.answer(rule: rule, checkpoints: .last), metric: metric)
        }
        guard let found = measure ?? measures.first(where: { $0.metric == metric }) else {
            throw WireError(.notFound, "\(sweep) has no values of '\(metric.prefix(80))' yet")
        }
        let criterion = SweepAnalysis.Criterion(metric: found.metric, prompts: found.prompts, declared: declared)
        let (set, rule) = try await results.fetchForAnswer(
            rule: DecisionRule(criteria: [criterion]), rows: most, metrics: [criterion.metric], overview: overview)
        let answer = set.answer(rule: rule, checkpoints: .best)
        guard !answer.rows.isEmpty else {
            throw WireError(.notFound, "\(sweep) has no values of '\(metric.prefix(80))' yet")
        }
        return PageRanking(answer, metric: metric)
    }
}

/// A ranking as it is answered.
struct RankingAnswer: Sendable {
    let verdict: String
    /// How long it took to find.
    let took: Duration
    private let text: Data

    init(_ ranking: PageRanking, took: Duration) async throws {
        verdict = ranking.words.first ?? ""
        self.took = took
        text = try await BlockingWork.text { try WireJSON.encode(ranking) }
    }

    /// - Parameter isOld: whether a newer one is being found.
    func body(isOld: Bool) -> Data { Data("{\"isOld\":\(isOld),".utf8) + text.dropFirst() }
}

/// What mattered in a sweep, as the page shows it.
struct PageImportance: Encodable, Sendable {
    struct Feature: Encodable, Sendable {
        var name: String
        var size: Double
        var direction: Double?
    }

    struct Effect: Encodable, Sendable {
        var factors: [String]
        var share: Double
        var low: Double?
        var high: Double?
    }

    var metric: String
    var words: [String]
    /// How much of configurations that they have not seen the trees explain; nil where there are none.
    var explained: Double?
    var features: [Feature]
    var effects: [Effect]

    /// - Throws: `WireError` `notFound` where there are too few values.
    static func find(_ sweep: String, metric: String, _ source: LedgerSource) async throws -> PageImportance {
        let results = SweepResults(source: source, sweep: sweep)
        var set = try await results.fetch(isBrief: true)
        let curves = SweepCurves(source: source, sweep: sweep)
        let keys = try await curves.keys()
        let measures = Set(
            set.results.lazy.filter(\.class.isEmpty).map {
                DecisionRule.Measure(metric: $0.metric, prompts: $0.prompts)
            })
        let rule = DecisionRule.standard(measures: measures, curves: keys, declared: set.declared)
        let measure = measures.first { SweepTables.Measured.name($0) == metric }
        let criterion =
            metric.isEmpty
            ? rule.criteria.first
            : Criterion(metric: measure?.metric ?? metric, prompts: measure?.prompts, declared: set.declared)
        guard let criterion else { throw WireError(.notFound, "\(sweep) has nothing measured yet") }
        if criterion.prompts == nil {
            set.curves[criterion.metric] = try await curves.values(
                of: criterion.metric, at: .last, lowerIsBetter: criterion.lowerIsBetter)
        }
        guard let found = set.importance(of: [criterion]).first, !found.isEmpty else {
            throw WireError(
                .notFound,
                "\(criterion.name): too few values, or configurations that do not differ; nothing can be said yet")
        }
        return PageImportance(
            metric: criterion.name, words: found.words + source.warnings, explained: found.trees?.crossValidated,
            features: (found.trees?.features ?? []).map {
                Feature(name: $0.name, size: $0.size, direction: $0.direction)
            },
            effects: found.grids.flatMap { grid in
                grid.design.effects.map { effect in
                    Effect(
                        factors: effect.factors.map { grid.factors[$0].name }, share: effect.share, low: effect.low,
                        high: effect.high)
                }
            })
    }
}
