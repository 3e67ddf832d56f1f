import RunSpec

extension SweepFileDecoder {
    private static let metricKeys = ["better", "unit", "title", "prompts", "weight"]

    /// `metrics: {NAME: {better, unit, title, prompts, weight}}`, and `NAME: lower` for short.
    mutating func metricDeclarations(_ node: YAMLNode) -> [MetricDeclaration] {
        if case .sequence = node.content {
            refuse(
                node.mark,
                "metrics is a list; here it says what metrics are: {val_loss: {better: lower}}; where a trainer writes "
                    + "them stands under 'trainer'")
            return []
        }
        return namedEntries(node, "metrics").compactMap { entry in
            guard MetricLimit.accepts(entry.key) else {
                refuse(entry.keyMark, "metrics: a name has 1 to \(MetricLimit.nameBytes) bytes")
                return nil
            }
            return metricDeclaration(entry)
        }
    }

    private mutating func metricDeclaration(_ entry: YAMLEntry) -> MetricDeclaration {
        let what = "metrics.\(entry.key)"
        var declaration = MetricDeclaration(name: entry.key)
        guard case .mapping = entry.value.content else {
            declaration.better = choice(entry.value, what, MetricDeclaration.Direction.self)
            return declaration
        }
        let known = entries(entry.value, of: what, keys: Self.metricKeys)
        declaration.better = known["better"].flatMap {
            choice($0.value, "\(what).better", MetricDeclaration.Direction.self)
        }
        declaration.unit = known["unit"].flatMap { source($0.value, "\(what).unit") }
        declaration.title = known["title"].flatMap { source($0.value, "\(what).title") }
        declaration.prompts =
            known["prompts"].flatMap { choice($0.value, "\(what).prompts", PromptType.self) }?.rawValue
        guard let entry = known["weight"], let weight = number(entry.value, "\(what).weight", atLeast: 0) else {
            return declaration
        }
        if weight == 0 {
            refuse(entry.value.mark, "\(what).weight is 0; leave it out for a metric that has no share in the choice")
        }
        declaration.weight = weight
        return declaration
    }
}
