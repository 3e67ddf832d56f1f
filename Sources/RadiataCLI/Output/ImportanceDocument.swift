import SweepAnalysis

/// `importance --format json`.
struct ImportanceDocument: Encodable {
    struct Bounds: Encodable {
        let value: Double
        let low: Double?
        let high: Double?
        let seeds: Int

        init(_ estimate: Estimate) {
            (value, low, high, seeds) = (estimate.value, estimate.low, estimate.high, estimate.seeds)
        }
    }

    struct Measure: Encodable {
        let metric: String
        let prompts: String?
        let words: [String]
        let trees: Trees?
        let grids: [Grid]
        let changes: [Change]
    }

    struct Trees: Encodable {
        let r2InSample: Double
        let r2CrossValidated: Double?
        let folds: Int
        let configurations: Int
        let rows: Int
        let expected: Double
        let explains: String
        let features: [Feature]

        enum CodingKeys: String, CodingKey {
            case r2InSample = "r2_in_sample"
            case r2CrossValidated = "r2_cross_validated"
            case folds, configurations, rows, expected, explains, features
        }
    }

    struct Feature: Encodable {
        let name: String
        let size: Double
        let direction: Double?
        /// Mean Shapley value of each name.
        let names: [String: Double]?
        /// Of each checkpoint: job, step, the feature's value and its Shapley value.
        let points: [Point]
    }

    struct Point: Encodable {
        let job: String
        let step: Int
        let feature: Double?
        let shap: Double
    }

    struct Grid: Encodable {
        let algorithm: String?
        let factors: [String: [String]]
        let cells: Int
        let emptyCells: Int
        let noise: Double?
        let rest: Double
        let effects: [Effect]

        enum CodingKeys: String, CodingKey {
            case algorithm, factors, cells, noise, rest, effects
            case emptyCells = "empty_cells"
        }
    }

    struct Effect: Encodable {
        let factors: [String]
        let share: Double
        let deviation: Double
        let low: Double?
        let high: Double?
        let levels: [Double]
    }

    struct Change: Encodable {
        let group: String
        let baseline: String
        let axis: String
        let from: String
        let to: String
        let configuration: String
        let step: Int?
        let effect: Bounds
    }

    struct Finding: Encodable {
        struct Part: Encodable {
            let metric: String?
            let verdict: String
            let effect: Bounds?
            let text: String
        }

        let statement: Int
        let claim: String
        let verdict: String
        let parts: [Part]
        let notes: [String]
    }

    let sweep: String
    let measures: [Measure]
    let findings: [Finding]

    init(sweep: String, _ found: [Importance], _ statements: [PaperStatement]) {
        self.sweep = sweep
        measures = found.map { importance in
            Measure(
                metric: importance.criterion.metric, prompts: importance.criterion.prompts, words: importance.words,
                trees: importance.trees.map(Self.trees), grids: importance.grids.map(Self.grid),
                changes: importance.effects.map { effect in
                    Change(
                        group: effect.group, baseline: effect.baseline, axis: effect.axis, from: effect.from,
                        to: effect.to,
                        configuration: effect.configuration, step: effect.step, effect: Bounds(effect.effect))
                })
        }
        findings = statements.map { statement in
            Finding(
                statement: statement.number, claim: statement.claim, verdict: statement.verdict.rawValue,
                parts: statement.parts.map { part in
                    Finding.Part(
                        metric: part.measure?.name, verdict: part.verdict.rawValue,
                        effect: part.effect.map { Bounds($0) },
                        text: part.text)
                }, notes: statement.notes)
        }
    }

    private static func trees(_ trees: TreeImportance) -> Trees {
        Trees(
            r2InSample: trees.inSample, r2CrossValidated: trees.crossValidated, folds: trees.folds,
            configurations: trees.configurations, rows: trees.rows.count, expected: trees.expected,
            explains: trees.worth.rawValue,
            features: trees.features.enumerated().map { place, feature in
                Feature(
                    name: feature.name, size: feature.size, direction: feature.direction,
                    names: feature.names.map { names in
                        Dictionary(zip(names, feature.means)) { first, _ in first }
                    },
                    points: trees.rows.map { row in
                        let value = row.features[place]
                        return Point(
                            job: row.job, step: row.step, feature: value.isFinite ? value : nil,
                            shap: row.contributions[place])
                    })
            })
    }

    private static func grid(_ grid: GridImportance) -> Grid {
        Grid(
            algorithm: grid.algorithm,
            factors: Dictionary(grid.factors.map { ($0.name, $0.levels) }) { first, _ in first },
            cells: grid.design.cells,
            emptyCells: grid.design.emptyCells, noise: grid.design.noise, rest: grid.design.rest,
            effects: grid.design.effects.map { effect in
                Effect(
                    factors: effect.factors.map { grid.factors[$0].name }, share: effect.share,
                    deviation: effect.deviation, low: effect.low, high: effect.high, levels: effect.levels)
            })
    }
}
