package import RunSpec
import SweepModel

/// What must be known of a sweep before it is known what to read of it: one question, not five.
package struct SweepOverview: Sendable {
    /// Metrics of its evaluations, with their prompt types.
    package var measures: [DecisionRule.Measure] = []
    /// Keys of what its jobs logged.
    package var curves: [String] = []
    /// What the sweep file says about metrics.
    package var declared: [MetricDeclaration] = []
    /// Jobs that train.
    package var trained = 0
    /// Rows of its first and its last job in the ledger.
    var jobs = 0...0
    /// How many values there are of a metric and its prompts, and of a curve's jobs.
    private var measureCounts: [DecisionRule.Measure: Int] = [:]
    private var curveCounts: [String: Int] = [:]
    /// Whether some of its jobs are measured by a protocol of its own, beside that of their training.
    var hasOwnProtocol = false

    enum Fact: Sendable {
        case measure(DecisionRule.Measure, count: Int)
        case curve(String, count: Int)
        case declared(MetricDeclaration)
        case jobs(count: Int, rows: ClosedRange<Int>, hasOwnProtocol: Bool)
    }

    init(_ facts: [Fact]) {
        for fact in facts {
            switch fact {
            case .measure(let measure, let count):
                measures.append(measure)
                measureCounts[measure] = count
            case .curve(let key, let count):
                curves.append(key)
                curveCounts[key] = count
            case .declared(let metric): declared.append(metric)
            case .jobs(let count, let rows, let isOwn): (trained, jobs, hasOwnProtocol) = (count, rows, isOwn)
            }
        }
    }
}

extension SweepOverview {
    /// The most values that there are of one of these.
    func count(of criteria: [Criterion]) -> Int {
        let counts = criteria.map { criterion in
            criterion.prompts.map { measureCounts[DecisionRule.Measure(metric: criterion.metric, prompts: $0)] ?? 0 }
                ?? curveCounts[criterion.metric] ?? 0
        }
        return counts.max() ?? 0
    }
}
