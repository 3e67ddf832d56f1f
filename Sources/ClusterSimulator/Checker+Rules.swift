import RunSpec
import SweepModel

extension Checker {
    /// I27: a rule decides what the whole curve decides, whatever came late, twice or from a lost attempt.
    func checkDecision(_ step: Int?, _ truth: JobTruth, last: Int) {
        guard let rule = cluster.plan.stopRule, !cluster.brokenIDs.contains(truth.id) else { return }
        let values = (1...truth.steps).map { step in
            StopRule.Value(step: step, value: JobTruth.loss(truth.state(after: step)))
        }
        let wanted = rule.decision(values)?.step
        if step != wanted {
            world.fail("I27", "job \(truth.id.short): its rule decided at \(step ?? -1), \(wanted ?? -1) was wanted")
        }
        if step != nil, last < truth.steps { world.probe("trained less than planned") }
    }
}
