import RunSpec

/// Finds the values of single images behind a rule, and where their spread comes from.
struct SpreadReader {
    let set: SweepResultSet
    let rule: DecisionRule
    let index: ResultIndex

    init(_ set: SweepResultSet, _ rule: DecisionRule, _ index: ResultIndex) {
        self.set = set
        self.rule = rule
        self.index = index
    }

    func spread(_ rows: [SweepAnswer.Row]) -> MeasureSpread? {
        for criterion in rule.criteria {
            guard let prompts = criterion.prompts else { continue }
            let tables = rows.map { row in
                row.jobs.compactMap { index.images(criterion.metric, prompts, $0, row.step) }
            }
            if let sources = SpreadBySource(tables) { return MeasureSpread(criterion: criterion, sources: sources) }
        }
        return nil
    }
}
