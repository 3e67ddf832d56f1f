import RunSpec

/// The parameter table of the built-in trainer: a table for the eye, then a line of words for each parameter.
enum ParameterReference {
    static func markdown() -> String {
        let groups = [
            ("Adapter", ParameterTable.adapterParameters), ("Training", ParameterTable.trainingParameters),
            ("Editing without training", ParameterTable.editParameters),
        ]
        let parts = groups.flatMap { title, definitions in
            [
                "### \(title)",
                (["| name | type | default | range | algorithms |", "|---|---|---|---|---|"] + definitions.map(row))
                    .joined(separator: "\n"),
                definitions.map(words).joined(separator: "\n"),
            ]
        }
        return parts.joined(separator: "\n\n") + "\n"
    }

    private static func row(_ definition: ParameterDefinition) -> String {
        let range = definition.range?.wanted ?? ""
        return "| `\(definition.name)` | \(type(definition.kind)) | \(fallback(definition.default)) | "
            + "\(range.hasPrefix("from ") ? String(range.dropFirst(5)) : range) | "
            + "\(definition.methods.map(methods) ?? algorithms(definition.algorithms)) |"
    }

    private static func type(_ kind: ParameterDefinition.Kind) -> String {
        switch kind {
        case .number: "number"
        case .integer: "integer"
        case .flag: "true or false"
        case .text: "text"
        case .choice: "word"
        case .list(let count): count.map { "\($0) numbers" } ?? "list of numbers"
        case .layers: "preset or map"
        case .resolution: "integer or pair"
        }
    }

    private static func fallback(_ value: ParameterDefinition.Default) -> String {
        switch value {
        case .absent: "–"
        case .value(let value): "`\(value)`"
        case .sameAs(let other): "as `\(other)`"
        }
    }

    private static func algorithms(_ set: Set<Algorithm>?) -> String {
        let known = Algorithm.allCases.filter { $0.canonical == $0 }
        guard let set, !known.allSatisfy(set.contains) else { return "all" }
        if set == Set(Algorithm.allCases.filter(\.hasDim)) { return "ranked" }
        if set == Set(Algorithm.allCases.filter(\.hasAlpha)) { return "scaled" }
        let missing = known.filter { !set.contains($0) }
        let shown = missing.count == 1 ? missing : known.filter(set.contains)
        return (missing.count == 1 ? "all but " : "") + shown.map(\.rawValue).joined(separator: ", ")
    }

    private static func methods(_ set: Set<EditMethod>) -> String {
        set.count == EditMethod.allCases.count
            ? "all that edit" : EditMethod.allCases.filter(set.contains).map(\.rawValue).joined(separator: ", ")
    }

    private static func words(_ definition: ParameterDefinition) -> String {
        func quoted(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }
        var text = "`\(definition.name)`: \(definition.summary)."
        if case .choice(let values) = definition.kind { text += " Values: \(quoted(values))." }
        if !definition.aliases.isEmpty {
            let aliases = definition.aliases.sorted { $0.key < $1.key }.map { "`\($0.key)` for `\($0.value)`" }
            text += " \(aliases.count == 1 ? "Alias" : "Aliases"): \(aliases.joined(separator: ", "))."
        }
        if !definition.foreignNames.isEmpty { text += " Elsewhere: \(quoted(definition.foreignNames))." }
        return Markdown.folded(text, prefix: "- ")
    }
}
