import Foundation
import ImageFiles
import RunSpec
import SweepAnalysis
import SweepModel

/// Sweeps with plausible numbers, made of formulas and a fixed stream of chance.
struct ReportSample {
    private var state: UInt64

    init(seed: UInt64 = 11) { state = seed }

    /// About normal, with deviation 1.
    mutating func noise() -> Double {
        var sum = 0.0
        for _ in 0..<12 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            sum += Double(state >> 11) / Double(1 << 53)
        }
        return sum - 6
    }

    static func job(
        _ configuration: Int, _ seed: Int, _ parameters: [String: ParameterValue], state: String = "done"
    ) -> JobSummary {
        let id = String(format: "%08x%04x", configuration &* 2_654_435, seed)
        return JobSummary(
            id: id, sweep: "sample", group: parameters["algorithm"]?.text ?? "external",
            configuration: "c\(configuration)",
            state: state, seed: seed, attempts: 1, worker: "box-\(configuration % 2 + 1)",
            failure: state == "failed" ? "nan" : nil,
            message: state == "failed" ? "the loss went to NaN at step 40" : nil,
            parameters: parameters, created: 1_795_000_000_000, updated: 1_795_000_900_000)
    }

    /// Configurations as a sweep over algorithms and rates has them.
    static func configurations(_ count: Int) -> [[String: ParameterValue]] {
        let rates = [5e-4, 1e-4, 1e-3, 5e-5]
        return (0..<count).map { index in
            let algorithm = ["lora", "lokr", "loha"][index % 3]
            var parameters: [String: ParameterValue] = [
                "algorithm": .text(algorithm), "lr": .number(rates[index / 3 % 4]),
                "layers": .text(index % 2 == 0 ? "attn-mlp" : "attn-only"),
                "dim": .number(Double(4 << (index / 5 % 4))), "epochs": 60,
            ]
            if algorithm == "lokr" { parameters["factor"] = .number(Double(4 + 4 * (index % 2))) }
            if index >= 12 { parameters["dropout"] = .number(Double(index / 12) / 100) }
            return parameters
        }
    }

    /// A sweep with evaluations and curves of the core.
    mutating func evaluated(configurations count: Int = 12, seeds: Int = 3, checkpoints: Int = 6) -> SweepResultSet {
        var jobs: [JobSummary] = []
        var results: [SweepResult] = []
        var curves: [String: [CurveValue]] = [:]
        for (index, parameters) in Self.configurations(count).enumerated() {
            let skill = 0.9 - 0.035 * Double(index % 12) + 0.0001 * Double(index)
            let haste = (parameters["lr"]?.number ?? 1e-4) / 1e-3
            for seed in 1...seeds {
                let fails = index == count - 1 && seed == seeds && seeds > 1
                let job = Self.job(index, seed, parameters, state: fails ? "failed" : "done")
                jobs.append(job)
                let luck = 0.012 * noise()
                for checkpoint in 1...(fails ? 1 : checkpoints) {
                    evaluate(job, checkpoint, of: checkpoints, skill: skill + luck, haste: haste, &results)
                }
                for point in 0..<120 {
                    let step = point * checkpoints * 100 / 119
                    let decay = exp(-Double(step) / 180) * 0.35
                    let floor = 0.16 - 0.05 * skill
                    curves["loss", default: []].append(
                        CurveValue(job: job.id, step: step, value: floor + decay + 0.015 * noise().magnitude))
                    if point % 10 == 9 {
                        let late = haste * Double(step) / 12000
                        curves["validation_loss", default: []].append(
                            CurveValue(job: job.id, step: step, value: floor + decay + late + 0.002 * noise()))
                    }
                }
            }
        }
        return SweepResultSet(sweep: "emoji-cats <first try>", jobs: jobs, results: results, curves: curves)
    }

    private mutating func evaluate(
        _ job: JobSummary, _ checkpoint: Int, of count: Int, skill: Double, haste: Double,
        _ results: inout [SweepResult]
    ) {
        let time = Double(checkpoint) / Double(count)
        let learned = 1 - exp(-3.2 * time * (0.5 + haste))
        let spoiled = haste * time * time
        func add(_ metric: String, _ prompts: String, _ value: Double, n: Int = 12) {
            results.append(
                SweepResult(
                    job: job.id, checkpoint: String(format: "step-%06d", checkpoint * 100), epoch: checkpoint * 10,
                    step: checkpoint * 100, class: "", prompts: prompts, metric: metric, value: value, n: n))
        }
        add("paired_fidelity", "train", 0.52 + 0.36 * skill * learned + 0.003 * noise())
        add("paired_fidelity", "holdout", 0.50 + 0.26 * skill * learned - 0.06 * spoiled + 0.004 * noise())
        add("image_similarity", "trigger", 0.51 + 0.30 * skill * learned + 0.004 * noise())
        add("squared_centroid_distance", "trigger", 0.30 - 0.2 * skill * learned + 0.01 * noise().magnitude)
        add("text_similarity", "alter", 0.312 - 0.06 * spoiled - 0.01 * learned + 0.001 * noise())
        add("style_distance", "style", 0.0004 + 0.004 * spoiled + 0.0001 * noise().magnitude)
        add("vendi", "trigger", 4.8 - 1.8 * learned * skill + 0.1 * noise())
        add("copying", "trigger", max(0, 0.05 + 0.3 * spoiled + 0.02 * noise()))
        add("base_paired_fidelity", "train", 0.521)
        add("base_paired_fidelity", "holdout", 0.502)
        add("base_image_similarity", "trigger", 0.511)
        add("bound_image_similarity", "trigger", 0.869)
        add("bound_paired_fidelity", "train", 0.978)
        add("base_text_similarity", "alter", 0.3135)
    }

    /// What an external trainer logs: no evaluations, steps that differ between seeds.
    mutating func external() -> SweepResultSet {
        var jobs: [JobSummary] = []
        var curves: [String: [CurveValue]] = [:]
        for index in 0..<6 {
            let rate = [1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 2e-3][index]
            for seed in 1...2 {
                let job = Self.job(
                    index, seed, ["lr": .number(rate), "network_dim": .number(Double(8 + 8 * (index % 2)))])
                jobs.append(job)
                for point in 1...40 {
                    let step = point * 25 + seed
                    let speed = 60 + 900 * abs(log10(rate / 2e-4))
                    let value = 0.08 + 0.3 * exp(-Double(step) / speed) + 0.004 * noise()
                    curves["val_loss", default: []].append(CurveValue(job: job.id, step: step, value: value))
                }
            }
        }
        return SweepResultSet(sweep: "kohya-command", jobs: jobs, results: [], curves: curves)
    }

    /// A page of coloured tiles, as hard to compress as a contact sheet is.
    mutating func picture(width: Int = 720, height: Int = 520, shade: Int) -> RGBImage {
        var image = RGBImage(width: width, height: height)
        for top in stride(from: 8, to: height - 60, by: 64) {
            for left in stride(from: 8, to: width - 60, by: 64) {
                let (a, b) = (Int(120 + 60 * noise()), Int(120 + 60 * noise()))
                for y in 0..<60 {
                    for x in 0..<60 {
                        let isInside = (x - 30) * (x - 30) + (y - 30) * (y - 30) < 500
                        let grain = (x &* 7 ^ y &* 13) % 17
                        func level(_ value: Int) -> UInt8 { UInt8(max(0, min(255, value))) }
                        image[left + x, top + y] = RGBColor(
                            red: level((isInside ? a : 230) + grain), green: level((isInside ? shade : 220) + grain),
                            blue: level((isInside ? b : 200) - grain))
                    }
                }
            }
        }
        return image
    }

    static func attempts(_ jobs: [JobSummary]) -> [SweepReport.AttemptTime] {
        jobs.enumerated().flatMap { index, job in
            let start = job.created + Int64(index) * 100_000
            let whole = SweepReport.AttemptTime(
                job: job.id, number: 1, started: start, ended: start + 300_000 + Int64(index % 7) * 41_000,
                outcome: index == 0 ? "lost" : "done", resumedStep: 0)
            guard index == 0 else { return [whole] }
            return [
                whole,
                SweepReport.AttemptTime(
                    job: job.id, number: 2, started: start + 400_000, ended: start + 520_000, outcome: "done",
                    resumedStep: 300),
            ]
        }
    }
}
