/// The value of the parameter `layers`: a preset's name, or a map `{classes, names, exclude}` of one's own.
package struct LayerSelection: Hashable, Sendable {
    /// Set for a preset; then the three lists are empty.
    package let preset: LayerPreset?
    package let classes: [String]
    package let names: [String]
    package let exclude: [String]

    package init(_ preset: LayerPreset) {
        self.preset = preset
        classes = []
        names = []
        exclude = []
    }

    package init(classes: [String], names: [String], exclude: [String]) {
        preset = nil
        self.classes = classes
        self.names = names
        self.exclude = exclude
    }

    package var unet: LayerRule { preset?.unet ?? LayerRule(classes: classes, names: names, exclude: exclude) }

    package var textEncoder: LayerRule {
        preset?.textEncoder ?? LayerRule(classes: classes, names: names, exclude: exclude)
    }

    package var includesConvolutions: Bool { preset?.includesConvolutions ?? true }

    /// Whether any layer of a text encoder can be selected.
    package var includesTextEncoder: Bool { !textEncoder.isEmpty }
}

extension LayerSelection {
    /// - Throws: `RunSpecError` naming what is wrong with the value and what is accepted.
    package init(_ value: ParameterValue) throws(RunSpecError) {
        switch value {
        case .text(let name):
            guard let preset = LayerPreset(rawValue: name) else {
                throw Self.refused(
                    "'\(name)' is no layer preset; accepted: \(Self.presetNames), or a map {classes, names, exclude}")
            }
            self.init(preset)
        case .map(let map):
            for key in map.keys.sorted() where !Self.keys.contains(key) {
                throw Self.refused("unknown key '\(key)'; accepted: \(Self.keys.joined(separator: ", "))")
            }
            let lists = try Self.keys.map { key throws(RunSpecError) in try Self.names(map[key], key: key) }
            guard !lists[0].isEmpty || !lists[1].isEmpty else {
                throw Self.refused("a map needs at least one entry in 'classes' or 'names'")
            }
            self.init(classes: lists[0], names: lists[1], exclude: lists[2])
        default:
            throw Self.refused(
                "is \(value.kindName); wanted a preset (\(Self.presetNames)) or a map {classes, names, exclude}")
        }
    }

    /// The value this selection was read from.
    package var parameterValue: ParameterValue {
        if let preset { return .text(preset.rawValue) }
        var map: [String: ParameterValue] = [:]
        // An empty list says nothing: leaving it out gives equal selections one identity.
        if !classes.isEmpty { map["classes"] = .list(classes.map { .text($0) }) }
        if !names.isEmpty { map["names"] = .list(names.map { .text($0) }) }
        if !exclude.isEmpty { map["exclude"] = .list(exclude.map { .text($0) }) }
        return .map(map)
    }

    private static let keys = ["classes", "names", "exclude"]
    private static let presetNames = LayerPreset.allCases.map(\.rawValue).joined(separator: ", ")

    private static func names(_ value: ParameterValue?, key: String) throws(RunSpecError) -> [String] {
        guard let value, !value.isNull else { return [] }
        let items = value.list ?? [value]
        return try items.map { item throws(RunSpecError) in
            guard let text = item.text, !text.isEmpty else {
                throw refused("'\(key)' holds \(item.kindName); wanted names")
            }
            return text
        }
    }

    private static func refused(_ message: String) -> RunSpecError {
        RunSpecError(code: .badParameter, message: "layers: \(message)", parameter: "layers")
    }
}

extension LayerSelection: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(ParameterValue(from: decoder))
    }

    package func encode(to encoder: any Encoder) throws {
        try parameterValue.encode(to: encoder)
    }
}
