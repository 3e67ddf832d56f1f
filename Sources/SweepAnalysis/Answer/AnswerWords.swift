import RunSpec

/// An answer as sentences: what is best and how sure, by which rule, and what else must be known.
struct AnswerWords {
    let answer: SweepAnswer
    let index: ResultIndex
    let place: SweepResultSet.CheckpointChoice
    let confirmations: [SweepResult]

    init(
        _ answer: SweepAnswer, _ index: ResultIndex, _ place: SweepResultSet.CheckpointChoice,
        confirmations: [SweepResult] = []
    ) {
        self.answer = answer
        self.index = index
        self.place = place
        self.confirmations = confirmations
    }

    func sentences() -> [String] {
        guard !answer.rows.isEmpty else {
            return answer.rule.criteria.isEmpty
                ? ["Nothing has been measured yet that says which configuration is better."]
                : ["No configuration has all measures of the rule yet."]
        }
        return [headline(), expectation(), confirmation(), rule(), overfitting(), sources(), pairing()].compactMap {
            $0
        }
    }

    private func headline() -> String {
        guard answer.rows.count > 1, let best = answer.best else {
            return "There is one configuration, so there is nothing to rank."
        }
        guard answer.isEstablished, let chance = best.bestProbability else {
            guard best.score.value > 0 else { return "Ranking not established: every configuration diverged." }
            return "Ranking not established: one seed a configuration, so nothing tells a difference from chance. "
                + (answer.advice?.text ?? "")
        }
        let named = "\(best.label)\(checkpoint(best)) is best with probability \(NumberWords.chance(chance))"
        guard !best.tiedWith.isEmpty else {
            let findings = best.findings.first.map { " But: \($0.text)" } ?? ""
            return "\(named), and stands apart from all others.\(findings)"
        }
        let tie =
            best.tiedWith.count == answer.count - 1 && best.tiedWith.count > 2
            ? "tied with all others" : "tied with \(NumberWords.ranks(best.tiedWith))"
        return "\(named); \(tie)" + (answer.advice.map { ": " + $0.text.loweredFirst } ?? ".")
    }

    private func checkpoint(_ row: SweepAnswer.Row) -> String {
        row.checkpoint == nil ? "" : row.epoch > 0 ? " (epoch \(row.epoch))" : " (step \(row.step))"
    }

    /// The winner's curse.
    private func expectation() -> String? {
        guard answer.isEstablished, answer.rows.count > 1, let best = answer.best, let expected = best.shrunkenScore
        else { return nil }
        let second = answer.rows.dropFirst().compactMap(\.shrunkenScore).max() ?? expected
        return "Its score is \(NumberWords.text(best.score.value, plusMinus: best.score.halfWidth)); the best of "
            + "\(answer.count) looks better than it is, and \(NumberWords.text(expected)) is expected of it on new "
            + "seeds (\(NumberWords.text(second)) of the next)."
    }

    /// What the best one measured where nothing was chosen by it.
    private func confirmation() -> String? {
        guard answer.isEstablished, answer.rows.count > 1, let best = answer.best, answer.rule.origin != .curves,
            !answer.rule.readsOnlyCurves
        else { return nil }
        guard EditMethod(best.parameters) == nil else {
            return "Edits are not judged once more: it was chosen by these very pictures and seeds."
        }
        let own = confirmations.filter { best.jobs.contains($0.job) && $0.step == best.step }
        let measured = answer.rule.criteria.enumerated().compactMap { place, criterion -> String? in
            let values = own.filter { $0.metric == criterion.metric && $0.prompts == criterion.prompts }.map(\.value)
            guard !values.isEmpty else { return nil }
            let mean = values.reduce(0, +) / Double(values.count)
            return "\(criterion.title) \(NumberWords.text(mean)) (was \(NumberWords.text(best.criteria[place].value)))"
        }
        guard !measured.isEmpty else {
            return
                "It has not been judged on fresh prompts and noise yet; the coordinator does that when the sweep ends."
        }
        let hasDrift = answer.rule.criteria.contains { $0.prompts == PromptType.style.rawValue }
        let what = "noise and prompts that it was not chosen by" + (hasDrift ? " (of drift only the noise)" : "")
        return "Judged once more, on \(what): \(NumberWords.list(measured))."
    }

    private func rule() -> String {
        let criteria = answer.rule.criteria
        let isWeighted = Set(criteria.map(\.weight)).count > 1
        let parts = criteria.map { criterion in
            criterion.title + (criterion.lowerIsBetter ? " ↓" : " ↑")
                + (isWeighted ? " × \(NumberWords.plain(criterion.weight))" : "")
        }
        let measures = NumberWords.list(parts)
        var text: String
        if criteria.count == 1 {
            text = "Best means one measure, \(measures): one number says little about images."
        } else {
            text =
                "Best means the weighted geometric mean of \(measures); each is 1 for the best configuration of the "
                + "sweep and 0.1 for the worst (↑ more is better, ↓ less is better)."
        }
        if answer.rule.origin == .curves {
            text += " Nothing was evaluated, so the rule reads what the trainers logged."
            if !criteria.contains(where: { DecisionRule.isValidation($0.metric) }) {
                text +=
                    " None of it is a validation: it says how well pictures were fitted, not how good new images are."
            }
        }
        return text + " " + choice
    }

    private var choice: String {
        let what = answer.rule.readsOnlyCurves ? "value" : "checkpoint"
        switch place {
        case .all, .best: return "Each configuration competes with its best \(what) by this rule."
        case .last: return "Each configuration competes with its last \(what)."
        case .step(let step): return "Values are those of step \(step)."
        case .meanOfLast(let count): return "Values are means of the last \(count) of a job."
        }
    }

    /// Train fidelity is no measure of the choice: held against the held-out one it is the sign.
    private func overfitting() -> String? {
        guard answer.rule.origin != .curves, let best = answer.best else { return nil }
        guard answer.rule.looksAtHeldOut else {
            guard answer.rule.criteria.contains(where: { $0.metric.hasPrefix("paired_fidelity") }) else { return nil }
            return "No pictures are held out: fidelity is to pictures that were trained on, which rewards memorising. "
                + "'holdout' in the sweep file's 'evaluate' keeps some aside."
        }
        func mean(_ prompts: String) -> Double? {
            let values = best.jobs.compactMap { index.value("paired_fidelity", prompts, $0, best.step) }
            return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
        guard answer.isEstablished, let train = mean("train"), let held = mean("holdout") else { return nil }
        let base = index.average("base_paired_fidelity", "train").flatMap { train in
            index.average("base_paired_fidelity", "holdout").map { train - $0 }
        }
        let isSign = best.findings.contains { $0.kind == .overfitted }
        return "The best one matches training pictures at \(NumberWords.text(train)) and held-out ones at "
            + "\(NumberWords.text(held))" + (base.map { " (the base model's gap: \(NumberWords.text($0)))" } ?? "")
            + (isSign ? ": a sign of over-fitting." : ": no sign of over-fitting.")
    }

    private func sources() -> String? {
        guard let spread = answer.spread else { return nil }
        let sources = spread.sources
        let images = (sources.images * sources.images + sources.rest * sources.rest).squareRoot()
        let conclusion =
            sources.trainingSeed > sources.rest
            ? "more seeds help, more images hardly" : "more images help as much as more seeds"
        return "Of \(spread.criterion.title), training again with another seed moves a value by "
            + "\(NumberWords.text(sources.trainingSeed)), drawing other prompts and noise by \(NumberWords.text(images)) "
            + "(\(sources.imageCount) images): \(conclusion)."
    }

    private func pairing() -> String? {
        guard answer.isEstablished, answer.rows.count > 1 else { return nil }
        return answer.isPaired
            ? "Seeds move all configurations together, so differences are taken seed by seed."
            : "Intervals hold the truth nine times in ten; the spread between seeds is pooled over configurations."
    }
}

extension NumberWords {
    /// `3`, `0.5`.
    static func plain(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }
}

extension String {
    var loweredFirst: String { prefix(1).lowercased() + dropFirst() }
}
