import RunSpec
import SweepModel

extension SweepFileDecoder {
    private static let topKeys = [
        "name", "trainer", "base", "data", "reg_data", "seeds", "checkpoints", "defaults", "evaluate", "groups",
        "stop_when", "on_oom",
        "requires", "retries", "timeout", "keep", "priority", "metrics", "budget",
    ]

    /// The whole file. Where something is faulty a stand-in takes its place, so that the rest can be looked
    /// at.
    mutating func sweep(_ root: YAMLNode) -> SweepDefinition {
        let top = entries(root, of: "a sweep file", keys: Self.topKeys, foreign: ForeignForms.topLevelHint)
        let name = self.name(top["name"], root)
        let trainer = top["trainer"].map { self.trainer($0.value) } ?? .core
        isCore = trainer.isCore
        optionNames = trainer.command?.leadingNames ?? []
        let base = input(top["base"], "base", .base)
        let data = input(top["data"], "data", .data)
        if isCore {
            if top["base"] == nil {
                refuse(root.mark, "'base' is missing: the base model to fine-tune (a folder or a .safetensors file)")
            }
            if top["data"] == nil {
                refuse(root.mark, "'data' is missing: the folder with the images to train on, or to edit")
            }
        }
        let evaluation = top["evaluate"].map { self.evaluation($0.value) }
        let encoders = top["evaluate"].map { self.encoders($0.value) } ?? [:]
        let seeds = top["seeds"].map { self.seeds($0.value) }
        let checkpoints = top["checkpoints"].map { self.checkpoints($0.value) }
        let defaults = top["defaults"].map { values($0.value, of: "defaults") } ?? [:]
        let groups = self.groups(top["groups"], root, defaults: defaults)
        if let seedMark, let seedsEntry = top["seeds"] {
            refuse(seedMark, "'seed' is set here and 'seeds' in line \(seedsEntry.keyMark.line); keep one of them")
        }
        let external = top["metrics"].map { externalMetrics($0.value) } ?? []
        var definition = SweepDefinition(
            name: name, trainer: trainer, base: base, data: data, regData: input(top["reg_data"], "reg_data", .regData),
            encoders: encoders, seeds: seeds ?? [0], checkpoints: checkpoints, defaults: defaults,
            evaluation: evaluation, metrics: top["metrics"].map { metricDeclarations($0.value) } ?? [], groups: groups,
            requirements: top["requires"].map { requirements($0.value) } ?? RequirementSpec(),
            retries: top["retries"].map { retries($0.value) } ?? RetrySpec(),
            timeoutSeconds: top["timeout"].flatMap { self.seconds($0.value, "timeout") },
            retention: top["keep"].map { retention($0.value) } ?? RetentionPolicy(),
            priority: top["priority"].flatMap { integer($0.value, "priority", atLeast: -1_000_000) } ?? 0)
        definition.external = external
        definition.budget = top["budget"].flatMap { budget($0.value) }
        definition.stopRule =
            top["stop_when"].flatMap { stopRule($0.value, definition.metrics) }
            ?? top["keep"].flatMap { patience($0.value, definition) }
        definition.onOOM = top["on_oom"].flatMap { fallback($0.value) } ?? trainerFallback
        completeFallback(&definition)
        return definition
    }

    private mutating func name(_ entry: YAMLEntry?, _ root: YAMLNode) -> SweepName {
        let standIn = SweepName.unnamed
        guard let entry else {
            refuse(root.mark, "'name' is missing: \(SweepName.wanted)")
            return standIn
        }
        guard let text = source(entry.value, "name") else { return standIn }
        guard let name = SweepName(text) else {
            refuse(entry.value.mark, "name is '\(text)'; wanted \(SweepName.wanted)")
            return standIn
        }
        return name
    }

    private mutating func input(_ entry: YAMLEntry?, _ key: String, _ kind: InputKind) -> InputReference? {
        guard let entry, let path = text(entry.value, key) else { return nil }
        do {
            return try inputs.input(path, kind)
        } catch {
            refuse(entry.value.mark, "\(key): \(error)")
            return nil
        }
    }

    private mutating func seeds(_ node: YAMLNode) -> [Int] {
        let seeds = integers(node, "seeds", atLeast: 0)
        var seen: Set<Int> = []
        for seed in seeds where !seen.insert(seed).inserted { refuse(node.mark, "seeds has \(seed) twice") }
        return seeds
    }

    private mutating func checkpoints(_ node: YAMLNode) -> CheckpointPlan {
        let known = entries(node, of: "checkpoints", keys: ["epochs", "steps", "state_every"])
        return CheckpointPlan(
            epochs: known["epochs"].map { integers($0.value, "checkpoints.epochs", atLeast: 1) } ?? [],
            steps: known["steps"].map { integers($0.value, "checkpoints.steps", atLeast: 1) } ?? [],
            stateEverySeconds: known["state_every"].flatMap { self.seconds($0.value, "checkpoints.state_every") }
                ?? CheckpointPlan.defaultStateEverySeconds)
    }

    private static let evaluationKeys =
        [
            "prompts", "images", "sampler", "steps", "guidance", "image_guidance", "holdout", "metrics", "fit",
            "prompt_set",
        ] + EncoderRole.allCases.map(\.rawValue)

    /// What images are measured with besides the base's own encoders.
    private mutating func encoders(_ node: YAMLNode) -> [EncoderRole: InputReference] {
        guard case .mapping(let entries) = node.content else { return [:] }
        var encoders: [EncoderRole: InputReference] = [:]
        for role in EncoderRole.allCases {
            let entry = entries.first { $0.key == role.rawValue }
            encoders[role] = input(entry, "evaluate.\(role.rawValue)", .encoders)
        }
        if let entry = entries.first(where: { $0.key == EncoderRole.aesthetic.rawValue }), encoders[.clip] == nil {
            refuse(
                entry.keyMark,
                "evaluate.aesthetic is a head on CLIP's image vectors; name the pair too: clip: DIR (ViT-L/14 of OpenAI)"
            )
        }
        return encoders
    }

    private mutating func evaluation(_ node: YAMLNode) -> EvaluationSpec {
        let known = entries(node, of: "evaluate", keys: Self.evaluationKeys)
        var spec = EvaluationSpec()
        if let prompts = known["prompts"]?.value {
            let items = sequence(prompts, "evaluate.prompts") ?? []
            spec.prompts = items.compactMap { choice($0, "evaluate.prompts", PromptType.self) }
            if items.isEmpty {
                refuse(prompts.mark, "evaluate.prompts is empty; leave out 'evaluate' for no evaluation")
            }
            let isHeldOut = spec.prompts.contains(.holdout)
            if isHeldOut, known["holdout"] == nil {
                refuse(
                    prompts.mark, "evaluate.prompts names 'holdout', but nothing is held out; add holdout: 20 %")
            }
            // Drawn wherever something is held out: naming it makes no other job.
            spec.prompts.removeAll { $0 == .holdout }
            if isHeldOut, spec.prompts.isEmpty {
                refuse(prompts.mark, "evaluate.prompts names 'holdout' alone; add one of train, trigger, alter, style")
            }
        }
        spec.holdout = known["holdout"].flatMap { share($0.value, "evaluate.holdout") }
        spec.fit = known["fit"].flatMap { choice($0.value, "evaluate.fit", PictureFit.self) }
        spec.promptSet = known["prompt_set"].flatMap { choice($0.value, "evaluate.prompt_set", PromptSet.self) }
        if let metrics = known["metrics"]?.value { spec.metrics = self.metrics(metrics) }
        if let images = known["images"].flatMap({ integer($0.value, "evaluate.images", atLeast: 1) }) {
            spec.images = images
        }
        if let steps = known["steps"].flatMap({ integer($0.value, "evaluate.steps", atLeast: 1) }) {
            spec.steps = steps
        }
        if let guidance = known["guidance"].flatMap({ number($0.value, "evaluate.guidance", atLeast: 0) }) {
            spec.guidance = guidance
        }
        spec.imageGuidance = known["image_guidance"].flatMap { number($0.value, "evaluate.image_guidance", atLeast: 0) }
        if let entry = known["sampler"], let sampler = text(entry.value, "evaluate.sampler") {
            if EvaluationSpec.samplers.contains(sampler) {
                spec.sampler = sampler
            } else {
                let accepted = EvaluationSpec.samplers.joined(separator: ", ")
                refuse(entry.value.mark, "evaluate.sampler is '\(sampler)'; accepted: \(accepted)")
            }
        }
        return spec
    }

    /// The metrics that are to be made.
    private mutating func metrics(_ node: YAMLNode) -> [String]? {
        let keys = (sequence(node, "evaluate.metrics") ?? []).compactMap { text($0, "evaluate.metrics") }
        if keys.isEmpty { refuse(node.mark, "evaluate.metrics is empty; leave it out for the usual metrics") }
        for (key, nearest) in MetricSelection(keys).unknown {
            let hint = nearest.map { "; did you mean \($0)?" } ?? ""
            refuse(node.mark, "evaluate.metrics: '\(key)' is no metric of the core\(hint)")
        }
        return keys
    }

    private mutating func share(_ node: YAMLNode, _ what: String) -> Double? {
        guard let text = source(node, what) else { return nil }
        guard let share = EvaluationSpec.share(text) else {
            refuse(node.mark, "\(what) is '\(text)'; wanted a share above 0 and at most 50 %, such as 20 % or 0.2")
            return nil
        }
        return share
    }

    private mutating func requirements(_ node: YAMLNode) -> RequirementSpec {
        let known = entries(node, of: "requires", keys: ["labels", "gpus", "memory", "gpu_memory", "gpu"])
        var spec = RequirementSpec()
        for entry in known["labels"].map({ namedEntries($0.value, "requires.labels") }) ?? [] {
            spec.labels[entry.key] = source(entry.value, "requires.labels.\(entry.key)")
        }
        spec.gpus = known["gpus"].flatMap { integer($0.value, "requires.gpus", atLeast: 0) } ?? 0
        spec.memoryBytes = known["memory"].flatMap { self.bytes($0.value, "requires.memory") } ?? 0
        spec.gpuMemoryBytes = known["gpu_memory"].flatMap { self.bytes($0.value, "requires.gpu_memory") }
        if let entry = known["gpu"], let names = source(entry.value, "requires.gpu") {
            let hasEmpty = names.split(separator: "|", omittingEmptySubsequences: false).contains(where: \.isEmpty)
            if hasEmpty || (Int(names) ?? .max) < 100 {
                refuse(
                    entry.value.mark,
                    "requires.gpu is '\(names)'; wanted parts of names such as 4090|A6000 (how many: requires.gpus)")
            }
            spec.gpuNames = names
        }
        let asksForKind = spec.gpuMemoryBytes != nil || spec.gpuNames != nil
        if known["gpus"] == nil {
            spec.gpus = asksForKind ? 1 : 0
        } else if spec.gpus == 0 {
            spec.leavesGPUs = true
            if asksForKind, let mark = known["gpus"]?.value.mark {
                refuse(mark, "requires.gpus is 0, so gpu_memory and gpu mean nothing; leave them out, or give a number")
            }
        }
        return spec
    }

    private mutating func retries(_ node: YAMLNode) -> RetrySpec {
        let classes = FailureClass.allCases.filter(\.takesBudget)
        let known = entries(node, of: "retries", keys: classes.map(\.rawValue))
        var spec = RetrySpec()
        for failure in classes {
            guard let entry = known[failure.rawValue] else { continue }
            spec.budgets[failure] = integer(entry.value, "retries.\(failure.rawValue)", atLeast: 0)
        }
        return spec
    }

    private mutating func retention(_ node: YAMLNode) -> RetentionPolicy {
        let known = entries(node, of: "keep", keys: ["best", "last", "bytes"])
        var policy = RetentionPolicy()
        policy.last = known["last"].flatMap { integer($0.value, "keep.last", atLeast: 1) }
        policy.bytes = known["bytes"].flatMap { self.bytes($0.value, "keep.bytes") }
        guard let best = known["best"]?.value else { return policy }
        let parts = entries(best, of: "keep.best", keys: ["metric", "count", "patience"])
        if parts["metric"] == nil { refuse(best.mark, "keep.best needs a 'metric'") }
        let count = parts["count"].map { integer($0.value, "keep.best.count", atLeast: 1) } ?? 1
        if let metric = parts["metric"].flatMap({ text($0.value, "keep.best.metric") }), let count {
            policy.best = RetentionPolicy.Best(metric: metric, count: count)
        }
        return policy
    }

    /// `stop_when: {metric, patience, min_delta, after, better}`.
    private mutating func stopRule(_ node: YAMLNode, _ declared: [MetricDeclaration]) -> StopRule? {
        let known = entries(
            node, of: "stop_when", keys: ["metric", "patience", "min_delta", "after", "better"])
        guard let metric = known["metric"].flatMap({ text($0.value, "stop_when.metric") }) else {
            refuse(node.mark, "stop_when needs a 'metric': the key of a curve, or METRIC@PROMPTS of evaluations")
            return nil
        }
        guard let entry = known["patience"] else {
            refuse(node.mark, "stop_when needs 'patience': how many values without an improvement are enough")
            return nil
        }
        let better = known["better"].flatMap {
            choice($0.value, "stop_when.better", MetricDeclaration.Direction.self)
        }
        guard let patience = integer(entry.value, "stop_when.patience", atLeast: 1),
            let direction = better ?? direction(of: metric, declared, node.mark)
        else { return nil }
        return StopRule(
            metric: metric, better: direction, patience: patience,
            minDelta: known["min_delta"].flatMap { number($0.value, "stop_when.min_delta", atLeast: 0) } ?? 0,
            after: known["after"].flatMap { integer($0.value, "stop_when.after", atLeast: 0) } ?? 0)
    }

    /// `keep: {best: {metric, patience}}`: the same rule over the metric that the best are kept by.
    private mutating func patience(_ node: YAMLNode, _ definition: SweepDefinition) -> StopRule? {
        guard case .mapping(let keep) = node.content, let best = keep.first(where: { $0.key == "best" })?.value,
            case .mapping(let parts) = best.content, let entry = parts.first(where: { $0.key == "patience" }),
            let patience = integer(entry.value, "keep.best.patience", atLeast: 1),
            let metric = definition.retention.best?.metric,
            let direction = direction(of: metric, definition.metrics, entry.keyMark)
        else { return nil }
        return StopRule(metric: metric, better: direction, patience: patience)
    }

    /// Which values of a metric are better: as declared, or as its name tells.
    private mutating func direction(
        of metric: String, _ declared: [MetricDeclaration], _ mark: SourceMark
    ) -> MetricDeclaration.Direction? {
        let name = StopRule.parts(of: metric).metric
        let info = MetricInfo.of(name, declared: declared)
        guard info.isDirectionKnown else {
            refuse(
                mark,
                "nothing says whether a lower or a higher '\(name)' is better; add 'better: lower' or 'better: higher'")
            return nil
        }
        return info.lowerIsBetter ? .lower : .higher
    }
}
