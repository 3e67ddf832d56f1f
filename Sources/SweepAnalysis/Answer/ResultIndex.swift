import RunSpec
import SweepModel

/// Values of a sweep by measure, job and step: found without passing over all rows again and again.
struct ResultIndex {
    /// Jobs by number: their ids are long to hash.
    private struct Place: Hashable {
        let job: Int
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

    private var numbers: [String: Int] = [:]

    init(_ set: SweepResultSet) {
        var known: [DecisionRule.Measure: Int] = [:]
        var tables: [[Place: Double]] = []
        for row in set.results where row.class.isEmpty && !row.value.isNaN {
            let measure = DecisionRule.Measure(metric: row.metric, prompts: row.prompts)
            let table = known[measure] ?? tables.count
            if table == tables.count {
                known[measure] = table
                tables.append([:])
            }
            let place = Place(job: number(row.job), step: row.step)
            tables[table][place] = row.value
            if checkpoints.updateValue(Checkpoint(name: row.checkpoint, epoch: row.epoch), forKey: place) == nil {
                steps[row.job, default: []].append(row.step)
            }
            if let own = row.values { images[measure, default: [:]][place] = own }
        }
        values = known.mapValues { tables[$0] }
        // Values of images stand with classes, not with their average; all jobs list them in one order.
        let ofClasses = set.results.filter { !$0.class.isEmpty && $0.values != nil }.sorted { $0.class < $1.class }
        for row in ofClasses {
            let measure = DecisionRule.Measure(metric: row.metric, prompts: row.prompts)
            let place = Place(job: number(row.job), step: row.step)
            images[measure, default: [:]][place, default: []] += row.values ?? []
        }
        for job in steps.keys { steps[job]?.sort() }
        for (key, points) in set.curves {
            curves[key] = Dictionary(grouping: points.filter { !$0.value.isNaN }, by: \.job)
                .mapValues { $0.sorted { $0.step < $1.step } }
        }
    }

    private mutating func number(_ job: String) -> Int {
        if let known = numbers[job] { return known }
        numbers[job] = numbers.count
        return numbers.count - 1
    }

    private func place(_ job: String, _ step: Int) -> Place? { numbers[job].map { Place(job: $0, step: step) } }

    func checkpoint(_ job: String, _ step: Int) -> Checkpoint? { place(job, step).flatMap { checkpoints[$0] } }

    func value(_ metric: String, _ prompts: String, _ job: String, _ step: Int) -> Double? {
        guard let table = values[DecisionRule.Measure(metric: metric, prompts: prompts)] else { return nil }
        return place(job, step).flatMap { table[$0] }
    }

    func images(_ metric: String, _ prompts: String, _ job: String, _ step: Int) -> [Double]? {
        guard let table = images[DecisionRule.Measure(metric: metric, prompts: prompts)] else { return nil }
        return place(job, step).flatMap { table[$0] }
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
