import RunSpec
import SweepModel

/// What was measured: a metric at a prompt type, or a curve.
struct Measure: Hashable, Sendable {
    var metric: String
    /// nil for a curve.
    var prompts: String?

    init(metric: String, prompts: String?) {
        self.metric = metric
        self.prompts = prompts
    }

    init(_ criterion: Criterion) { self.init(metric: criterion.metric, prompts: criterion.prompts) }
}

/// A sweep's numbers by measure, configuration and checkpoint, collected in one pass over its results.
struct ReportNumbers: Sendable {
    struct Configuration: Sendable {
        var id: String
        var label: String
        var group: String
        var parameters: [String: ParameterValue]
        /// In the order of the result set.
        var jobs: [JobSummary]
        /// Its row of the answer; nil where it has none.
        var row: SweepAnswer.Row?
    }

    struct Value: Sendable {
        var job: String
        var value: Double
    }

    /// The values of a configuration's jobs at one step.
    struct Place: Sendable {
        var step: Int
        var epoch: Int
        var values: [Value]

        /// Over the seeds.
        var mean: Double { values.reduce(0) { $0 + $1.value } / Double(values.count) }
        var low: Double { values.map(\.value).min() ?? .nan }
        var high: Double { values.map(\.value).max() ?? .nan }
    }

    /// In the order of the answer, then those without a row by label.
    private(set) var configurations: [Configuration]
    /// The rule's criteria first, then known metrics, then others by name, curves last.
    private(set) var measures: [Measure] = []
    /// Whether epochs tell checkpoints apart, so that they may stand for steps.
    private(set) var hasEpochs = false
    private var paths: [Key: [Place]] = [:]
    private var floors: [Measure: Double] = [:]
    private var bounds: [Measure: Double] = [:]
    private var sources: [Measure: Double] = [:]

    private struct Key: Hashable {
        var measure: Measure
        var configuration: Int
    }

    init(_ results: SweepResultSet, _ answer: SweepAnswer) {
        configurations = Self.configurations(results, answer)
        var owner: [String: Int] = [:]
        for (index, configuration) in configurations.enumerated() {
            for job in configuration.jobs { owner[job.id] = index }
        }
        collect(results.results, owner)
        for (key, values) in results.curves { collect(key, values, owner) }
        order(by: answer.rule)
    }

    /// The checkpoints of a configuration in the order of their steps; those without a number are left out.
    func path(_ measure: Measure, of configuration: Int) -> [Place] {
        paths[Key(measure: measure, configuration: configuration)] ?? []
    }

    /// What the base model reaches without an adapter.
    func floor(_ measure: Measure) -> Double? { floors[measure] }
    /// What can be attained at all.
    func bound(_ measure: Measure) -> Double? { bounds[measure] }

    /// What the pictures reach that edits begin with.
    func source(_ measure: Measure) -> Double? { sources[measure] }

    /// The place that competes for the configuration, or its last one.
    func chosen(_ measure: Measure, of configuration: Int) -> Place? {
        let path = path(measure, of: configuration)
        guard let row = configurations[configuration].row else { return path.last }
        return path.last { $0.step <= row.step } ?? path.first
    }

    private static func configurations(_ results: SweepResultSet, _ answer: SweepAnswer) -> [Configuration] {
        let varied = VariedParameters(results.jobs)
        let grouped = Dictionary(grouping: results.jobs, by: \.configuration)
        func made(_ id: String, _ row: SweepAnswer.Row?) -> Configuration? {
            guard let jobs = grouped[id], let first = jobs.first else { return nil }
            return Configuration(
                id: id, label: row?.label ?? varied.label(first.parameters), group: first.group,
                parameters: first.parameters, jobs: jobs, row: row)
        }
        let ranked = answer.rows.compactMap { made($0.configuration, $0) }
        let known = Set(ranked.map(\.id))
        let others = grouped.keys.filter { !known.contains($0) }.compactMap { made($0, nil) }
        return ranked + others.sorted { ($0.label, $0.id) < ($1.label, $1.id) }
    }

    private static let references = ["base_", "bound_", "ceiling_", "source_"]

    private mutating func collect(_ results: [SweepResult], _ owner: [String: Int]) {
        struct Place: Hashable {
            var key: Key
            var step: Int
        }
        var places: [Place: ReportNumbers.Place] = [:]
        var sums: [String: [Measure: (sum: Double, count: Int)]] = [:]
        var (most, isTold) = (0, true)
        for row in results where row.class.isEmpty && row.value.isFinite {
            if MetricInfo.isReference(row.metric),
                let prefix = Self.references.first(where: { row.metric.hasPrefix($0) })
            {
                let measure = Measure(metric: String(row.metric.dropFirst(prefix.count)), prompts: row.prompts)
                let old = sums[prefix]?[measure] ?? (0, 0)
                sums[prefix, default: [:]][measure] = (old.sum + row.value, old.count + 1)
                continue
            }
            guard let configuration = owner[row.job] else { continue }
            let measure = Measure(metric: row.metric, prompts: row.prompts)
            let place = Place(key: Key(measure: measure, configuration: configuration), step: row.step)
            places[place, default: ReportNumbers.Place(step: row.step, epoch: row.epoch, values: [])].values
                .append(Value(job: row.job, value: row.value))
            most = max(most, row.epoch)
            isTold = isTold && row.epoch > 0
        }
        for (place, found) in places { paths[place.key, default: []].append(found) }
        for key in Array(paths.keys) { paths[key]?.sort { $0.step < $1.step } }
        hasEpochs = isTold && most > 1
        floors = (sums["base_"] ?? [:]).mapValues { $0.sum / Double($0.count) }
        sources = (sums["source_"] ?? [:]).mapValues { $0.sum / Double($0.count) }
        bounds = (sums["bound_"] ?? [:]).mapValues { $0.sum / Double($0.count) }
    }

    private mutating func collect(_ key: String, _ values: [CurveValue], _ owner: [String: Int]) {
        var byJob: [String: [CurveValue]] = [:]
        for value in values where value.value.isFinite { byJob[value.job, default: []].append(value) }
        var grouped: [Int: [[CurveValue]]] = [:]
        for job in byJob.keys.sorted() {
            guard let configuration = owner[job], let curve = byJob[job] else { continue }
            grouped[configuration, default: []].append(curve.sorted { $0.step < $1.step })
        }
        for (configuration, curves) in grouped {
            paths[Key(measure: Measure(metric: key, prompts: nil), configuration: configuration)] =
                JoinedCurves.places(curves)
        }
    }

    private mutating func order(by rule: DecisionRule) {
        let criteria = rule.criteria.map { Measure($0) }
        let known = MetricInfo.known.map(\.name)
        func rank(_ measure: Measure) -> (Int, Int, String, String) {
            if let index = criteria.firstIndex(of: measure) { return (0, index, "", "") }
            let kind = measure.prompts == nil ? 2 : 1
            return (kind, known.firstIndex(of: measure.metric) ?? known.count, measure.metric, measure.prompts ?? "")
        }
        measures = Set(paths.keys.map(\.measure)).sorted { rank($0) < rank($1) }
    }
}

/// Curves of several seeds as one, although they may have been logged at different steps.
enum JoinedCurves {
    /// Places of curves that were logged at different steps.
    private static let places = 80

    /// - Parameter curves: one a job, each in the order of its steps, none empty.
    static func places(_ curves: [[CurveValue]]) -> [ReportNumbers.Place] {
        let steps = curves.map { $0.map(\.step) }
        if steps.allSatisfy({ $0 == steps[0] }) {
            return steps[0].indices.map { index in
                ReportNumbers.Place(
                    step: steps[0][index], epoch: 0,
                    values: curves.map { ReportNumbers.Value(job: $0[index].job, value: $0[index].value) })
            }
        }
        let first = steps.compactMap(\.first).min() ?? 0
        let last = steps.compactMap(\.last).max() ?? 0
        let all = Set(steps.joined())
        let grid =
            all.count <= places
            ? all.sorted() : (0..<places).map { first + (last - first) * $0 / (places - 1) }
        var starts = curves.map { _ in 0 }
        return grid.compactMap { step in
            let values = curves.indices.compactMap { index in value(curves[index], at: step, from: &starts[index]) }
            return values.isEmpty ? nil : ReportNumbers.Place(step: step, epoch: 0, values: values)
        }
    }

    /// Linear between neighbours; nil outside of the curve.
    private static func value(_ curve: [CurveValue], at step: Int, from start: inout Int) -> ReportNumbers.Value? {
        while start + 1 < curve.count, curve[start + 1].step <= step { start += 1 }
        let before = curve[start]
        if before.step == step { return ReportNumbers.Value(job: before.job, value: before.value) }
        guard before.step < step, start + 1 < curve.count else { return nil }
        let after = curve[start + 1]
        let share = Double(step - before.step) / Double(after.step - before.step)
        return ReportNumbers.Value(job: before.job, value: before.value + share * (after.value - before.value))
    }
}
