package import RunSpec

/// Answers made elsewhere, for what only shows them.
extension SweepAnswer.Row {
    package init(
        configuration: String, group: String, label: String, parameters: [String: ParameterValue], checkpoint: String?,
        epoch: Int, step: Int, seeds: [Int], jobs: [String], score: Estimate, criteria: [Estimate]
    ) {
        self.init(
            rank: 0, configuration: configuration, group: group, label: label, parameters: parameters,
            checkpoint: checkpoint, epoch: epoch, step: step, seeds: seeds, jobs: jobs, score: score,
            shrunkenScore: nil,
            criteria: criteria, bestProbability: nil, tiedWith: [], dominatedBy: [], findings: [])
    }
}

extension SweepAnswer {
    package init(sweep: String, rule: DecisionRule, rows: [Row], isEstablished: Bool, words: [String]) {
        self.init(
            sweep: sweep, rule: rule, rows: rows, isEstablished: isEstablished, isPaired: false, words: words,
            warnings: [], advice: nil)
    }
}
