import RunSpec
import SweepModel

extension SweepFileDecoder {
    private static let groupKeys = ["name", "baseline", "vary", "grid", "list", "sample", "space", "derive", "exclude"]

    mutating func groups(_ entry: YAMLEntry?, _ root: YAMLNode, defaults: [String: ParameterValue]) -> [SweepGroup] {
        guard let entry else {
            refuse(root.mark, "'groups' is missing: a list of baseline + vary, grid, list or sample groups")
            return []
        }
        let nodes = sequence(entry.value, "groups") ?? []
        if case .sequence(let all) = entry.value.content, all.isEmpty {
            refuse(entry.value.mark, "groups is empty; it needs at least one group")
        }
        var names: [String: Int] = [:]
        var groups: [SweepGroup] = []
        for (index, node) in nodes.enumerated() {
            guard let group = group(node, number: index + 1, defaults: defaults) else { continue }
            if let line = names.updateValue(node.mark.line, forKey: group.name) {
                refuse(node.mark, "a second group '\(group.name)' (the first is in line \(line)); give it another name")
            }
            groups.append(group)
        }
        return groups
    }

    private mutating func group(_ node: YAMLNode, number: Int, defaults: [String: ParameterValue]) -> SweepGroup? {
        guard case .mapping = node.content else {
            refuse(node.mark, "a group is \(node.kindName); wanted a map")
            return nil
        }
        let known = entries(node, of: "a group", keys: Self.groupKeys)
        let name = known["name"].flatMap { source($0.value, "groups.name") } ?? "group-\(number)"
        let baseline = known["baseline"].map { values($0.value, of: "baseline") } ?? [:]
        let derive = known["derive"].map { derivations($0.value) } ?? []
        let shapes = ["vary", "grid", "list", "sample"].filter { known[$0] != nil }
        guard shapes.count <= 1 else {
            refuse(
                node.mark,
                "a group has \(shapes.joined(separator: " and ")); wanted one of them, in groups of their own")
            return nil
        }
        if known["space"] != nil, known["sample"] == nil {
            refuse(known["space"]?.keyMark ?? node.mark, "'space' belongs to a group with 'sample'")
        }
        let outside = Set(defaults.keys).union(baseline.keys)
        let shape: SweepGroup.Shape?
        switch shapes.first {
        case "vary": shape = known["vary"].map { .vary(variations($0.value)) }
        case "grid": shape = known["grid"].map { .grid(gridAxes($0.value, outside: outside)) }
        case "list": shape = known["list"].map { .list(points($0.value)) }
        case "sample": shape = sample(known["sample"], known["space"], node)
        default:
            if known["baseline"] == nil {
                refuse(node.mark, "a group needs a baseline, a vary, a grid, a list or a sample")
                return nil
            }
            shape = .vary([])
        }
        guard let shape else { return nil }
        if shapes.first == "vary", known["baseline"] == nil {
            refuse(node.mark, "a group with 'vary' needs a 'baseline' to vary around")
        }
        let settable = outside.union(shape.parameterNames).union(derive.map(\.name))
        checkDerivations(derive, settable: settable)
        let exclude = (known["exclude"].flatMap { sequence($0.value, "exclude") } ?? [])
            .compactMap { condition($0, "exclude", settable: settable) }
        return SweepGroup(
            name: name, baseline: baseline, shape: shape, derive: derive, exclude: exclude, mark: node.mark)
    }

    private mutating func variations(_ node: YAMLNode) -> [[ParameterAxis]] {
        (sequence(node, "vary") ?? []).map { entry in
            var axes: [ParameterAxis] = []
            for parameter in mapping(entry, "an entry of vary") ?? [] where knows(parameter) {
                if let axis = axis(parameter.value, of: parameter.key) { axes.append(axis) }
            }
            if case .mapping(let all) = entry.content, all.isEmpty { refuse(entry.mark, "an entry of vary is empty") }
            return axes
        }
    }

    private mutating func points(_ node: YAMLNode) -> [[String: ParameterValue]] {
        let items = sequence(node, "list") ?? []
        if case .sequence(let all) = node.content, all.isEmpty {
            refuse(node.mark, "list is empty; it needs at least one point")
        }
        return items.map { values($0, of: "an entry of list") }
    }

    private mutating func derivations(_ node: YAMLNode) -> [Derivation] {
        var derivations: [Derivation] = []
        for entry in mapping(node, "derive") ?? [] where knows(entry) {
            if isCore, let kind = ParameterTable[entry.key]?.kind, kind != .number, kind != .integer {
                refuse(entry.keyMark, "derive computes numbers, and \(entry.key) is none")
                continue
            }
            guard let text = source(entry.value, "derive.\(entry.key)") else { continue }
            do {
                let expression = try ArithmeticExpression(text)
                derivations.append(Derivation(name: entry.key, expression: expression, mark: entry.value.mark))
            } catch {
                refuse(entry.value.mark, "derive.\(entry.key): \(error.message)")
            }
        }
        return derivations
    }

    /// A name that is no parameter, or that nothing sets, is a slip of the pen; one that is set at some
    /// points only is not, and the derivation is skipped elsewhere.
    private mutating func checkDerivations(_ derivations: [Derivation], settable: Set<String>) {
        for derivation in derivations {
            for name in derivation.expression.names where !settable.contains(name) {
                let place = derivation.mark ?? SourceMark(line: 1, column: 1)
                if isCore, ParameterTable[name] != nil { continue }
                let known = isCore ? ParameterTable.names : settable.sorted()
                let hint = nearest(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
                refuse(
                    place,
                    "derive.\(derivation.name) needs '\(name)', which \(isCore ? "is no parameter" : "nothing sets")\(hint)"
                )
            }
            if derivation.expression.names.contains(derivation.name) {
                refuse(derivation.mark ?? SourceMark(line: 1, column: 1), "derive.\(derivation.name) needs itself")
            }
        }
    }
}

extension SweepGroup.Shape {
    /// Every parameter it can set.
    var parameterNames: Set<String> {
        switch self {
        case .vary(let entries): Set(entries.flatMap { $0.map(\.name) })
        case .grid(let axes): Set(axes.flatMap { $0.parameters.map(\.name) })
        case .list(let points): Set(points.flatMap(\.keys))
        case .sample(let spec): Set(spec.space.keys)
        }
    }
}
