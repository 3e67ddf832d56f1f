import RunSpec
import SweepModel

/// Tests the paper's statements on a sweep, by rules that know parameters and measures and no particular
/// sweep.
///
/// A change is looked at with all else equal: checkpoints of one job, or configurations of one group that
/// differ in nothing else, over the steps that both have; of several groups the mean. An effect's sign is
/// told where its 90 % interval does not hold 0.
struct StatementMaker {
    let table: StatementTable
    let design: OneAtATime
    let varied: VariedParameters
    let quantiles = QuantileTable()

    typealias Part = PaperStatement.Part
    typealias Pair = (to: String, from: String)
    typealias RoleMeasure = StatementTable.RoleMeasure

    init(_ set: SweepResultSet) {
        table = StatementTable(set)
        design = OneAtATime(set.jobs, SweepFeatures(set.jobs))
        varied = VariedParameters(set.jobs)
    }

    /// Which way each kind of measure goes when there is more training, a higher rate or more capacity.
    static func more(_ role: StatementTable.Role) -> Int { role == .fidelity ? 1 : -1 }

    // MARK: 1

    func epochs() -> PaperStatement {
        var (parts, notes): ([Part], [String]) = ([], [])
        for measure in table.measures {
            guard let gain = gain(measure) else { continue }
            parts.append(
                part(
                    measure, gain.contrast, expected: Self.more(measure.role),
                    from: "from \(table.place(gain.first)) to \(table.place(gain.last))"))
            if measure.role == .fidelity { notes += [peak(measure), byClass(measure)].compactMap { $0 } }
            notes += [exceptions(measure)].compactMap { $0 }
        }
        return statement(
            1,
            "More epochs raise concept fidelity, and lower text alignment, diversity and the preservation of the base.",
            parts, notes, without: "no configuration has two checkpoints with these measures")
    }

    /// The baselines, where the sweep has such; else every configuration.
    private var defaults: [String] {
        let own = design.stars.map(\.baseline)
        return own.isEmpty ? design.parameters.keys.sorted() : own.sorted()
    }

    private struct Gain {
        var contrast: Contrast
        var first: Int
        var last: Int
    }

    /// Between the first and the last step of the defaults; those without both are left out.
    private func gain(_ measure: RoleMeasure, of configurations: [String]? = nil, class: String = "") -> Gain? {
        let own = configurations ?? defaults
        let steps = own.map { ($0, table.steps($0, measure.criterion, class: `class`)) }.filter { $0.1.count > 1 }
        guard let first = steps.map({ $0.1[0] }).min(), let last = steps.compactMap(\.1.last).max(), first < last else {
            return nil
        }
        let field = table.gains(measure.criterion, from: first, to: last, class: `class`)
        let groups = steps.compactMap { field.groups[$0.0] }
        guard !groups.isEmpty else { return nil }
        let weight = 1 / Double(groups.count)
        return Gain(
            contrast: Contrast(groups.map { ($0, weight) }, field.variance), first: first, last: last)
    }

    /// Where training longer is a path that turns back.
    private func peak(_ measure: RoleMeasure) -> String? {
        let own = defaults.filter { table.steps($0, measure.criterion).count > 2 }
        guard let first = own.first else { return nil }
        let steps = table.steps(first, measure.criterion)
        let same = own.filter { table.steps($0, measure.criterion) == steps }
        let means = steps.map { step -> Double in
            let field = table.field(measure.criterion, steps: [step])
            return same.compactMap { field.groups[$0]?.mean }.reduce(0, +) / Double(same.count)
        }
        guard let best = means.indices.max(by: { means[$0] < means[$1] }) else { return nil }
        let told = zip(steps, means).map { "\(NumberWords.text($0.1)) at \(table.place($0.0))" }
        return "\(measure.criterion.title.capitalizedFirst) is highest at \(table.place(steps[best])): "
            + "\(NumberWords.list(told))."
    }

    private func byClass(_ measure: RoleMeasure) -> String? {
        let found = table.classes.compactMap { name in
            gain(measure, class: name).map { (name, $0.contrast.estimate(quantiles: quantiles)) }
        }
        guard found.count > 1 else { return nil }
        let parts = [(1, "rises for"), (-1, "falls for"), (0, "cannot be told for")].compactMap {
            sign, verb -> String? in
            let own = found.filter { $0.1.sign == sign }.map { "\($0.0) (\(signed($0.1)))" }
            return own.isEmpty ? nil : "\(verb) \(NumberWords.list(own))"
        }
        return "By class, \(measure.criterion.title) \(parts.joined(separator: "; "))."
    }

    /// Other configurations that go against what the defaults do.
    private func exceptions(_ measure: RoleMeasure) -> String? {
        guard let usual = gain(measure)?.contrast.estimate(quantiles: quantiles), usual.sign != 0 else { return nil }
        let others = design.parameters.keys.sorted().filter { configuration in
            guard let own = gain(measure, of: [configuration])?.contrast.estimate(quantiles: quantiles) else {
                return false
            }
            return own.sign == -usual.sign
        }
        guard !others.isEmpty else { return nil }
        let labels = others.map { varied.label(design.parameters[$0] ?? [:]) }
        return
            "\(measure.criterion.title.capitalizedFirst) goes the other way in \(NumberWords.list(labels, atMost: 4))."
    }

    // MARK: 2

    func rates() -> PaperStatement {
        let pairs = ratePairs
        var parts = table.measures.compactMap { measure in
            contrast(pairs, measure).map {
                part(measure, $0, expected: Self.more(measure.role), from: "from the lowest to the highest rate")
            }
        }
        parts += [likeEpochs(pairs, "Higher learning rates")].compactMap { $0 } + notRescued()
        return statement(
            2, "A higher learning rate behaves like more epochs; one that is too low is not rescued by more of them.",
            parts, turns(pairs), without: "no configurations differ in the learning rate alone")
    }

    private var ratePairs: [Pair] {
        design.stars.compactMap { star in
            let own = rates(of: star)
            guard let low = own.first, let high = own.last, low.rate < high.rate else { return nil }
            return (high.configuration, low.configuration)
        }
    }

    /// A star's rates with all else equal, the lowest first.
    private func rates(of star: OneAtATime.Star) -> [(rate: Double, configuration: String)] {
        let own = [star.baseline] + star.changes.filter { $0.parameters == ["lr"] }.map(\.configuration)
        return own.compactMap { configuration in
            design.parameters[configuration]?["lr"]?.number.map { (rate: $0, configuration: configuration) }
        }.sorted { $0.rate < $1.rate }
    }

    /// Whether a change moves measures the way more epochs do.
    func likeEpochs(_ pairs: [Pair], _ what: String) -> Part? {
        alike(pairs, what, "more epochs do") { gain($0)?.contrast }
    }

    /// Whether more capacity moves them the way higher rates do.
    func likeRates(_ pairs: [Pair]) -> Part? {
        let rates = ratePairs
        return alike(pairs, "More capacity", "higher rates do") { contrast(rates, $0) }
    }

    private func alike(
        _ pairs: [Pair], _ what: String, _ usual: String, _ other: (RoleMeasure) -> Contrast?
    ) -> Part? {
        var (same, against, open): ([String], [String], [String]) = ([], [], [])
        for measure in table.measures {
            guard let effect = contrast(pairs, measure)?.estimate(quantiles: quantiles),
                let model = other(measure)?.estimate(quantiles: quantiles)
            else { continue }
            let title = measure.criterion.title
            switch effect.sign * model.sign {
            case 1: same.append(title)
            case -1: against.append(title)
            default: open.append(title)
            }
        }
        guard !same.isEmpty || !against.isEmpty || !open.isEmpty else { return nil }
        let verdict: PaperStatement.Verdict =
            same.isEmpty && against.isEmpty ? .open : against.isEmpty ? .holds : same.isEmpty ? .fails : .inPart
        let sentences = [
            same.isEmpty ? nil : "\(NumberWords.list(same)) the way \(usual)",
            against.isEmpty ? nil : "\(NumberWords.list(against)) the other way",
            open.isEmpty ? nil : "\(NumberWords.list(open)) nobody can tell which way",
        ].compactMap { $0 }
        return Part(
            measure: nil, verdict: verdict, effect: nil,
            text: "\(what) move\(what.hasSuffix("s") ? "" : "s") \(sentences.joined(separator: "; ")): "
                + "\(verdict.rawValue).")
    }

    /// Where a change does one thing at the first checkpoint and the opposite at the last.
    func turns(_ pairs: [Pair]) -> [String] {
        table.measures.compactMap { measure in
            let steps = pairs.map { common($0, measure) }
            guard let first = steps.compactMap(\.first).min(), let last = steps.compactMap(\.last).max(), first < last,
                let early = contrast(pairs, measure, at: first)?.estimate(quantiles: quantiles),
                let late = contrast(pairs, measure, at: last)?.estimate(quantiles: quantiles),
                early.sign * late.sign < 0
            else { return nil }
            return
                "It turns round: \(measure.criterion.title) changes by \(signed(early)) at \(table.place(first)), and by "
                + "\(signed(late)) at \(table.place(last))."
        }
    }

    /// The lowest rate after all epochs against the default after the first ones.
    private func notRescued() -> [Part] {
        guard let measure = table.measures.first(where: { $0.role == .fidelity }) else { return [] }
        return design.stars.compactMap { star -> Part? in
            guard let low = rates(of: star).first, low.configuration != star.baseline,
                let last = table.steps(low.configuration, measure.criterion).last,
                let first = table.steps(star.baseline, measure.criterion).first, first < last
            else { return nil }
            let (after, before) = (
                table.field(measure.criterion, steps: [last]), table.field(measure.criterion, steps: [first])
            )
            guard let late = after.groups[low.configuration], let early = before.groups[star.baseline] else {
                return nil
            }
            let effect = Contrast(sumOf: [
                Contrast([(late, 1)], after.variance), Contrast([(early, -1)], before.variance),
            ]).estimate(quantiles: quantiles)
            let verdict = Self.verdict(effect.sign, expected: -1)
            return Part(
                measure: measure.criterion, verdict: verdict, effect: effect,
                text: "\(varied.label(design.parameters[low.configuration] ?? [:])) at \(table.place(last)) has "
                    + "\(signed(effect)) \(measure.criterion.title) against the default at \(table.place(first)): "
                    + "\(verdict.rawValue).")
        }
    }

    // MARK: 4

    func layers() -> PaperStatement {
        let pairs = layerPairs("attn-only")
        var parts = table.measures.compactMap { measure in
            contrast(pairs, measure).map {
                part(
                    measure, $0, expected: -Self.more(measure.role),
                    from: "with attn-only in place of the default layers")
            }
        }
        parts += hardlyDiscernible(pairs)
        return statement(
            4,
            "Attention layers alone lower image similarity and raise the rest; adding convolutions is hardly discernible.",
            parts, turns(pairs), without: "no configurations differ in 'layers' alone")
    }

    private func layerPairs(_ preset: String) -> [Pair] {
        design.stars.flatMap { star in
            star.changes.filter { change in
                change.parameters.contains("layers") && change.parameters.allSatisfy(Self.layerParameters.contains)
                    && design.parameters[change.configuration]?["layers"]?.text == preset
            }.map { ($0.configuration, star.baseline) }
        }
    }

    private static let layerParameters: Set<String> = ["layers", "conv_dim", "conv_alpha", "train_norm"]

    /// Less than half of what leaving out the other layers does.
    private func hardlyDiscernible(_ attention: [Pair]) -> [Part] {
        let pairs = layerPairs("full")
        return [StatementTable.Role.fidelity, .text].compactMap { role -> Part? in
            guard let measure = table.measures.first(where: { $0.role == role }),
                let effect = contrast(pairs, measure)?.estimate(quantiles: quantiles),
                let reach = contrast(attention, measure).map({ abs($0.value) / 2 })
            else { return nil }
            var verdict = PaperStatement.Verdict.open
            if let low = effect.low, let high = effect.high {
                if max(abs(low), abs(high)) < reach { verdict = .holds }
                if effect.sign != 0, min(abs(low), abs(high)) > reach { verdict = .fails }
            }
            return Part(
                measure: measure.criterion, verdict: verdict, effect: effect,
                text: "With convolutions and norms too \(measure.criterion.title) changes by \(signed(effect)); hardly "
                    + "discernible would be less than ±\(NumberWords.text(reach)), half of what attn-only does: "
                    + "\(verdict.rawValue).")
        }
    }

    // MARK: 10

    func advice() -> PaperStatement {
        let maker = AdviceStatement(self)
        return statement(
            10,
            "LoHa for simple tuning of several concepts; LoKr with its full matrix for single complex ones: so the rank of the "
                + "change alone does not predict usefulness.", maker.parts(), [],
            without: "the sweep has no baselines of LoHa or LoKr beside others")
    }

    // MARK: Parts

    func statement(
        _ number: Int, _ claim: String, _ parts: [Part], _ notes: [String], without reason: String
    ) -> PaperStatement {
        PaperStatement(
            number: number, claim: claim, verdict: .of(parts.map(\.verdict)), parts: parts,
            notes: parts.isEmpty ? ["It cannot be told: \(reason)."] : notes)
    }

    static func verdict(_ sign: Int, expected: Int) -> PaperStatement.Verdict {
        sign == 0 ? .open : sign == expected ? .holds : .fails
    }

    /// Steps that both configurations have.
    private func common(_ pair: Pair, _ measure: RoleMeasure) -> [Int] {
        let own = Set(table.steps(pair.to, measure.criterion))
        return table.steps(pair.from, measure.criterion).filter(own.contains)
    }

    /// The mean of the pairs' differences, each over the steps that both configurations have.
    ///
    /// - Parameter step: only this one; pairs without it are left out.
    func contrast(_ pairs: [Pair], _ measure: RoleMeasure, at step: Int? = nil) -> Contrast? {
        var weights: [[Int]: [String: Double]] = [:]
        var count = 0
        for pair in pairs {
            let steps = common(pair, measure).filter { step == nil || $0 == step }
            guard !steps.isEmpty else { continue }
            weights[steps, default: [:]][pair.to, default: 0] += 1
            weights[steps, default: [:]][pair.from, default: 0] -= 1
            count += 1
        }
        guard count > 0 else { return nil }
        let parts = weights.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { steps, own in
            let field = table.field(measure.criterion, steps: steps)
            return Contrast(
                own.sorted { $0.key < $1.key }.compactMap { configuration, weight in
                    field.groups[configuration].map { ($0, weight / Double(count)) }
                }, field.variance)
        }
        return parts.count == 1 ? parts[0] : Contrast(sumOf: parts)
    }

    /// - Parameter expected: the sign that the paper says, of the measure as one that should grow.
    func part(_ measure: RoleMeasure, _ contrast: Contrast, expected: Int, from: String) -> Part {
        let effect = contrast.estimate(quantiles: quantiles)
        let wanted = measure.criterion.lowerIsBetter ? -expected : expected
        let verdict = Self.verdict(effect.sign, expected: wanted)
        return Part(
            measure: measure.criterion, verdict: verdict, effect: effect,
            text: "\(measure.criterion.title.capitalizedFirst) \(effect.value < 0 ? "falls" : "rises") by "
                + "\(size(effect)) \(from); in the paper it \(wanted < 0 ? "falls" : "rises"): \(verdict.rawValue).")
    }

    func size(_ effect: Estimate) -> String { NumberWords.text(abs(effect.value), plusMinus: effect.halfWidth) }

    func signed(_ effect: Estimate) -> String { (effect.value < 0 ? "−" : "+") + size(effect) }
}
