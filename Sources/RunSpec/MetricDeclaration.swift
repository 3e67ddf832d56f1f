/// What a sweep file says about one metric under `metrics`: for metrics whose name does not tell it, and for
/// what the best configuration is chosen by.
package struct MetricDeclaration: Codable, Equatable, Sendable {
    package enum Direction: String, CaseIterable, Codable, Sendable { case lower, higher }

    /// A metric of evaluations or a key of curves.
    package var name: String
    /// Which values are better; nil to go by the name.
    package var better: Direction?
    package var unit: String?
    /// For people; nil for the name.
    package var title: String?
    /// The prompt type whose values count; nil for the usual one, and for curves.
    package var prompts: String?
    /// Its share in the rule that names the best; nil where it has none.
    package var weight: Double?

    package init(
        name: String, better: Direction? = nil, unit: String? = nil, title: String? = nil, prompts: String? = nil,
        weight: Double? = nil
    ) {
        self.name = name
        self.better = better
        self.unit = unit
        self.title = title
        self.prompts = prompts
        self.weight = weight
    }
}
