import RunSpec
import SweepAnalysis
import SweepModel

/// Sweeps made of numbers.
struct MadeSweep {
    var set = SweepResultSet(sweep: "made", jobs: [], results: [])

    static func job(_ configuration: String, _ seed: Int, _ parameters: [String: ParameterValue]? = nil) -> JobSummary {
        JobSummary(
            id: "\(configuration)-\(seed)", sweep: "made", group: "g", configuration: configuration, state: "done",
            seed: seed, attempts: 1, worker: nil, failure: nil, message: nil,
            parameters: parameters ?? ["algorithm": "lora", "name": .text(configuration)], created: 0, updated: 0)
    }

    /// - Parameter values: metric@prompts to value; a name without prompts is a curve.
    mutating func add(_ configuration: String, seed: Int, step: Int = 100, _ values: [String: Double]) {
        let job = Self.job(configuration, seed)
        if !set.jobs.contains(where: { $0.id == job.id }) { set.jobs.append(job) }
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            let parts = name.split(separator: "@").map(String.init)
            if parts.count == 1 {
                set.curves[name, default: []].append(CurveValue(job: job.id, step: step, value: value))
            } else {
                set.results.append(
                    SweepResult(
                        job: job.id, checkpoint: "step-\(step)", epoch: step / 10, step: step, class: "",
                        prompts: parts[parts.count - 1], metric: parts.dropLast().joined(separator: "@"), value: value,
                        n: 12))
            }
        }
    }

    /// Five measures as a demo sweep has them.
    mutating func addDemo(
        _ configuration: String, seed: Int, step: Int = 100, fidelity: Double, loss: Double, text: Double = 0.3,
        style: Double = 0.001, copying: Double = 0.05
    ) {
        add(
            configuration, seed: seed, step: step,
            [
                "paired_fidelity@holdout": fidelity, "validation_loss": loss, "text_similarity@alter": text,
                "style_distance@style": style, "copying@trigger": copying,
            ])
    }
}
