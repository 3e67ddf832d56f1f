import RunSpec
import SweepModel

/// What the paper's statements read: four kinds of measures, by configuration, step and seed, of each class
/// and of all together.
final class StatementTable {
    /// What a measure is about.
    enum Role: CaseIterable {
        case fidelity, text, diversity, preservation
    }

    struct RoleMeasure: Hashable {
        var role: Role
        var criterion: Criterion
    }

    /// The values of configurations at some steps, with the spread between seeds.
    struct Field {
        var groups: [String: SeedGroup]
        var variance: ModeratedVariance?
    }

    /// Those that there are.
    let measures: [RoleMeasure]
    /// Classes without their sub-classes, sorted; empty for a single one.
    let classes: [String]

    private struct Place: Hashable {
        var measure: DecisionRule.Measure
        /// Empty for the average.
        var `class`: String

        init(_ criterion: Criterion, _ class: String) {
            measure = DecisionRule.Measure(metric: criterion.metric, prompts: criterion.prompts ?? "")
            self.class = `class`
        }
    }

    /// A configuration's values by step, then by seed.
    private typealias Own = [Int: [Int: Double]]

    private struct Wanted: Hashable {
        var place: Place
        var steps: [Int]
        /// Of gains: what the last step has more than the first.
        var isGain: Bool
    }

    private let values: [Place: [String: Own]]
    private let epochs: [Int: Int]
    private var known: [Wanted: Field] = [:]

    /// Of fidelity all that were measured count, of the others the first.
    private static let choices: [(role: Role, measures: [(metric: String, prompts: String)])] = [
        (
            .fidelity,
            [
                ("image_similarity", "train"), ("image_similarity", "trigger"), ("paired_fidelity", "train"),
                ("paired_fidelity", "holdout"),
            ]
        ), (.text, [("text_similarity", "alter"), ("text_similarity", "trigger"), ("text_similarity", "train")]),
        (.diversity, [("vendi", "trigger"), ("vendi", "train"), ("vendi", "alter")]),
        (.preservation, [("style_distance", "style")]),
    ]

    init(_ set: SweepResultSet) {
        let choices = Self.choices.map { choice in
            (
                role: choice.role,
                criteria: choice.measures.map {
                    Criterion(metric: $0.metric, prompts: $0.prompts, declared: set.declared)
                }
            )
        }
        var wanted: [DecisionRule.Measure: Criterion] = [:]
        for criterion in choices.flatMap(\.criteria) { wanted[Place(criterion, "").measure] = criterion }
        let owner = Dictionary(set.jobs.map { ($0.id, ($0.configuration, $0.seed)) }) { first, _ in first }
        var sums: [Place: [String: [Int: [Int: (sum: Double, count: Int)]]]] = [:]
        var (found, epochs): (Set<Criterion>, [Int: Int]) = ([], [:])
        for row in set.results where row.value.isFinite {
            let measure = DecisionRule.Measure(metric: row.metric, prompts: row.prompts)
            guard let criterion = wanted[measure], let (configuration, seed) = owner[row.job] else { continue }
            found.insert(criterion)
            if row.epoch > 0 { epochs[row.step] = row.epoch }
            let place = Place(criterion, String(row.class.prefix { $0 != "/" }))
            let old = sums[place]?[configuration]?[row.step]?[seed] ?? (0, 0)
            sums[place, default: [:]][configuration, default: [:]][row.step, default: [:]][seed] = (
                old.sum + row.value, old.count + 1
            )
        }
        values = sums.mapValues { $0.mapValues { $0.mapValues { $0.mapValues { $0.sum / Double($0.count) } } } }
        self.epochs = epochs
        let names = Set(values.keys.map(\.class)).subtracting([""])
        classes = names.count > 1 ? names.sorted() : []
        measures = choices.flatMap { choice -> [RoleMeasure] in
            let there = choice.criteria.filter(found.contains)
            return (choice.role == .fidelity ? there : Array(there.prefix(1))).map {
                RoleMeasure(role: choice.role, criterion: $0)
            }
        }
    }

    /// Steps that all measured seeds of a configuration have, sorted.
    func steps(_ configuration: String, _ criterion: Criterion, class: String = "") -> [Int] {
        guard let own = values[Place(criterion, `class`)]?[configuration] else { return [] }
        let most = own.values.map(\.count).max() ?? 0
        return own.filter { $0.value.count == most }.keys.sorted()
    }

    /// Means over some steps, of every configuration that has them all; differences are taken seed by seed
    /// where that helps.
    func field(_ criterion: Criterion, steps: [Int], class: String = "") -> Field {
        field(Wanted(place: Place(criterion, `class`), steps: steps, isGain: false))
    }

    /// What each job gained from one step to another.
    func gains(_ criterion: Criterion, from first: Int, to last: Int, class: String = "") -> Field {
        field(Wanted(place: Place(criterion, `class`), steps: [first, last], isGain: true))
    }

    private func field(_ wanted: Wanted) -> Field {
        if let field = known[wanted] { return field }
        var bySeed: [(configuration: String, values: [Int: Double])] = []
        for (configuration, own) in (values[wanted.place] ?? [:]).sorted(by: { $0.key < $1.key }) {
            let rows = wanted.steps.compactMap { own[$0] }
            guard rows.count == wanted.steps.count, let first = rows.first, let last = rows.last else { continue }
            let seeds = first.keys.filter { seed in rows.allSatisfy { $0[seed] != nil } }
            guard !seeds.isEmpty else { continue }
            let values = seeds.map { seed -> (Int, Double) in
                if wanted.isGain { return (seed, (last[seed] ?? 0) - (first[seed] ?? 0)) }
                return (seed, rows.reduce(0) { $0 + ($1[seed] ?? 0) } / Double(rows.count))
            }
            bySeed.append((configuration, Dictionary(uniqueKeysWithValues: values)))
        }
        // A gain is a difference already.
        let groups =
            wanted.isGain
            ? bySeed.map { SeedGroup($0.values.sorted { $0.key < $1.key }.map(\.value)) }
            : SeedGroups(bySeed.map(\.values)).groups
        let field = Field(
            groups: Dictionary(uniqueKeysWithValues: zip(bySeed.map(\.configuration), groups)),
            variance: ModeratedVariance(groups))
        known[wanted] = field
        return field
    }

    /// `epoch 10`, `step 400`.
    func place(_ step: Int) -> String {
        if let epoch = epochs[step], epoch > 0 { return "epoch \(epoch)" }
        return "step \(step)"
    }
}
