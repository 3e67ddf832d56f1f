import Foundation
import RunSpec
import SweepAnalysis
import SweepModel
import Testing

@Suite("Answer")
struct AnswerTests {
    @Test("the standard rule reads what there is, held-out fidelity first")
    func standardRule() {
        var sweep = MadeSweep()
        sweep.addDemo("a", seed: 1, fidelity: 0.7, loss: 0.12)
        sweep.add("a", seed: 1, ["paired_fidelity@train": 0.9, "base_text_similarity@alter": 0.3, "vendi@trigger": 4])
        let rule = sweep.set.standardRule()
        #expect(
            rule.criteria.map(\.name) == [
                "paired_fidelity@holdout", "validation_loss", "text_similarity@alter", "style_distance@style",
                "copying@trigger",
            ])
        #expect(rule.criteria.map(\.lowerIsBetter) == [false, true, false, true, true] && rule.origin == .evaluations)
        sweep.set.results.removeAll { $0.prompts == "holdout" }
        #expect(sweep.set.standardRule().criteria[0].name == "paired_fidelity@train")
        sweep.set.results = sweep.set.results.map { row in
            var row = row
            row.metric += row.metric.hasPrefix("base_") ? "" : "@dinov2-small"
            return row
        }
        #expect(sweep.set.standardRule().criteria[0].name == "paired_fidelity@dinov2-small@train")
        let read = Criterion("paired_fidelity@dinov2-small@train", curves: [String]())
        #expect(read.metric == "paired_fidelity@dinov2-small" && read.prompts == "train" && !read.lowerIsBetter)
        #expect(Criterion("val_loss", curves: ["val_loss"]).prompts == nil)
    }

    @Test("without evaluations the curves whose direction is known decide, validation before training")
    func curves() {
        var sweep = MadeSweep()
        for (place, name) in ["a", "b"].enumerated() {
            for seed in 1...2 {
                let value = 0.2 + 0.1 * Double(place) + 0.01 * Double(seed)
                sweep.add(name, seed: seed, step: 10, ["loss": 9, "val_loss": 5, "lr": 1])
                sweep.add(name, seed: seed, step: 20, ["loss": 1 - value, "val_loss": value, "lr": 1])
            }
        }
        let answer = sweep.set.answer()
        #expect(answer.rule.criteria.map(\.name) == ["val_loss"] && answer.rule.origin == .curves)
        #expect(answer.rows.map(\.configuration) == ["a", "b"] && answer.rows.allSatisfy { $0.step == 20 })
        #expect(abs(answer.rows[0].criteria[0].value - 0.215) < 1e-12 && answer.rows[0].checkpoint == nil)
        #expect(answer.isSeparated && answer.words.contains { $0.contains("one number says little") })
        sweep.set.curves["val_loss"] = nil
        let training = sweep.set.answer()
        #expect(training.rows.map(\.configuration) == ["b", "a"])
        #expect(training.words.contains { $0.contains("None of it is a validation") })
    }

    @Test("a tag that is kept at its steps and at its epochs is one criterion")
    func epochTwins() throws {
        func names(_ curves: [String], _ declared: [MetricDeclaration] = []) -> [String] {
            DecisionRule.standard(measures: [DecisionRule.Measure](), curves: curves, declared: declared).criteria.map(
                \.name)
        }
        // What kohya's trainings with a validation have.
        let kohya = ["loss/epoch_average", "loss/validation/epoch_average"]
        let keys = ["loss/average", "lr/unet"] + kohya + kohya.map { $0 + "/epoch" }
        #expect(names(keys) == ["loss/validation/epoch_average"])
        #expect(names(keys.filter { !$0.contains("validation") }) == ["loss/average", "loss/epoch_average"])
        // musubi-tuner's own tag ends so, and stays beside a curve of the first part of its name.
        #expect(names(["loss", "loss/epoch", "loss/epoch/epoch"]) == ["loss", "loss/epoch"])
        // Alone it is all there is; and who names it wants it.
        #expect(names(["val_loss/epoch"]) == ["val_loss/epoch"])
        let wanted = MetricDeclaration(name: "loss/epoch_average/epoch")
        #expect(names(["loss/epoch_average", "loss/epoch_average/epoch"], [wanted]) == ["loss/epoch_average/epoch"])

        // Two measures that disagree count alike, however often one of them is kept.
        var sweep = MadeSweep()
        for seed in 1...2 {
            let shift = 0.001 * Double(seed)
            for (name, loss, error) in [("a", 0.1, 0.5), ("b", 0.2, 0.2)] {
                sweep.add(name, seed: seed, ["val_loss": loss + shift, "val_error": error + shift])
            }
        }
        let once = sweep.set.answer().rows.map(\.score.value)
        sweep.set.curves["val_loss/epoch"] = sweep.set.curves["val_loss"]
        #expect(sweep.set.answer().rows.map(\.score.value) == once)
    }

    @Test("one seed: no interval, no probability, no named best")
    func oneSeed() {
        var sweep = MadeSweep()
        sweep.addDemo("good", seed: 1, fidelity: 0.8, loss: 0.12)
        sweep.addDemo("poor", seed: 1, fidelity: 0.5, loss: 0.3)
        let answer = sweep.set.answer()
        #expect(!answer.isEstablished && answer.rows.map(\.configuration) == ["good", "poor"])
        #expect(answer.rows.allSatisfy { $0.score.low == nil && $0.bestProbability == nil && $0.tiedWith.isEmpty })
        #expect(answer.words[0].hasPrefix("Ranking not established: one seed"))
        #expect(!answer.words.contains { $0.contains("good") })
        #expect(answer.advice?.seeds == [2, 3] && answer.advice?.ranks == [1, 2])
    }

    @Test("separate, tied with the next ones, tied with others: each has its words")
    func separation() throws {
        var sweep = MadeSweep()
        for (name, value) in [("a", 0.9), ("b", 0.5)] {
            for seed in 1...3 {
                sweep.add(name, seed: seed, ["image_similarity@trigger": value + 0.001 * Double(seed)])
            }
        }
        var row = try #require(sweep.set.answer().best)
        #expect(row.tiedWith.isEmpty && row.separation == "separate from all others")
        row.tiedWith = [2, 3]
        #expect(row.separation == "not separable from the next 2")
        row.tiedWith = [2, 4]
        #expect(row.separation == "not separable from #2 and #4")
    }

    @Test("three seeds that overlap are a tie with advice; one far away is not")
    func ties() throws {
        var sweep = MadeSweep()
        for seed in 1...3 {
            let shift = 0.02 * Double(seed - 2)
            // Seeds move each configuration its own way, so that nothing is paired.
            sweep.addDemo("a", seed: seed, fidelity: 0.80 + shift, loss: 0.12 - shift / 4)
            sweep.addDemo("b", seed: seed, fidelity: 0.79 - shift, loss: 0.122 + shift / 4)
            sweep.addDemo("c", seed: seed, fidelity: 0.40 + (seed == 2 ? 0.02 : -0.01), loss: 0.3)
        }
        let answer = sweep.set.answer()
        #expect(answer.isEstablished && !answer.isSeparated && !answer.isPaired)
        #expect(answer.rows.map(\.configuration) == ["a", "b", "c"])
        #expect(answer.rows[0].tiedWith == [2] && answer.rows[1].tiedWith == [1] && answer.rows[2].tiedWith.isEmpty)
        let chances = try answer.rows.map { try #require($0.bestProbability) }
        #expect(abs(chances.reduce(0, +) - 1) < 1e-9 && chances[0] > 0.5 && chances[0] < 0.9 && chances[2] < 0.01)
        #expect(answer.words[0].contains("tied with #2") && answer.words[0].contains("name a (epoch 10) is best with"))
        let advice = try #require(answer.advice)
        #expect(advice.ranks == [1, 2] && advice.seeds.first == 4)
        #expect(advice.fragment.hasPrefix("seeds: [4, 5") && advice.fragment.contains("algorithm: \"lora\""))
        // Drawn towards each other: the best of several looks better than it is.
        #expect(try #require(answer.rows[0].shrunkenScore) < answer.rows[0].score.value)
        #expect(answer.rows[2].dominatedBy == [1, 2] && answer.rows[0].isOnParetoFront)
    }

    @Test("a validation loss of 0.31 never ranks above one of 0.12, however faithful its images seem")
    func losses() throws {
        var stream = CounterStream(5)
        for _ in 0..<200 {
            var sweep = MadeSweep()
            let losses = ["a": 0.12, "b": 0.31, "c": 0.12 + 0.19 * stream.unit(), "d": 0.12 + 0.19 * stream.unit()]
            for (name, loss) in losses.sorted(by: { $0.key < $1.key }) {
                let fidelity = 0.4 + 0.5 * stream.unit()
                for seed in 1...2 {
                    let shift = 0.0005 * Double(seed)
                    sweep.addDemo(name, seed: seed, fidelity: fidelity + shift, loss: loss + shift)
                }
            }
            let rows = sweep.set.answer().rows
            let good = try #require(rows.first { $0.configuration == "a" })
            let bad = try #require(rows.first { $0.configuration == "b" })
            #expect(good.rank < bad.rank, "\(rows.map { ($0.configuration, $0.score.value) })")
        }
    }

    @Test("the named best is never dominated, whatever the numbers")
    func dominance() {
        var stream = CounterStream(17)
        for _ in 0..<200 {
            var sweep = MadeSweep()
            for place in 0..<6 {
                for seed in 1...(1 + stream.index(below: 3)) {
                    // Few distinct values, so that ties and dominance are common.
                    func value() -> Double { Double(stream.index(below: 4)) / 4 + 0.02 * stream.normal() }
                    sweep.addDemo(
                        "c\(place)", seed: seed, fidelity: value(), loss: value(), text: value(), style: value(),
                        copying: value())
                }
            }
            let answer = sweep.set.answer()
            #expect(answer.best?.isOnParetoFront == true)
            for row in answer.rows {
                for other in answer.rows where other.rank > row.rank {
                    let worse = zip(answer.rule.criteria, zip(row.criteria, other.criteria)).allSatisfy {
                        $0.info.lowerIsBetter ? $1.1.value <= $1.0.value : $1.1.value >= $1.0.value
                    }
                    #expect(!worse || row.score.value - other.score.value < 1e-12)
                }
            }
        }
    }

    @Test("a validation loss of 0.31 never ranks above one of 0.12 in a sweep like the demo's")
    func lossGate() {
        var stream = CounterStream(31)
        for _ in 0..<300 {
            var sweep = MadeSweep()
            // Fidelity follows the loss as it does in the demo (correlation about -0.8); what is kept of the
            // base follows the strength of training the other way, and all of it has its noise.
            for place in 0..<8 {
                let loss = place == 0 ? 0.31 : place == 1 ? 0.12 : 0.12 + 0.19 * stream.unit()
                let learned = (0.31 - loss) / 0.19
                for seed in 1...3 {
                    sweep.addDemo(
                        "c\(place)", seed: seed, fidelity: 0.6 + 0.2 * learned + 0.04 * stream.normal(),
                        loss: loss + 0.004 * stream.normal(), text: 0.30 - 0.02 * learned + 0.005 * stream.normal(),
                        style: 0.0005 + 0.001 * learned + 0.0003 * stream.unit(),
                        copying: max(0, 0.05 + 0.05 * learned + 0.04 * stream.normal()))
                }
            }
            let ranks = Dictionary(
                uniqueKeysWithValues: sweep.set.answer().rows.map { ($0.configuration, $0.rank) })
            #expect((ranks["c1"] ?? 9) < (ranks["c0"] ?? 0))
        }
    }

    @Test("every configuration sends its best checkpoint, or the one that is asked for")
    func checkpoints() {
        var sweep = MadeSweep()
        for seed in 1...2 {
            for (step, fidelity) in [(100, 0.7), (200, 0.8), (300, 0.6)] {
                sweep.addDemo("a", seed: seed, step: step, fidelity: fidelity + 0.001 * Double(seed), loss: 0.2)
                sweep.addDemo("b", seed: seed, step: step, fidelity: 0.65 + 0.001 * Double(seed), loss: 0.2)
            }
        }
        // A fourth checkpoint that one seed alone has reached does not compete.
        sweep.addDemo("a", seed: 1, step: 400, fidelity: 0.99, loss: 0.1)
        func first(_ place: SweepResultSet.CheckpointChoice?) -> SweepAnswer.Row? {
            sweep.set.answer(checkpoints: place).best
        }
        #expect(first(nil)?.step == 200 && first(nil)?.configuration == "a" && first(nil)?.checkpoint == "step-200")
        #expect(first(.last)?.configuration == "b" && first(.last)?.step == 300)
        #expect(first(.step(100))?.configuration == "a" && first(.step(100))?.step == 100)
        let rule = DecisionRule(weights: ["paired_fidelity@holdout": 1], curves: sweep.set.curves.keys)
        let mean = sweep.set.answer(rule: rule, checkpoints: .meanOfLast(2)).best?.criteria[0].value
        #expect(abs((mean ?? 0) - 0.7015) < 1e-12)
    }

    @Test("given weights decide: the same sweep by drift alone")
    func weights() {
        var sweep = MadeSweep()
        for seed in 1...2 {
            let shift = 1e-5 * Double(seed)
            sweep.addDemo("strong", seed: seed, fidelity: 0.8, loss: 0.12, style: 0.002 + shift)
            sweep.addDemo("weak", seed: seed, fidelity: 0.5, loss: 0.30, style: 0.0005 + shift)
        }
        #expect(sweep.set.answer().best?.configuration == "strong")
        let rule = DecisionRule(
            weights: ["style_distance@style": 3, "validation_loss": 0], curves: sweep.set.curves.keys)
        #expect(rule.criteria.count == 1)
        #expect(sweep.set.answer(rule: rule).best?.configuration == "weak")
    }

    @Test("a diverged configuration stands last, without an interval")
    func diverged() {
        var sweep = MadeSweep()
        for seed in 1...2 {
            sweep.add("a", seed: seed, ["val_loss": 0.2 + 0.01 * Double(seed)])
            sweep.add("b", seed: seed, ["val_loss": seed == 1 ? .infinity : 0.1])
            sweep.add("c", seed: seed, ["val_loss": 0.3 + 0.01 * Double(seed)])
        }
        let answer = sweep.set.answer()
        #expect(answer.rows.map(\.configuration) == ["a", "c", "b"])
        #expect(answer.rows[2].criteria[0].value == .infinity && answer.rows[2].score.low == nil)
        #expect(answer.warnings.contains { $0.contains("diverged") } && answer.rows[2].bestProbability == 0)
    }

    @Test("findings: over-fitted, copying, under-trained, collapsed, with their numbers")
    func findings() {
        func kinds(_ values: [String: Double]) -> [Finding.Kind] {
            var sweep = MadeSweep()
            let base = [
                "base_paired_fidelity@train": 0.5, "base_paired_fidelity@holdout": 0.5,
                "base_text_similarity@alter": 0.3,
                "base_vendi@trigger": 6.0,
            ]
            for seed in 1...2 { sweep.add("a", seed: seed, base.merging(values) { $1 }) }
            return sweep.set.answer().rows[0].findings.map(\.kind)
        }
        #expect(
            kinds([
                "paired_fidelity@holdout": 0.7, "paired_fidelity@train": 0.72, "text_similarity@alter": 0.2,
                "vendi@trigger": 2,
            ]) == [.overfitted])
        #expect(kinds(["paired_fidelity@holdout": 0.6, "paired_fidelity@train": 0.9]) == [.overfitted])
        #expect(kinds(["paired_fidelity@train": 0.8, "copying@trigger": 0.5]) == [.copying])
        #expect(kinds(["paired_fidelity@train": 0.505, "text_similarity@alter": 0.31]) == [.undertrained])
        #expect(
            kinds(["paired_fidelity@train": 0.3, "text_similarity@alter": 0.2, "vendi@trigger": 2]) == [.collapsed])
        #expect(
            kinds(["paired_fidelity@holdout": 0.7, "paired_fidelity@train": 0.72, "text_similarity@alter": 0.3]) == [])
    }

    @Test("seeds that move all configurations alike make differences surer")
    func paired() {
        var sweep = MadeSweep()
        var stream = CounterStream(3)
        for seed in 1...4 {
            let common = 0.05 * stream.normal()
            for (place, name) in ["a", "b", "c", "d"].enumerated() {
                let value = 0.5 + 0.03 * Double(place) + common + 0.002 * stream.normal()
                sweep.add(name, seed: seed, ["accuracy": value])
            }
        }
        let answer = sweep.set.answer()
        #expect(answer.isPaired && answer.isSeparated && answer.best?.configuration == "d")
        // The interval of the value itself still holds the seeds' spread.
        #expect((answer.best?.criteria[0].halfWidth ?? 0) > 0.01)
        #expect(answer.words.contains { $0.contains("seed by seed") })
    }

    @Test("nothing measured is said, not failed")
    func nothing() {
        let answer = SweepResultSet(sweep: "x", jobs: [MadeSweep.job("a", 1)], results: []).answer()
        #expect(answer.rows.isEmpty && answer.best == nil && !answer.isEstablished && answer.advice == nil)
        #expect(answer.words == ["Nothing has been measured yet that says which configuration is better."])
    }

    @Test("values of single images tell seeds from images")
    func sources() throws {
        var sweep = MadeSweep()
        for seed in 1...2 {
            for name in ["a", "b"] {
                sweep.add(name, seed: seed, ["paired_fidelity@train": 0.5 + 0.1 * Double(seed)])
            }
        }
        let answer = sweep.set.jobs.flatMap { job in
            (0..<4).map { image -> [QueryValue] in
                let value = 0.5 + 0.1 * Double(job.seed) + (image % 2 == 0 ? 0.02 : -0.02)
                return [
                    .text(job.id), .text("step-100"), .integer(10), .integer(100), .text("cat"), .text("train"),
                    .text("paired_fidelity"), .integer(Int64(image)), .real(value),
                ]
            }
        }
        let values = PublicQueries.imageValues(ofSweep: "made", metric: "paired_fidelity", prompts: "train").rows(
            answer)
        #expect(values.count == 16)
        sweep.set.add(values)
        let spread = try #require(sweep.set.answer().spread)
        // Two seeds 0.1 apart: √(0.1²/2). Images ±0.02, alike in all jobs: √(4·0.02²/3/4).
        #expect(abs(spread.sources.trainingSeed - 0.1 / 2.0.squareRoot()) < 1e-12)
        #expect(abs(spread.sources.images - 0.02 / 3.0.squareRoot()) < 1e-12 && spread.sources.rest < 1e-12)
    }

    @Test("ranks as in the paper: per class, ties averaged, 1 the best, sub-classes before classes")
    func rankNormalised() throws {
        var set = SweepResultSet(sweep: "p", jobs: [], results: [])
        for (name, values) in [("a", [0.1, 0.5, 0.9]), ("b", [0.2, 0.5, 0.8]), ("c", [0.3, 0.1, 0.7])] {
            set.jobs.append(MadeSweep.job(name, 1))
            for (kind, value) in zip(["man/x", "man/y", "toy"], values) {
                set.results.append(
                    SweepResult(
                        job: "\(name)-1", checkpoint: "s", epoch: 1, step: 1, class: kind, prompts: "trigger",
                        metric: "squared_centroid_distance", value: value, n: 1))
            }
        }
        let table = set.rankNormalised()
        #expect(table.columns.map(\.name) == ["squared_centroid_distance@trigger"])
        let scores = Dictionary(uniqueKeysWithValues: table.rows.map { ($0.configuration, $0.scores[0] ?? -1) })
        // x: a 1, b ½, c 0. y: c 1, a and b share ¼. toy: c 1, b ½, a 0.
        #expect(scores["a"] == (0.625 + 0) / 2 && scores["b"] == (0.375 + 0.5) / 2 && scores["c"] == (0.5 + 1) / 2)
        #expect(table.rows[0].configuration == "c")
        let error = try #require(table.rows[0].errors[0])
        #expect(abs(error - 1.0 / 3) < 1e-12)
    }

    @Test("measures correlate over jobs")
    func correlation() throws {
        var sweep = MadeSweep()
        for (seed, pair) in [(0.1, 0.9), (0.2, 0.85), (0.4, 0.1), (0.3, 0.5)].enumerated() {
            sweep.add("a", seed: seed, ["image_similarity@train": pair.0, "validation_loss": pair.1])
        }
        let found = try #require(
            sweep.set.correlation(
                of: Criterion(metric: "image_similarity", prompts: "train"),
                with: Criterion(metric: "validation_loss", prompts: nil)))
        #expect(abs(found.spearman + 1) < 1e-12 && found.count == 4 && found.pearson < -0.95)
    }

    @Test("50,000 results are answered in a moment", .timeLimit(.minutes(1)))
    func manyResults() {
        var set = SweepResultSet(sweep: "large", jobs: [], results: [])
        var stream = CounterStream(5)
        for configuration in 0..<1000 {
            for seed in 1...5 {
                let job = MadeSweep.job("c\(configuration)", seed)
                set.jobs.append(job)
                for step in 1...10 {
                    set.results.append(
                        SweepResult(
                            job: job.id, checkpoint: "s\(step)", epoch: step, step: step, class: "", prompts: "train",
                            metric: "paired_fidelity", value: stream.normal(), n: 12))
                }
            }
        }
        let clock = ContinuousClock()
        var answer = set.answer(rule: DecisionRule(criteria: []))
        let took = clock.measure { answer = set.answer() }
        print("answer over 50,000 results: \(took)")
        #expect(answer.rows.count == 1000)
    }
}
