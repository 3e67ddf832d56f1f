import RunSpec
import SweepModel

extension SweepFileDecoder {
    mutating func sample(_ entry: YAMLEntry?, _ space: YAMLEntry?, _ group: YAMLNode) -> SweepGroup.Shape? {
        guard let entry else { return nil }
        let known = entries(entry.value, of: "sample", keys: ["method", "count", "seed"])
        let method = known["method"].map { choice($0.value, "sample.method", SampleSpec.Method.self) } ?? .random
        let seed = known["seed"].flatMap { integer($0.value, "sample.seed", atLeast: 0) }
        if known["count"] == nil { refuse(entry.value.mark, "sample needs a 'count'") }
        let count = known["count"].flatMap { integer($0.value, "sample.count", atLeast: 1) }
        guard let space else {
            refuse(group.mark, "a group with 'sample' needs a 'space': what each sampled parameter ranges over")
            return nil
        }
        var ranges: [String: SampleRange] = [:]
        let parameters = mapping(space.value, "space") ?? []
        if case .mapping(let all) = space.value.content, all.isEmpty { refuse(space.value.mark, "space is empty") }
        for parameter in parameters where knows(parameter) {
            ranges[parameter.key] = range(parameter.value, of: parameter.key)
        }
        guard let method, let count, ranges.count == parameters.count, !ranges.isEmpty else { return nil }
        return .sample(SampleSpec(method: method, count: count, seed: seed, space: ranges))
    }

    private mutating func range(_ node: YAMLNode, of name: String) -> SampleRange? {
        if let hint = ForeignForms.hint(node, of: name, isSpace: true) {
            refuse(node.mark, hint)
            return nil
        }
        let wanted = "one of {log: [a, b]}, {uniform: [a, b]}, {int: [a, b]}, {choice: [...]}, perhaps with q: STEP"
        guard case .mapping(let all) = node.content else {
            refuse(node.mark, "space.\(name) is \(node.kindName); wanted \(wanted)")
            return nil
        }
        let parts = all.filter { $0.key != "q" }
        if let step = all.first(where: { $0.key == "q" }) { return rounded(parts, to: step, of: name) }
        guard parts.count == 1, let part = parts.first else {
            refuse(node.mark, "space.\(name) is \(node.kindName); wanted \(wanted)")
            return nil
        }
        switch part.key {
        case "choice":
            guard case .sequence(let items) = part.value.content, !items.isEmpty else {
                refuse(part.value.mark, "space.\(name).choice is \(part.value.kindName); wanted a list of values")
                return nil
            }
            let values = items.compactMap { value($0, of: name) }
            return values.count == items.count ? .choice(values) : nil
        case "log", "uniform", "int":
            return interval(part, of: name)
        default:
            refuse(part.keyMark, "unknown key '\(part.key)' in space.\(name); wanted \(wanted)")
            return nil
        }
    }

    /// `{log: [4, 128], q: 4}`: whole multiples of a step.
    private mutating func rounded(_ parts: [YAMLEntry], to entry: YAMLEntry, of name: String) -> SampleRange? {
        let step = number(entry.value, "space.\(name).q", atLeast: 0)
        guard let step, step > 0, parts.count == 1, let part = parts.first, ["log", "uniform"].contains(part.key) else {
            refuse(entry.value.mark, "space.\(name).q is a step above 0 beside {log: [a, b]} or {uniform: [a, b]}")
            return nil
        }
        return interval(part, of: name).map { .rounded($0, to: step) }
    }

    private mutating func interval(_ part: YAMLEntry, of name: String) -> SampleRange? {
        let what = "space.\(name).\(part.key)"
        guard case .sequence(let items) = part.value.content, items.count == 2 else {
            refuse(part.value.mark, "\(what) is \(part.value.kindName); wanted [lowest, highest]")
            return nil
        }
        // Both ends must be values the parameter may have; then so is everything between.
        let ends = items.compactMap { value($0, of: name) }
        guard ends.count == 2 else { return nil }
        guard let low = ends[0].number, let high = ends[1].number else {
            refuse(part.value.mark, "\(what) has an end that is no number")
            return nil
        }
        guard low < high else {
            refuse(part.value.mark, "\(what) is [\(ends[0]), \(ends[1])]; the first end must be the lower one")
            return nil
        }
        switch part.key {
        case "log":
            guard low > 0 else {
                refuse(part.value.mark, "\(what) starts at \(ends[0]); a logarithm needs ends above 0")
                return nil
            }
            return .log(low, high)
        case "uniform": return .uniform(low, high)
        default:
            guard let first = ends[0].integer, let last = ends[1].integer else {
                refuse(part.value.mark, "\(what) is [\(ends[0]), \(ends[1])]; wanted integers")
                return nil
            }
            return .integer(first, last)
        }
    }
}
