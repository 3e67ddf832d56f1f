import RunSpec
import SweepModel

extension SweepFileDecoder {
    /// A map of parameters with one value each: defaults, a baseline, an entry of a list.
    mutating func values(_ node: YAMLNode, of what: String) -> [String: ParameterValue] {
        var values: [String: ParameterValue] = [:]
        for entry in mapping(node, what) ?? [] where knows(entry) {
            values[entry.key] = value(entry.value, of: entry.key)
        }
        return values
    }

    /// Whether the name is one of a parameter; says so if not.
    mutating func knows(_ entry: YAMLEntry) -> Bool {
        let name = entry.key
        if name == "seed", seedMark == nil { seedMark = entry.keyMark }
        if isCore {
            guard ParameterTable[name] == nil else { return true }
            let hint =
                ParameterTable.suggestion(for: name).map { "; did you mean '\($0)'?" }
                ?? "; docs/reference/parameters.md lists them"
            refuse(entry.keyMark, "unknown parameter '\(name)'\(hint)")
            return false
        }
        if CommandTemplate.reserved.contains(name) {
            refuse(entry.keyMark, "'\(name)' cannot be a parameter: {\(name)} is filled in by the worker")
            return false
        }
        guard CommandTemplate.isName(name) else {
            refuse(
                entry.keyMark,
                "'\(name)' cannot be a parameter: a name has letters, digits and '_', a letter first, and dots and "
                    + "places in lists where it is a path (a.b[0].c)")
            return false
        }
        return true
    }

    /// One value of a parameter.
    mutating func value(_ node: YAMLNode, of name: String) -> ParameterValue? {
        if let hint = ForeignForms.hint(node, of: name) {
            let escape = isCore ? "" : "; if the map itself is meant, write it as JSON in quotes"
            refuse(node.mark, hint + escape)
            return nil
        }
        guard let value = plain(node, of: name) else { return nil }
        if let text = value.text, optionNames.contains(name), CommandTrainer.looksLikeOption(text) {
            refuse(
                node.mark,
                "\(name) is '\(text)', which would stand alone as the argument \"{\(name)}\" and be taken for an option; "
                    + "write the option into the command, or give the value with it: \"--\(name)={\(name)}\"")
            return nil
        }
        guard isCore, !value.isNull else { return value }
        if case .list = value, let definition = ParameterTable[name], !definition.listTyped {
            refuse(
                node.mark,
                "\(name) is a list, which is an axis; here one value is wanted (axes stand in 'vary' and 'grid')")
            return nil
        }
        do {
            // Held against the table, but kept as written: aliases are folded where the job is identified.
            _ = try ParameterTable.check(name, value)
            return value
        } catch {
            refuse(node.mark, error.message)
            return nil
        }
    }

    /// The values of an axis: a list, except that for a list-typed parameter a flat list is one value. A
    /// scalar is an axis of one.
    mutating func axis(_ node: YAMLNode, of name: String) -> ParameterAxis? {
        guard case .sequence(let items) = node.content, !isOneValue(items, of: name) else {
            return value(node, of: name).map { ParameterAxis(name, [$0]) }
        }
        guard !items.isEmpty else {
            refuse(node.mark, "\(name) is an empty list; an axis needs at least one value")
            return nil
        }
        let values = items.compactMap { value($0, of: name) }
        return values.isEmpty ? nil : ParameterAxis(name, values)
    }

    private func isOneValue(_ items: [YAMLNode], of name: String) -> Bool {
        guard ParameterTable[name]?.listTyped == true, !items.isEmpty else { return false }
        return !items.contains { item in
            if case .sequence = item.content { return true }
            return false
        }
    }

    /// Conditions: each name with one value or a list of them, any of which will do.
    mutating func condition(_ node: YAMLNode, _ what: String, settable: Set<String>) -> Condition? {
        guard let entries = mapping(node, what) else { return nil }
        var allowed: [String: [ParameterValue]] = [:]
        for entry in entries {
            let name = entry.key
            guard knows(entry) else { continue }
            guard settable.contains(name) else {
                let hint = nearest(to: name, among: settable.sorted()).map { "; did you mean '\($0)'?" } ?? ""
                refuse(entry.keyMark, "\(what) names '\(name)', which nothing in this group sets\(hint)")
                continue
            }
            if let axis = axis(entry.value, of: name) { allowed[name] = axis.values }
        }
        if entries.isEmpty { refuse(node.mark, "\(what) is empty; it needs at least one parameter") }
        return allowed.count == entries.count && !entries.isEmpty ? Condition(allowed, mark: node.mark) : nil
    }

    /// The node as a parameter value, whatever the parameter.
    mutating func plain(_ node: YAMLNode, of name: String) -> ParameterValue? {
        switch node.content {
        case .scalar(.null, _): return .null
        case .scalar(.flag(let flag), _): return .flag(flag)
        case .scalar(.text(let text), _): return .text(text)
        case .scalar(.number(let number), let source):
            guard number.isFinite else {
                refuse(node.mark, "\(name) is \(source); wanted a finite number")
                return nil
            }
            guard number != number.rounded() || abs(number) <= ParameterValue.largestInteger else {
                refuse(
                    node.mark,
                    "\(name) is \(source), beyond 2^53, where neighbouring integers cannot be told apart; quote it to pass it on as text"
                )
                return nil
            }
            return .number(number)
        case .sequence(let items):
            let values = items.compactMap { plain($0, of: name) }
            return values.count == items.count ? .list(values) : nil
        case .mapping(let entries):
            var map: [String: ParameterValue] = [:]
            for entry in namedEntries(node, name) {
                guard let value = plain(entry.value, of: name) else { return nil }
                map[entry.key] = value
            }
            return map.count == entries.count ? .map(map) : nil
        }
    }
}
