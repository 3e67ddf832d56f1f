import Foundation
import ImageFiles
import RunSpec
import SweepAnalysis
import SweepModel
import Testing

/// A small sweep: two configurations with two seeds each and one with one, two checkpoints.
private enum Sample {
    static let jobs: [JobSummary] = [
        job("a1", "a", 1, ["algorithm": "lora", "lr": 5e-4, "dim": 8, "alpha": 4, "layers": "attn-mlp"]),
        job("a2", "a", 2, ["algorithm": "lora", "lr": 5e-4, "dim": 8, "alpha": 4, "layers": "attn-mlp"]),
        job("b1", "b", 1, ["algorithm": "lora", "lr": 1e-5, "dim": 8, "alpha": 4, "layers": "attn-mlp"]),
        job("b2", "b", 2, ["algorithm": "lora", "lr": 1e-5, "dim": 8, "alpha": 4, "layers": "attn-mlp"]),
        job("c1", "c", 1, ["algorithm": "lokr", "lr": 5e-4, "factor": 4, "layers": "attn-mlp"]),
    ]

    static func job(_ id: String, _ configuration: String, _ seed: Int, _ parameters: [String: ParameterValue])
        -> JobSummary
    {
        JobSummary(
            id: id, sweep: "sample", group: parameters["algorithm"]?.text ?? "", configuration: configuration,
            state: "done", seed: seed, attempts: 1, worker: nil, failure: nil, message: nil, parameters: parameters,
            created: 0, updated: 0)
    }

    /// (job, epoch, distance, similarity)
    static let values: [(String, Int, Double, Double)] = [
        ("a1", 10, 0.30, 0.60), ("a1", 20, 0.10, 0.80), ("a2", 10, 0.40, 0.58), ("a2", 20, 0.14, 0.76),
        ("b1", 10, 0.50, 0.51), ("b1", 20, 0.49, 0.52), ("b2", 10, 0.50, 0.50), ("b2", 20, 0.51, 0.50),
        ("c1", 10, 0.11, 0.79), ("c1", 20, 0.20, 0.70),
    ]

    static var results: SweepResultSet {
        var rows: [SweepResult] = []
        for (job, epoch, distance, similarity) in values {
            func add(_ metric: String, _ value: Double, _ prompts: String = "trigger", class name: String = "") {
                rows.append(
                    SweepResult(
                        job: job, checkpoint: "step-\(epoch * 10)", epoch: epoch, step: epoch * 10, class: name,
                        prompts: prompts, metric: metric, value: value, n: 12))
            }
            add("squared_centroid_distance", distance)
            add("squared_centroid_distance", 9, class: "cat")
            add("image_similarity", similarity)
            add("image_similarity", 0, "train")
            add("base_squared_centroid_distance", 0.5)
            add("base_image_similarity", 0.5)
            add("ceiling_image_similarity", 0.9)
            add("ceiling_squared_centroid_distance", 0.01)
            add("text_similarity", 0.3 - distance / 10, "alter")
            add("style_distance", similarity / 1000, "style")
            add("vendi", 5, "trigger")
        }
        return SweepResultSet(sweep: "sample <one>", jobs: jobs, results: rows)
    }
}

@Suite("Ranking")
struct RankingTests {
    private static func byDistance(
        _ results: SweepResultSet = Sample.results, _ place: SweepResultSet.CheckpointChoice? = nil
    ) -> [SweepAnswer.Row] {
        let criterion = Criterion(metric: "squared_centroid_distance", prompts: "trigger")
        return results.answer(rule: DecisionRule(criteria: [criterion]), checkpoints: place).rows
    }

    @Test("a curve is ranked by one value a job, seeds that ended elsewhere count alike, infinite ones come last")
    func curves() {
        var results = Sample.results
        results.curves["val_loss"] = [
            CurveValue(job: "a1", step: 100, value: 0.2), CurveValue(job: "a2", step: 90, value: 0.4),
            CurveValue(job: "b1", step: 100, value: .infinity), CurveValue(job: "b2", step: 100, value: 0.1),
            CurveValue(job: "c1", step: 7, value: 0.25), CurveValue(job: "elsewhere", step: 1, value: 0),
        ]
        let rule = DecisionRule(criteria: [Criterion(metric: "val_loss", prompts: nil)])
        let rows = results.answer(rule: rule).rows
        #expect(rows.map(\.configuration) == ["c", "a", "b"] && rows.map(\.rank) == [1, 2, 3])
        #expect(rows.map(\.step) == [7, 100, 100] && rows.map(\.jobs) == [["c1"], ["a1", "a2"], ["b1", "b2"]])
        #expect(abs(rows[1].criteria[0].value - 0.3) < 1e-12)
        #expect(abs((rows[1].criteria[0].deviation ?? 0) - 0.02.squareRoot()) < 1e-12)
        #expect(rows[2].criteria[0].value == .infinity && rows[0].checkpoint == nil)
    }

    @Test(
        "which direction is better is told by the name",
        arguments: [
            ("val_loss", true), ("train/Loss", true), ("eval.rmse", true), ("fid", true), ("validation_error", true),
            ("accuracy", false), ("confidence", false), ("image_similarity", false), ("style_distance", true),
            ("lpips_alex", true), ("score", false), ("mae", true), ("maestro", false),
        ])
    func direction(name: String, lower: Bool) {
        #expect(MetricInfo.of(name).lowerIsBetter == lower)
        #expect(MetricInfo.of(name, lowerIsBetter: !lower).lowerIsBetter == !lower)
    }

    @Test("what a sweep file declares of a metric stands above its name, and weights make the rule")
    func declared() {
        var results = Sample.results
        results.curves["fps"] = [
            CurveValue(job: "a1", step: 1, value: 3), CurveValue(job: "b1", step: 1, value: 1),
            CurveValue(job: "c1", step: 1, value: 2),
        ]
        // Nobody knows which way is better, so it is no rule.
        let alone = SweepResultSet(sweep: "s", jobs: Sample.jobs, results: [], curves: results.curves)
        #expect(alone.answer().rows.isEmpty)
        var said = alone
        said.declared = [MetricDeclaration(name: "fps", better: .lower, unit: "1/s", title: "speed")]
        #expect(said.answer().rows.map(\.configuration) == ["b", "c", "a"])
        #expect(said.answer().rule.criteria.map(\.title) == ["speed"])
        #expect(said.answer().rule.criteria.map(\.info.unit) == ["1/s"])
        results.declared = [
            MetricDeclaration(name: "fps", better: .higher, weight: 1),
            MetricDeclaration(name: "image_similarity", prompts: "train", weight: 3), MetricDeclaration(name: "vendi"),
        ]
        let rule = results.answer().rule
        #expect(rule.origin == .given && rule.criteria.map(\.name) == ["fps", "image_similarity@train"])
        #expect(rule.criteria.map(\.weight) == [1, 3])
    }

    @Test("evaluations at one step")
    func atStep() {
        let rows = Self.byDistance(Sample.results, .step(100))
        #expect(rows.map(\.configuration) == ["c", "a", "b"] && rows.allSatisfy { $0.checkpoint == "step-100" })
    }

    @Test("means over seeds, the better direction first, each configuration by its best checkpoint")
    func best() {
        let rows = Self.byDistance()
        #expect(rows.map(\.configuration) == ["c", "a", "b"] && rows.map(\.epoch) == [10, 20, 10])
        #expect(abs(rows[1].criteria[0].value - 0.12) < 1e-12)
        // Sample deviation of 0.10 and 0.14.
        #expect(abs((rows[1].criteria[0].deviation ?? 0) - 0.02828427) < 1e-7)
        #expect(rows[0].criteria[0].deviation == nil && rows[1].jobs == ["a1", "a2"])
    }

    @Test("the order of rows decides nothing")
    func order() {
        var results = Sample.results
        let forward = results.answer()
        results.results.reverse()
        results.jobs.reverse()
        #expect(results.answer() == forward)
    }

    @Test("NaN is no result")
    func notANumber() {
        var results = Sample.results
        for index in results.results.indices where results.results[index].job == "c1" {
            results.results[index].value = .nan
        }
        #expect(!Self.byDistance(results).contains { $0.configuration == "c" })
    }

    @Test("labels say what differs, and no more")
    func labels() {
        let varied = VariedParameters(Sample.jobs)
        #expect(varied.names == ["algorithm", "lr"])
        #expect(varied.label(Sample.jobs[2].parameters) == "lora · lr 1e-5")
    }
}
