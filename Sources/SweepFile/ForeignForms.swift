import RunSpec
import SweepModel

/// What people bring along from other tools' sweep files: named as such, with the form that is right here,
/// rather than taken for a value that happens to be a map.
enum ForeignForms {
    private static let words: Set<String> = [
        "value", "values", "distribution", "min", "max", "mu", "sigma", "q", "probabilities", "parameters",
    ]

    /// Top-level keys of W&B's sweep files that are none of ours.
    private static let topLevel: [String: String] = [
        "method": "a group is a 'grid', or a 'sample' with a 'space'",
        "metric": "nothing is optimised while a sweep runs; 'radiata top SWEEP --metric M' ranks the results",
        "program": "write trainer: { command: [python3, /path/train.py, --lr, \"{lr}\"] }",
        "command": "write trainer: { command: [...] } with \"{name}\" where a parameter stands",
        "early_terminate": "there is nothing like it here; leave it out",
        "run_cap": "write sample: { count: N }", "project": "leave it out", "entity": "leave it out",
    ]

    /// What to say of an unknown key at the top of a sweep file; nil if it is not W&B's.
    static func topLevelHint(_ entry: YAMLEntry) -> String? {
        if entry.key == "parameters", case .mapping(let parameters) = entry.value.content {
            let axes = parameters.prefix(3).map { axis($0.value, of: $0.key) }.joined(separator: ", ")
            let rest = parameters.count > 3 ? ", …" : ""
            let form = parameters.contains { isRange($0.value) } ? "sample: { count: N }, space: " : "grid: "
            return "it is W&B's; here it is groups: [ { \(form){ \(axes)\(rest) } } ]"
        }
        return topLevel[entry.key].map {
            "it is W&B's; \($0); or run the whole file as it is: --from wandb"
        }
    }

    /// What to say of a parameter's map if it is one of W&B's; nil for other maps.
    ///
    /// - Parameters:
    ///   - isAxis: `{values: [...]}` stands where it is our own form.
    ///   - isSpace: it stands in the space of a sample.
    static func hint(_ node: YAMLNode, of name: String, isAxis: Bool = false, isSpace: Bool = false) -> String? {
        guard case .mapping(let entries) = node.content, isForeign(entries) else { return nil }
        if isAxis, entries.contains(where: { $0.key == "values" }), entries.count == 1 { return nil }
        if let nested = entries.first(where: { $0.key == "parameters" }),
            case .mapping(let parts) = nested.value.content
        {
            let axes = parts.map { axis($0.value, of: $0.key) }.joined(separator: ", ")
            return """
                \(name) holds W&B's nested 'parameters'; every parameter has a name of its own here: \(axes) \
                (a trainer gets them with \(parts.map { "\"{\($0.key)}\"" }.joined(separator: ", ")))
                """
        }
        var form = axis(node, of: name)
        if isSpace, let values = entries.first(where: { $0.key == "values" }) {
            form = "\(name): { choice: \(text(values.value)) }"
        } else if isSpace, entries.contains(where: { $0.key == "value" }) {
            form += " in the group's 'baseline'"
        }
        return "\(name) is written in W&B's form; here it is \(form)"
    }

    /// A map whose words are all W&B's, with one that says what it is.
    private static func isForeign(_ entries: [YAMLEntry]) -> Bool {
        let keys = Set(entries.map(\.key))
        guard !entries.isEmpty, keys.isSubset(of: words) else { return false }
        if keys.contains("parameters"), let nested = entries.first(where: { $0.key == "parameters" }) {
            guard case .mapping(let parts) = nested.value.content, !parts.isEmpty else { return false }
            return parts.allSatisfy { part in
                if case .mapping(let inner) = part.value.content { return isForeign(inner) }
                return false
            }
        }
        return !keys.isDisjoint(with: ["value", "values", "distribution"]) || keys.isSuperset(of: ["min", "max"])
    }

    private static func isRange(_ node: YAMLNode) -> Bool {
        guard case .mapping(let entries) = node.content else { return false }
        return entries.contains { $0.key == "distribution" || $0.key == "min" }
    }

    /// The right form of one of W&B's parameters, as `name: …`.
    private static func axis(_ node: YAMLNode, of name: String) -> String {
        guard case .mapping(let all) = node.content else { return "\(name): \(text(node))" }
        let entries = Dictionary(all.map { ($0.key, $0.value) }) { first, _ in first }
        if let value = entries["value"] { return "\(name): \(text(value))" }
        if let values = entries["values"] { return "\(name): \(text(values))" }
        if let nested = entries["parameters"], case .mapping(let parts) = nested.content {
            return parts.map { axis($0.value, of: $0.key) }.joined(separator: ", ")
        }
        let ends = "[\(entries["min"].map(text) ?? "A"), \(entries["max"].map(text) ?? "B")]"
        let word = entries["distribution"].map(text) ?? ""
        let isWhole = [entries["min"], entries["max"]].allSatisfy { end in
            guard let end, case .scalar(.number, let source) = end.content else { return false }
            return source.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        let kind: String
        switch word {
        case "log_uniform_values", "inv_log_uniform_values", "log_uniform", "q_log_uniform_values", "log_normal":
            kind = "log"
        case "int_uniform": kind = "int"
        case "": kind = isWhole ? "int" : "uniform"
        default: kind = "uniform"
        }
        return "\(name): { \(kind): \(ends) } in the 'space' of a 'sample'"
    }

    /// A value as it is written; what is long is cut.
    private static func text(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(_, let source): source
        case .sequence(let items):
            "[" + items.prefix(6).map(text).joined(separator: ", ") + (items.count > 6 ? ", …]" : "]")
        case .mapping: "{…}"
        }
    }
}
