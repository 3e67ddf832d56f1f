import Ports
package import RunSpec

/// All that was wrong with an expansion, together.
package struct ExpansionFaults: Error, Equatable, Sendable {
    package let faults: [SweepModelError]
}

extension SweepDefinition {
    private static let manySeeds = 4

    /// Expands the sweep: the union of its groups, duplicates collapsed, times the seeds.
    ///
    /// - Throws: `ExpansionFaults` with every impossible point, each kind of fault once per group.
    package func plan() throws(ExpansionFaults) -> SweepPlan {
        var expansion = SweepExpansion(self)
        for group in groups { expansion.add(group) }
        return try expansion.finish()
    }

    /// The same, without the ids of jobs: of a million they take seconds, in which the first could run.
    ///
    /// - Throws: as ``plan()``: all that can be wrong is found here.
    package func outline() throws(ExpansionFaults) -> SweepOutline {
        // With few seeds there is little to put off, and what makes the ids is a long text of each
        // configuration.
        guard seeds.count >= Self.manySeeds else {
            return SweepOutline(plan: try plan(), runs: [], identities: [], provisional: false)
        }
        var expansion = SweepExpansion(self)
        expansion.namesJobs = false
        for group in groups { expansion.add(group) }
        return try expansion.outline()
    }
}

/// The state of one expansion.
private struct SweepExpansion {
    private let sweep: SweepDefinition
    private let provisional: Bool
    private var configurations: [PlannedConfiguration] = []
    private var indices: [ConfigurationID: Int] = [:]
    private var jobs: [PlannedJob] = []
    /// Seeds that each configuration got with its first point, and all of those that came again: a
    /// configuration and a seed are a job.
    private var firstSeeds: [[Int]] = []
    private var allSeeds: [Int: Set<Int>] = [:]
    /// The sweep's, none twice.
    private let seeds: [Int]
    /// Whether jobs get their ids now.
    var namesJobs = true
    private var runs: [SweepOutline.Run] = []
    private var identities: [JobIdentity] = []
    private var jobCount = 0
    private var faults: [SweepModelError] = []
    private var warnings: [String] = []
    /// Rendered with the first point of each configuration file; most sweeps have one frame.
    private var frames: [FrameKey: Frames] = [:]
    private var kinds: Set<JobKind> = []

    private struct FrameKey: Hashable {
        let choice: ParameterValue
        let kind: JobKind
    }

    private struct Frames {
        let own: JobIdentityFrame
        /// Of earlier programs; nil where it is the same.
        let former: JobIdentityFrame?
    }

    /// What a command needs from every point.
    private let neededNames: [String]
    /// What it needs only where a parameter stands.
    private let conditionalNames: [(condition: String, names: [String])]
    private let choosesConfig: Bool

    init(_ sweep: SweepDefinition) {
        self.sweep = sweep
        var seen: Set<Int> = []
        seeds = sweep.seeds.filter { seen.insert($0).inserted }
        let command = sweep.trainer.command
        neededNames = command?.neededNames ?? []
        conditionalNames = command?.conditionalNames ?? []
        choosesConfig = command?.config?.sources.contains { $0.name != nil } ?? false
        provisional = sweep.inputs.contains { $0.digest == nil }
        for input in sweep.inputs where input.digest == nil {
            warnings.append("\(input.missingMessage): job ids are provisional")
        }
    }

    mutating func add(_ group: SweepGroup) {
        do throws(SweepModelError) {
            let points = try group.points(defaults: sweep.defaults)
            // Before any identity is computed: a million of them take seconds.
            let (most, overflow) = points.count.multipliedReportingOverflow(by: sweep.seeds.count)
            guard !overflow, most <= SweepGroup.largestExpansion || points.allSatisfy({ $0["seed"] != nil }) else {
                throw Self.tooManyJobs(group)
            }
            for point in points { try add(point, of: group) }
        } catch {
            report(error, in: group)
        }
    }

    consuming func outline() throws(ExpansionFaults) -> SweepOutline {
        let (runs, identities, provisional) = (runs, identities, provisional)
        return SweepOutline(plan: try finish(), runs: runs, identities: identities, provisional: provisional)
    }

    consuming func finish() throws(ExpansionFaults) -> SweepPlan {
        if faults.isEmpty, jobCount == 0 {
            faults.append(
                SweepModelError(code: .badExpansion, message: "the sweep has no jobs: every point is excluded"))
        }
        faults += editFaults()
        guard faults.isEmpty else { throw ExpansionFaults(faults: faults) }
        return SweepPlan(name: sweep.name, configurations: configurations, jobs: jobs, warnings: warnings)
    }

    /// What a sweep that edits pictures has no use for: nothing of it may be left out in silence.
    private func editFaults() -> [SweepModelError] {
        guard kinds.contains(.edit) else { return [] }
        var messages: [String] = []
        if kinds.count > 1 {
            messages.append("a sweep trains or edits, whose data are of two kinds; make two files of it")
        }
        if let evaluation = sweep.evaluation, evaluation != EvaluationSpec() {
            messages.append("'evaluate' of a sweep that edits names encoders alone (clip, dinov2, lpips)")
        }
        let others: [(key: String, isThere: Bool)] = [
            ("checkpoints", sweep.checkpoints != nil), ("stop_when", sweep.stopRule != nil),
            ("on_oom", sweep.onOOM != nil), ("reg_data", sweep.regData != nil),
            ("metrics that are programs", !sweep.external.isEmpty),
        ]
        messages += others.filter(\.isThere).map { "\($0.key): for trainings; a sweep that edits has none" }
        return messages.map { SweepModelError(code: .badExpansion, message: $0) }
    }

    /// A point that is impossible is a fault of its own; the next one is still looked at.
    private mutating func add(_ point: [String: ParameterValue], of group: SweepGroup) throws(SweepModelError) {
        let seeds = try seeds(of: point, group: group)
        var given = point
        given["seed"] = nil
        let parameters: [String: ParameterValue]
        if sweep.trainer.isCore {
            do {
                let resolved = try ParameterTable.resolve(given)
                for dropped in resolved.dropped {
                    warn("group \(group.name): \(dropped.reason); \(dropped.name) is ignored there")
                }
                parameters = resolved.parameters
            } catch {
                report(SweepModelError(code: .badExpansion, message: error.message, mark: group.mark), in: group)
                return
            }
        } else {
            parameters = given
            if let missing = neededNames.first(where: { parameters[$0] == nil }) ?? missingConditionalName(parameters) {
                let fault =
                    "no value for {\(missing)}, which the trainer's command or files need; set it, or write {{\(missing)}}"
                report(SweepModelError(code: .badExpansion, message: fault, mark: group.mark), in: group)
                return
            }
        }
        try add(given: given, parameters: parameters, seeds: seeds, group: group)
    }

    private mutating func add(
        given: [String: ParameterValue], parameters: [String: ParameterValue], seeds: [Int], group: SweepGroup
    ) throws(SweepModelError) {
        let kind = JobKind(of: parameters, trainer: sweep.trainer)
        kinds.insert(kind)
        let isTrainedHere = sweep.trainer.isCore && kind == .train
        let epochs = parameters["epochs"]?.integer
        var checkpoints = sweep.checkpoints ?? (isTrainedHere ? CheckpointPlan() : nil)
        if let epochs { checkpoints = checkpoints?.trimmed(toEpochs: epochs) }
        // The file's content is in the frame; what it is called decides nothing.
        var identified = parameters
        if choosesConfig { identified[CommandTrainer.ConfigRule.choice] = nil }
        let frames = try frames(of: parameters, kind)
        let identity = try JobIdentity(frames.own, parameters: identified, checkpoints: checkpoints)
        let index: Int
        var new = seeds
        if let known = indices[identity.configuration] {
            index = known
            var all = allSeeds[known] ?? Set(firstSeeds[known])
            new = seeds.filter { all.insert($0).inserted }
            allSeeds[known] = all
            if !configurations[known].groups.contains(group.name) { configurations[known].groups.append(group.name) }
        } else {
            index = configurations.count
            indices[identity.configuration] = index
            // The final checkpoint of a program is one of those its rules find: only listed ones are counted
            // there.
            let listed = checkpoints.map { $0.epochs.count + $0.steps.count } ?? 0
            let count = isTrainedHere || (epochs != nil && listed > 0) ? listed + 1 : listed
            var configuration = PlannedConfiguration(
                id: identity.configuration, group: group.name, groups: [group.name], given: given,
                parameters: parameters, checkpoints: checkpoints, checkpointCount: count)
            configuration.former = try frames.former.map { frame throws(SweepModelError) in
                try JobIdentity(frame, parameters: identified, checkpoints: checkpoints)
            }
            configurations.append(configuration)
            firstSeeds.append(seeds)
            if !namesJobs { identities.append(identity) }
        }
        guard jobCount + seeds.count <= SweepGroup.largestExpansion else {
            throw Self.tooManyJobs(group)
        }
        guard !new.isEmpty else { return }
        if namesJobs {
            for seed in new {
                let id = identity.job(seed: seed)
                jobs.append(PlannedJob(id: id, configuration: index, seed: seed, provisional: provisional))
            }
        } else {
            runs.append(SweepOutline.Run(start: jobCount, configuration: index, seeds: new))
        }
        jobCount += new.count
    }

    private mutating func frames(
        of parameters: [String: ParameterValue], _ kind: JobKind
    ) throws(SweepModelError) -> Frames {
        let key = FrameKey(
            choice: choosesConfig ? parameters[CommandTrainer.ConfigRule.choice] ?? .null : .null, kind: kind)
        if let known = frames[key] { return known }
        var trainer = sweep.trainer
        if case .command(let command) = trainer { trainer = .command(try command.choosingConfig(parameters)) }
        func frame(_ rule: JobIdentity.Rule) throws(SweepModelError) -> JobIdentityFrame {
            try JobIdentityFrame(
                rule, kind: kind, trainer: trainer, evaluation: sweep.evaluation, base: sweep.base, data: sweep.data,
                regData: sweep.regData, clip: sweep.encoders[.clip], stopRule: sweep.stopRule, onOOM: sweep.onOOM,
                encoders: sweep.encoders)
        }
        // A program that reads the job file may measure by what stands there.
        let readsAll = trainer.command?.templateNames.contains("job") == true
        let both = Frames(
            own: try frame(readsAll ? .whole : .training),
            former: sweep.evaluation == nil || readsAll || kind == .edit ? nil : try frame(.whole))
        frames[key] = both
        return both
    }

    private func missingConditionalName(_ parameters: [String: ParameterValue]) -> String? {
        for (condition, names) in conditionalNames where CommandTrainer.stands(condition, in: parameters) {
            if let missing = names.first(where: { parameters[$0] == nil }) { return missing }
        }
        return nil
    }

    private func seeds(of point: [String: ParameterValue], group: SweepGroup) throws(SweepModelError) -> [Int] {
        guard let own = point["seed"] else { return self.seeds }
        guard let seed = own.integer, seed >= 0 else {
            throw SweepModelError(
                code: .badExpansion, message: "seed is \(own); wanted an integer of at least 0", mark: group.mark)
        }
        return [seed]
    }

    private mutating func report(_ error: SweepModelError, in group: SweepGroup) {
        let placed = SweepModelError(
            code: error.code, message: "group \(group.name): \(error.message)", mark: error.mark ?? group.mark)
        if !faults.contains(placed) { faults.append(placed) }
    }

    private static func tooManyJobs(_ group: SweepGroup) -> SweepModelError {
        SweepModelError(
            code: .badExpansion,
            message: "more than \(SweepGroup.largestExpansion) jobs; split the sweep or use fewer seeds",
            mark: group.mark)
    }

    private mutating func warn(_ text: String) {
        if !warnings.contains(text) { warnings.append(text) }
    }
}

extension CommandTrainer {
    /// Names that begin an argument of a command: what they stand for is all that the program sees at its
    /// beginning.
    package var leadingNames: Set<String> {
        let texts =
            (command + resume).map(\.text) + (evaluate ?? []) + (prepare ?? []).flatMap { $0.command.map(\.text) }
        return Set(texts.compactMap { CommandTemplate($0).leadingName })
    }

    /// Whether a text would be taken for an option where an argument begins with it. Negative numbers are
    /// values.
    package static func looksLikeOption(_ text: String) -> Bool { text.hasPrefix("-") && Double(text) == nil }

    /// Whether a conditional argument stands at a point: its parameter is set, and is not false; with a `!`
    /// the other way round.
    package static func stands(_ condition: String, in point: [String: ParameterValue]) -> Bool {
        if condition.hasPrefix("!") { return !stands(CommandArgument.name(of: condition), in: point) }
        guard let value = point[condition], !value.isNull else { return false }
        return value != .flag(false)
    }

    /// The arguments of a point, conditions decided.
    package func arguments(
        _ items: [CommandArgument], at point: [String: ParameterValue]
    ) -> [String] {
        items.filter { item in item.condition.map { Self.stands($0, in: point) } ?? true }.map(\.text)
    }

    /// Every name its texts hold, templates and conditions included, each once.
    package var templateNames: [String] {
        var seen: Set<String> = []
        let all =
            names(of: texts) + names(of: conditionalTexts)
            + (command + resume).compactMap { $0.condition.map(CommandArgument.name) }
            + names(of: config?.set.flatMap { Self.texts(in: $0.value) } ?? []) + (prepare ?? []).flatMap(\.names)
        return all.filter { seen.insert($0).inserted }
    }

    /// Names that every point must set. Settings are left out where a name of theirs has no value.
    package var neededNames: [String] {
        var seen: Set<String> = []
        let prepared = (prepare ?? []).flatMap { rule in
            names(of: rule.texts).filter { $0 != PrepareRule.target }
        }
        return (names(of: texts) + prepared).filter { isParameter($0) && seen.insert($0).inserted }
    }

    /// Names that a point must set where a conditional argument stands.
    var conditionalNames: [(condition: String, names: [String])] {
        (command + resume).compactMap { item in
            guard let condition = item.condition else { return nil }
            let names = CommandTemplate(item.text).names.filter(isParameter)
            return names.isEmpty ? nil : (condition, names)
        }
    }

    private func isParameter(_ name: String) -> Bool {
        !CommandTemplate.reserved.contains(name) && !CommandTemplate.provided.contains(name) && values?[name] == nil
            && !preparedNames.contains(name)
    }

    /// What is rendered for every point.
    private var texts: [String] {
        (command + resume).filter { $0.condition == nil }.map(\.text) + files.flatMap { [$0.to, $0.content] }
            + env.sorted { $0.key < $1.key }.map(\.value) + metrics.map(\.path) + checkpoints.map(\.glob)
            + samples.map(\.glob) + (evaluate ?? []) + (clean ?? [])
            + [config?.target, done?.file, restore, stop.file, stop.sqlite?.file].compactMap { $0 }
    }

    private var conditionalTexts: [String] { (command + resume).filter { $0.condition != nil }.map(\.text) }

    private func names(of texts: [String]) -> [String] { texts.flatMap { CommandTemplate($0).names } }

    private static func texts(in value: ParameterValue) -> [String] {
        switch value {
        case .text(let text): [text]
        case .list(let items): items.flatMap(texts)
        case .map(let map): map.sorted { $0.key < $1.key }.flatMap { texts(in: $0.value) }
        default: []
        }
    }
}
