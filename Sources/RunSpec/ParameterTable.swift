/// Every parameter of the core, in one place. The table decides job identity, so its version is part of it.
package enum ParameterTable {
    /// Grows whenever a default, an alias or a rule of dropping changes.
    package static let version = 1

    /// Of trainings, in the order in which they are settled.
    package static let all: [ParameterDefinition] = adapterParameters + trainingParameters

    package static subscript(_ name: String) -> ParameterDefinition? { byName[name] }

    /// Of trainings and of edits.
    private static let known = all + editParameters

    package static let names: [String] = known.map(\.name)

    private static let byName = Dictionary(uniqueKeysWithValues: known.map { ($0.name, $0) })

    /// Holds one value against its definition and folds aliases.
    ///
    /// - Returns: the value as it enters a job's identity.
    /// - Throws: `RunSpecError` with the parameter, what was found and what is accepted.
    package static func check(_ name: String, _ value: ParameterValue) throws(RunSpecError) -> ParameterValue {
        guard let definition = byName[name] else {
            throw RunSpecError(
                code: .unknownParameter,
                message: "unknown parameter '\(name)'"
                    + (suggestion(for: name).map { "; did you mean '\($0)'?" } ?? ""),
                parameter: name)
        }
        return try definition.checked(value)
    }

    /// The nearest name of the table, or the one that other trainers spell like this.
    package static func suggestion(for name: String) -> String? {
        if let own = known.first(where: { $0.foreignNames.contains(name) }) { return own.name }
        return nearest(to: name, among: names)
    }
}
