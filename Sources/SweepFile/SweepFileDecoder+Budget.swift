import SweepModel

extension SweepFileDecoder {
    /// `budget: {hours, money}`: at least one of them.
    mutating func budget(_ node: YAMLNode) -> SweepBudget? {
        let known = entries(node, of: "budget", keys: ["hours", "money"])
        guard !known.isEmpty else {
            refuse(node.mark, "budget is empty; wanted {hours: 40}, {money: 25} or both")
            return nil
        }
        func amount(_ key: String, _ decoder: inout SweepFileDecoder) -> Double? {
            guard let entry = known[key] else { return nil }
            guard let value = decoder.number(entry.value, "budget.\(key)", atLeast: 0) else { return nil }
            guard value > 0 else {
                decoder.refuse(entry.value.mark, "budget.\(key) is 0; wanted more, or leave it out for no limit")
                return nil
            }
            return value
        }
        return SweepBudget(hours: amount("hours", &self), money: amount("money", &self))
    }
}
