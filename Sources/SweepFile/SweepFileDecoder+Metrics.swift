import RunSpec
import SweepModel

extension SweepFileDecoder {
    private static let metricKeys = [
        "better", "unit", "title", "prompts", "weight", "command", "env", "version", "judge", "model", "rubric",
    ]

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

    /// `metrics: {NAME: {command: [python3, face.py]}}`, and `{judge: URL, model: NAME, rubric: FILE}` for a
    /// model that judges pictures.
    mutating func externalMetrics(_ node: YAMLNode) -> [ExternalMetric] {
        guard case .mapping(let entries) = node.content else { return [] }
        return entries.compactMap { entry in
            guard case .mapping(let content) = entry.value.content else { return nil }
            let known = Dictionary(content.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
            return externalMetric(entry, known)
        }
    }

    private mutating func externalMetric(_ entry: YAMLEntry, _ known: [String: YAMLNode]) -> ExternalMetric? {
        let what = "metrics.\(entry.key)"
        if let judge = known["judge"] { return self.judge(entry.key, judge, known) }
        for key in ["model", "rubric"] {
            if let node = known[key] { refuse(node.mark, "\(what).\(key) belongs to a 'judge', which is not there") }
        }
        guard let node = known["command"] else {
            for key in ["env", "version"] {
                if let node = known[key] {
                    refuse(node.mark, "\(what).\(key) belongs to a 'command', which is not there")
                }
            }
            return nil
        }
        guard case .sequence(let items) = node.content, !items.isEmpty else {
            refuse(node.mark, "\(what).command: wanted a list, one entry an argument (no shell reads it)")
            return nil
        }
        let command = items.compactMap { source($0, "\(what).command") }
        return ExternalMetric(
            name: entry.key, command: command, env: known["env"].map { environment($0, what) },
            version: known["version"].flatMap { source($0, "\(what).version") })
    }

    private mutating func environment(_ node: YAMLNode, _ what: String) -> [String: String] {
        var result: [String: String] = [:]
        for entry in namedEntries(node, "\(what).env") {
            result[entry.key] = source(entry.value, "\(what).env.\(entry.key)")
        }
        return result
    }

    private mutating func judge(_ name: String, _ node: YAMLNode, _ known: [String: YAMLNode]) -> ExternalMetric? {
        let what = "metrics.\(name)"
        guard let url = text(node, "\(what).judge") else { return nil }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            refuse(
                node.mark,
                "\(what).judge is '\(url)'; wanted the address of an OpenAI-compatible service, http://HOST/v1")
            return nil
        }
        var command = ["{radiata}", "judge", "--url", url, "--metric", name]
        if let model = known["model"].flatMap({ text($0, "\(what).model") }) { command += ["--model", model] }
        guard let rubric = known["rubric"] else {
            refuse(node.mark, "\(what).judge needs a 'rubric': a text file that says what is judged")
            return nil
        }
        guard let path = text(rubric, "\(what).rubric") else { return nil }
        do {
            switch try inputs.file(path, besides: nil) {
            case .found(let found): command += ["--rubric-text", found.text]
            case .missing(let searched):
                refuse(rubric.mark, "no rubric '\(path)'; looked for \(searched.joined(separator: " and "))")
                return nil
            }
        } catch {
            refuse(rubric.mark, "rubric '\(path)': \(error)")
            return nil
        }
        return ExternalMetric(
            name: name, command: command, env: known["env"].map { environment($0, what) },
            version: known["version"].flatMap { source($0, "\(what).version") })
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
