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
    @Test("a curve is ranked by one value a job, seeds that ended elsewhere count alike, infinite ones come last")
    func curves() {
        let values = [
            CurveValue(job: "a1", step: 100, value: 0.2), CurveValue(job: "a2", step: 90, value: 0.4),
            CurveValue(job: "b1", step: 100, value: .infinity), CurveValue(job: "b2", step: 100, value: 0.1),
            CurveValue(job: "c1", step: 7, value: 0.25), CurveValue(job: "elsewhere", step: 1, value: 0),
        ]
        let ranking = Sample.results.ranking(ofCurve: "val_loss", values)
        #expect(ranking.map(\.configuration) == ["c", "a", "b"] && ranking.map(\.rank) == [1, 2, 3])
        #expect(ranking.map(\.step) == [7, 100, 100] && ranking.map(\.jobs) == [["c1"], ["a1", "a2"], ["b1", "b2"]])
        #expect(abs(ranking[1].mean - 0.3) < 1e-12 && abs((ranking[1].deviation ?? 0) - 0.02.squareRoot()) < 1e-12)
        #expect(ranking[2].mean == .infinity && ranking[2].deviation == nil && ranking[0].checkpoint == nil)
        let upwards = Sample.results.ranking(ofCurve: "val_loss", values, lowerIsBetter: false)
        #expect(upwards.map(\.configuration) == ["b", "a", "c"])
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

    @Test("evaluations at one step")
    func atStep() {
        let ranking = Sample.results.ranking(by: "squared_centroid_distance", checkpoints: .step(100))
        #expect(ranking.map(\.configuration) == ["c", "a", "b"] && ranking.allSatisfy { $0.checkpoint == "step-100" })
    }

    @Test("means over seeds, the better direction first, each configuration by its best checkpoint")
    func best() {
        let ranking = Sample.results.ranking(by: "squared_centroid_distance")
        #expect(ranking.map(\.configuration) == ["c", "a", "b"])
        #expect(ranking.map(\.epoch) == [10, 20, 10])
        #expect(abs(ranking[1].mean - 0.12) < 1e-12)
        // Sample deviation of 0.10 and 0.14.
        #expect(abs((ranking[1].deviation ?? 0) - 0.02828427) < 1e-7)
        #expect(ranking[0].deviation == nil && ranking[1].jobs == ["a1", "a2"])
    }

    @Test("the last checkpoint and all of them can be asked for")
    func choices() {
        let last = Sample.results.ranking(by: "image_similarity", checkpoints: .last)
        #expect(last.map(\.configuration) == ["a", "c", "b"] && last.allSatisfy { $0.epoch == 20 })
        #expect(Sample.results.ranking(by: "image_similarity", checkpoints: .all).count == 6)
        #expect(Sample.results.ranking(by: "image_similarity", prompts: "style").isEmpty)
        #expect(Sample.results.ranking(by: "squared_centroid_distance", class: "cat").allSatisfy { $0.mean == 9 })
    }

    @Test("equal values share a rank, and order does not depend on the order of rows")
    func ties() {
        var results = Sample.results
        let forward = results.ranking(by: "vendi", checkpoints: .all)
        results.results.reverse()
        #expect(results.ranking(by: "vendi", checkpoints: .all) == forward)
        #expect(forward.allSatisfy { $0.rank == 1 })
    }

    @Test("NaN is no result")
    func notANumber() {
        var results = Sample.results
        for index in results.results.indices where results.results[index].job == "c1" {
            results.results[index].value = .nan
        }
        #expect(!results.ranking(by: "squared_centroid_distance").contains { $0.configuration == "c" })
    }

    @Test("labels say what differs, and no more")
    func labels() {
        let varied = VariedParameters(Sample.jobs)
        #expect(varied.names == ["algorithm", "lr"])
        #expect(varied.label(Sample.jobs[2].parameters) == "lora · lr 1e-5")
    }

    @Test("the verdict follows from distance and similarity")
    func verdict() throws {
        let verdict = try #require(Sample.results.verdict())
        #expect(verdict.best.configuration == "c" && verdict.isClearlyCloser)
        #expect(abs(verdict.distanceShare - 0.22) < 1e-12)
        #expect(abs(try #require(verdict.similarityShare) - 0.725) < 1e-12)
    }

    @Test("a base whose images are at the ceiling of similarity already asks for no less than itself")
    func verdictAtCeiling() throws {
        var verdict = try #require(Sample.results.verdict())
        (verdict.floorSimilarity, verdict.ceilingSimilarity) = (0.744, 0.736)
        (verdict.distance, verdict.floorDistance) = (0.116, 0.267)
        verdict.similarity = 0.817
        #expect(verdict.similarityShare == nil)
        #expect(verdict.isClearlyCloser)
        verdict.similarity = 0.742
        #expect(!verdict.isClearlyCloser)
    }

    @Test("the summary has floor, ceiling and the best of each column")
    func summary() {
        let summary = Sample.results.summary()
        #expect(summary.columns.map(\.metric.name).prefix(2) == ["squared_centroid_distance", "image_similarity"])
        #expect(summary.rows.count == 6 && summary.rows[0].configuration == "c")
        #expect(summary.floor[0] == 0.5 && abs((summary.ceiling[1] ?? 0) - 0.9) < 1e-12)
        #expect(summary.best(0) == 0 && summary.best(1).map { summary.rows[$0].configuration } == "c")
    }
}
