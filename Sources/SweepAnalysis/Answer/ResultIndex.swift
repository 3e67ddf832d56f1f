import RunSpec
import SweepModel

/// Values of a sweep by measure, job and step: found without passing over all rows again and again.
struct ResultIndex {
    private struct Place: Hashable {
        let job: String
        let step: Int
    }

    /// What is known of a checkpoint beside its values.
    struct Checkpoint {
        var name: String
        var epoch: Int
    }

    private var values: [DecisionRule.Measure: [Place: Double]] = [:]
    private var images: [DecisionRule.Measure: [Place: [Double]]] = [:]
    private var curves: [String: [String: [CurveValue]]] = [:]
    private var checkpoints: [Place: Checkpoint] = [:]
    /// Steps of a job's evaluated checkpoints, sorted.
    private(set) var steps: [String: [Int]] = [:]

    init(_ set: SweepResultSet) {
        for row in set.results where row.class.isEmpty && !row.value.isNaN {
            let measure = DecisionRule.Measure(metric: row.metric, prompts: row.prompts)
            let place = Place(job: row.job, step: row.step)
            values[measure, default: [:]][place] = row.value
            if checkpoints.updateValue(Checkpoint(name: row.checkpoint, epoch: row.epoch), forKey: place) == nil {
                steps[row.job, default: []].append(row.step)
            }
            if let own = row.values { images[measure, default: [:]][place] = own }
        }
        // Values of images stand with classes, not with their average; all jobs list them in one order.
        let ofClasses = set.results.filter { !$0.class.isEmpty && $0.values != nil }.sorted { $0.class < $1.class }
        for row in ofClasses {
            let measure = DecisionRule.Measure(metric: row.metric, prompts: row.prompts)
            images[measure, default: [:]][Place(job: row.job, step: row.step), default: []] += row.values ?? []
        }
        for job in steps.keys { steps[job]?.sort() }
        for (key, points) in set.curves {
            curves[key] = Dictionary(grouping: points.filter { !$0.value.isNaN }, by: \.job)
                .mapValues { $0.sorted { $0.step < $1.step } }
        }
    }

    func checkpoint(_ job: String, _ step: Int) -> Checkpoint? { checkpoints[Place(job: job, step: step)] }

    func value(_ metric: String, _ prompts: String, _ job: String, _ step: Int) -> Double? {
        values[DecisionRule.Measure(metric: metric, prompts: prompts)]?[Place(job: job, step: step)]
    }

    func images(_ metric: String, _ prompts: String, _ job: String, _ step: Int) -> [Double]? {
        images[DecisionRule.Measure(metric: metric, prompts: prompts)]?[Place(job: job, step: step)]
    }

    /// A criterion's value at a step; of a curve the last one up to it.
    func value(_ criterion: Criterion, _ job: String, _ step: Int) -> Double? {
        if let prompts = criterion.prompts { return value(criterion.metric, prompts, job, step) }
        return curves[criterion.metric]?[job].flatMap { point(in: $0, at: step) }?.value
    }

    func points(_ key: String, _ job: String) -> [CurveValue] { curves[key]?[job] ?? [] }

    private func point(in points: [CurveValue], at step: Int) -> CurveValue? {
        var (low, high) = (0, points.count)
        while low < high {
            let middle = (low + high) / 2
            if points[middle].step <= step { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? points[low - 1] : nil
    }

    /// The mean of a base's or bound's value, which is the same for every checkpoint but for rounding.
    func average(_ metric: String, _ prompts: String) -> Double? {
        guard let found = values[DecisionRule.Measure(metric: metric, prompts: prompts)], !found.isEmpty else {
            return nil
        }
        // Sorted, so that the sum does not depend on the order of a dictionary.
        let sorted = found.values.sorted()
        return sorted.reduce(0, +) / Double(sorted.count)
    }
}
