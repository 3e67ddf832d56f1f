import BoostedTrees
import Foundation
import RunSpec
import SweepAnalysis
import SweepModel
import Testing

/// Sweeps whose truth is a formula.
private enum FormulaSweep {
    static func job(_ configuration: Int, _ seed: Int, _ group: String, _ parameters: [String: ParameterValue])
        -> JobSummary
    {
        JobSummary(
            id: "\(configuration)-\(seed)", sweep: "made", group: group, configuration: "c\(configuration)",
            state: "done",
            seed: seed, attempts: 1, worker: nil, failure: nil, message: nil, parameters: parameters, created: 0,
            updated: 0)
    }

    static func set(
        _ points: [(group: String, parameters: [String: ParameterValue])], seeds: Int = 3, epochs: [Int] = [10, 20],
        noise: Double = 0.01, value: ([String: ParameterValue], Int) -> Double
    ) -> SweepResultSet {
        var stream = CounterStream(5)
        var (jobs, results): ([JobSummary], [SweepResult]) = ([], [])
        for (index, point) in points.enumerated() {
            for seed in 1...seeds {
                let job = job(index, seed, point.group, point.parameters)
                jobs.append(job)
                for epoch in epochs {
                    results.append(
                        SweepResult(
                            job: job.id, checkpoint: "e\(epoch)", epoch: epoch, step: 10 * epoch, class: "",
                            prompts: "trigger",
                            metric: "image_similarity", value: value(point.parameters, epoch) + noise * stream.normal(),
                            n: 10))
                }
            }
        }
        return SweepResultSet(sweep: "made", jobs: jobs, results: results)
    }

    static func grid(_ axes: [(String, [ParameterValue])]) -> [(group: String, parameters: [String: ParameterValue])] {
        var points: [[String: ParameterValue]] = [[:]]
        for (name, values) in axes {
            points = points.flatMap { point in values.map { point.merging([name: $0]) { _, new in new } } }
        }
        return points.map { ("grid", $0) }
    }

    static let similarity = Criterion(metric: "image_similarity", prompts: "trigger")
}

@Suite("What mattered")
struct ImportanceTests {
    @Test("a grid's factors and their product are found, with what aliases them named")
    func grids() throws {
        let points = FormulaSweep.grid([
            ("algorithm", ["lora", "loha"]), ("lr", [1e-4, 1e-3, 1e-2]), ("dropout", [0, 0.1]),
        ]).map { point in
            // What always moves with a factor is none.
            (
                group: point.group,
                parameters: point.parameters.merging(["alpha_twin": point.parameters["dropout"] == 0 ? 1 : 2]) { a, _ in
                    a
                }
            )
        }
        func truth(_ parameters: [String: ParameterValue], _ epoch: Int) -> Double {
            let rate = log10(parameters["lr"]?.number ?? 1) + 3
            let isLoha = parameters["algorithm"]?.text == "loha"
            return 0.5 + 0.1 * rate + (isLoha ? 0.05 * rate : 0) + 0.001 * Double(epoch)
        }
        let set = FormulaSweep.set(points, value: truth)
        let importance = try #require(set.importance(of: [FormulaSweep.similarity], withTrees: false).first)
        let grid = try #require(importance.grids.first)
        #expect(importance.grids.count == 1 && importance.effects.isEmpty && grid.algorithm == nil && grid.step == 200)
        #expect(
            grid.factors.map(\.name) == ["algorithm", "lr", "alpha_twin"]
                || grid.factors.map(\.name) == ["algorithm", "lr", "dropout"])
        #expect(importance.note?.contains("so nothing tells them apart") == true)
        // Rates −1, 0, 1 with slopes 0.1 and 0.15: variance of the rate 0.125² · 2/3, of the product 0.025² ·
        // 2/3.
        let effects = Dictionary(uniqueKeysWithValues: grid.design.effects.map { (grid.name($0), $0) })
        let rate = try #require(effects["lr"])
        let product = try #require(effects["algorithm × lr"])
        #expect(abs(rate.deviation - 0.125 * (2.0 / 3).squareRoot()) < 0.005)
        #expect(abs(product.deviation - 0.025 * (2.0 / 3).squareRoot()) < 0.005)
        #expect((rate.low ?? 1) < 0.102 && (rate.high ?? 0) > 0.102 && rate.share > 0.9)
        #expect(importance.words.joined().contains("comes from lr"))
    }

    @Test("grids that only hold within an algorithm are found there, with levels in place of its own rates")
    func nested() throws {
        let lora = FormulaSweep.grid([("algorithm", ["lora"]), ("lr", [1e-4, 1e-3]), ("dim", [4, 8])])
        let full = FormulaSweep.grid([("algorithm", ["full"]), ("lr", [1e-6, 1e-5]), ("caption_dropout", [0, 0.1])])
        let set = FormulaSweep.set(lora + full) { parameters, _ in parameters["dim"] == 8 ? 0.7 : 0.5 }
        let importance = try #require(set.importance(of: [FormulaSweep.similarity], withTrees: false).first)
        #expect(importance.grids.map(\.algorithm) == ["full", "lora"])
        let grid = try #require(importance.grids.last)
        #expect(grid.factors.map(\.name) == ["lr", "dim"])
        #expect(
            grid.factors.map(\.levels) == [["1e-4", "0.001"], ["4", "8"]] || grid.factors.first?.levels.count == 2)
        let dim = try #require(grid.design.effects.first { grid.name($0) == "dim" })
        #expect(abs(dim.deviation - 0.1) < 0.01 && dim.share > 0.95)
    }

    @Test("single changes are compared with their baseline by the pooled t interval")
    func changes() throws {
        var points: [(group: String, parameters: [String: ParameterValue])] = []
        for algorithm in ["lora", "loha"] {
            let base: [String: ParameterValue] = [
                "algorithm": .text(algorithm), "dim": 8, "alpha": 4, "lr": 1e-3, "layers": "attn-mlp",
            ]
            points += [
                base, base.merging(["dim": 32, "alpha": 16]) { $1 }, base.merging(["dim": 32, "alpha": 1]) { $1 },
                base.merging(["lr": 1e-4]) { $1 }, base.merging(["lr": 1e-2]) { $1 },
                base.merging(["layers": "full", "conv_dim": 16, "train_norm": true]) { $1 },
            ].map { (algorithm, $0) }
        }
        let set = FormulaSweep.set(points) { parameters, _ in
            (parameters["dim"] == 32 ? 0.6 : 0.5) - (parameters["algorithm"]?.text == "loha" ? 0.2 : 0)
        }
        let importance = try #require(set.importance(of: [FormulaSweep.similarity], withTrees: false).first)
        #expect(importance.grids.isEmpty && importance.effects.count == 10)
        #expect(importance.note == "Conv_dim and train_norm move with layers, so nothing tells them apart.")
        let axes = Set(importance.effects.map(\.axis))
        #expect(axes == ["dim, alpha", "lr", "layers"])
        let capacity = try #require(importance.effects.first { $0.group == "lora" && $0.to == "32, 16" })
        #expect(capacity.change == "dim, alpha 8, 4 → 32, 16" && capacity.effect.sign == 1)
        // By hand: the last checkpoint's means, the variance pooled over all twelve configurations.
        let last = set.results.filter { $0.epoch == 20 }
        func values(_ configuration: Int) -> [Double] {
            last.filter { $0.job.hasPrefix("\(configuration)-") }.map(\.value)
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let squares = (0..<12).map { index in
            values(index).reduce(0) { $0 + ($1 - mean(values(index))) * ($1 - mean(values(index))) }
        }
        let variance = squares.reduce(0, +) / 24
        #expect(abs(capacity.effect.value - (mean(values(1)) - mean(values(0)))) < 1e-12)
        // The t quantile of 0.95 with 24 degrees of freedom.
        let half = 1.7108820799094275 * (variance * 2 / 3).squareRoot()
        #expect(abs((capacity.effect.halfWidth ?? 0) - half) < 1e-9)
    }

    @Test(
        "trees put the moving parameter first, add up, and say how far to believe them",
        .enabled(if: BoostedTrees.isAvailable))
    func trees() throws {
        let points = FormulaSweep.grid([
            ("algorithm", ["lora", "loha", "lokr"]), ("lr", [1e-4, 3e-4, 1e-3, 3e-3]), ("dropout", [0, 0.1]),
        ])
        let set = FormulaSweep.set(points) { parameters, epoch in
            0.1 * log10(parameters["lr"]?.number ?? 1) + (parameters["algorithm"]?.text == "loha" ? 0.06 : 0) + 0.002
                * Double(epoch)
        }
        let trees = try #require(set.importance(of: [FormulaSweep.similarity]).first?.trees)
        #expect(trees.features.map(\.name).prefix(3) == ["lr", "algorithm", "epoch"])
        #expect(trees.inSample > 0.95 && (trees.crossValidated ?? 0) > 0.8 && trees.worth == .much && trees.folds == 5)
        #expect((trees.features[0].direction ?? 0) > 0.9)
        #expect(trees.features[1].names == ["loha", "lokr", "lora"] && (trees.features[1].means.first ?? 0) > 0.02)
        #expect(trees.rows.count == 24 * 3 * 2)
        for row in trees.rows {
            // What is left is what the trees do not explain.
            let sum = trees.expected + row.contributions.reduce(0, +)
            #expect(abs(sum - row.value) < 0.05)
        }
    }

    @Test("noise explains nothing, and the words say so", .enabled(if: BoostedTrees.isAvailable))
    func noise() throws {
        let points = FormulaSweep.grid([("algorithm", ["lora", "loha", "lokr"]), ("lr", [1e-4, 3e-4, 1e-3, 3e-3])])
        let set = FormulaSweep.set(points, seeds: 2, noise: 1) { _, _ in 0 }
        let importance = try #require(set.importance(of: [FormulaSweep.similarity]).first)
        let trees = try #require(importance.trees)
        #expect(trees.worth == .nothing && (trees.crossValidated ?? 1) < 0.2)
        #expect(importance.words.contains { $0.contains("explains nothing") })
        #expect(!importance.words.contains { $0.contains("What moves it most") })
    }

    @Test("seeds of one configuration are never in two folds", .enabled(if: BoostedTrees.isAvailable))
    func folds() throws {
        // A value of its own for each configuration, the same for its seeds: known to whoever has seen one of
        // them.
        let points = (0..<12).map { index in
            (group: "list", parameters: ["lr": ParameterValue.number(Double(1 + index * 7 % 12)), "algorithm": "lora"])
        }
        let set = FormulaSweep.set(points, noise: 0) { parameters, _ in
            ((parameters["lr"]?.number ?? 0) * 37).truncatingRemainder(dividingBy: 11)
        }
        let trees = try #require(set.importance(of: [FormulaSweep.similarity]).first?.trees)
        #expect(trees.inSample > 0.9 && (trees.crossValidated ?? 1) < 0.3)
    }

    @Test("curves of external trainers have importance too, and nothing varied has none")
    func curves() throws {
        var sample = ReportSample()
        let external = sample.external()
        let loss = Criterion(metric: "val_loss", prompts: nil)
        let importance = try #require(external.importance(of: [loss]).first)
        #expect(!importance.effects.isEmpty || !importance.grids.isEmpty || importance.trees != nil)
        let same = FormulaSweep.set([("g", ["algorithm": "lora"])]) { _, _ in 1 }
        #expect(!same.importance(of: [FormulaSweep.similarity]).contains { !$0.isEmpty })
        #expect(same.importance(of: [loss]).isEmpty)
    }
}
