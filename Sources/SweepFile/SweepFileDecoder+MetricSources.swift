import RunSpec
import SweepModel

/// `metrics` of a command trainer: where its numbers are.
extension SweepFileDecoder {
    private typealias Source = CommandTrainer.MetricSource

    private static let kinds = CommandTrainer.MetricSource.Kind.allCases.map(\.rawValue)

    mutating func metricSource(_ node: YAMLNode) -> CommandTrainer.MetricSource? {
        let known = entries(
            node, of: "an entry of metrics", keys: Self.kinds + ["step", "map", "epochs", "table", "under"])
        let found = Source.Kind.allCases.compactMap { kind in known[kind.rawValue].map { (kind, $0) } }
        guard let (kind, entry) = found.first, found.count == 1 else {
            // An unknown key is told already, and what it was meant to be is not known.
            if case .mapping(let all) = node.content, all.count == known.count {
                let words = Self.kinds.map { "'\($0)'" }.joined(separator: ", ")
                refuse(
                    node.mark,
                    found.isEmpty
                        ? "an entry of metrics needs one of \(words)"
                        : "an entry of metrics has '\(found[0].0.rawValue)' and '\(found[1].0.rawValue)'; write two entries"
                )
            }
            return nil
        }
        guard let place = kind == .stdout ? source(entry.value, "stdout") : text(entry.value, kind.rawValue) else {
            return nil
        }
        var result = Source(kind: kind, path: kind == .stdout ? "" : place)
        if let step = known["step"] { readStep(step.value, into: &result) }
        if let map = known["map"] { result.map = names(map.value) }
        if let epochs = known["epochs"] {
            if kind == .tfevents {
                result.epochs = (sequence(epochs.value, "epochs") ?? []).compactMap { text($0, "a tag of epochs") }
            } else {
                refuse(epochs.keyMark, "'epochs' is for tfevents; name the column or key of the step with 'step'")
            }
        }
        if let table = known["table"] {
            if kind == .sqlite {
                result.table = text(table.value, "table")
            } else {
                refuse(table.keyMark, "'table' is for sqlite")
            }
        }
        if let under = known["under"] {
            if kind == .jsonl {
                result.under = text(under.value, "under")
            } else {
                refuse(under.keyMark, "'under' is for jsonl: the object in a line that holds the numbers")
            }
        }
        if kind == .stdout {
            result.pattern = place
            check(place, step: result.step ?? "step", entry.value.mark)
        }
        return result
    }

    /// `step: KEY`, or `step: {key: KEY, base: attempt}`.
    private mutating func readStep(_ node: YAMLNode, into source: inout CommandTrainer.MetricSource) {
        var key: (text: String, mark: SourceMark)?
        if case .mapping = node.content {
            let known = entries(node, of: "step", keys: ["key", "base"])
            source.base = known["base"].flatMap { choice($0.value, "step.base", Source.Base.self) }
            if let entry = known["key"] { key = text(entry.value, "step.key").map { ($0, entry.value.mark) } }
        } else {
            key = text(node, "step").map { ($0, node.mark) }
        }
        guard let key else { return }
        // Both have a step of their own beside the values.
        if source.kind == .tfevents || source.kind == .wandb, key.text == "global" { return }
        if source.kind == .tfevents {
            refuse(
                key.mark, "step is '\(key.text)'; events have a step of their own: wanted 'global' or {base: attempt}")
            return
        }
        source.step = key.text
    }

    /// New names; nothing leaves a metric out.
    private mutating func names(_ node: YAMLNode) -> [String: String] {
        var names: [String: String] = [:]
        for entry in namedEntries(node, "map") {
            if case .scalar(.null, _) = entry.value.content {
                names[entry.key] = ""
            } else if let name = text(entry.value, "map.\(entry.key)") {
                if !MetricLimit.accepts(name) {
                    refuse(
                        entry.value.mark,
                        "map.\(entry.key) has \(name.utf8.count) bytes; at most \(MetricLimit.nameBytes)")
                }
                names[entry.key] = name
            }
        }
        return names
    }

    private mutating func check(_ pattern: String, step: String, _ mark: SourceMark) {
        do {
            let groups = try LinePattern(pattern).names
            if !groups.contains(step) {
                refuse(mark, "stdout has no group for the step; wanted '(?<\(step)>[0-9]+)' in it")
            } else if groups.count < 2 {
                refuse(mark, "stdout has no group for a number, as in '(?<loss>[-0-9.e]+)'")
            }
        } catch {
            refuse(mark, "stdout: \(error.message)")
        }
    }
}
