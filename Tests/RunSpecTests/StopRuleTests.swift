import RunSpec
import Testing

@Suite("When a job has trained enough")
struct StopRuleTests {
    private func values(_ numbers: [Double?]) -> [StopRule.Value] {
        numbers.enumerated().map { StopRule.Value(step: 10 * ($0 + 1), value: $1) }
    }

    /// Worked by hand.
    @Test(
        "the first value that ends the patience decides",
        arguments: [
            ([0.5, 0.4, 0.45, 0.41], 2, 0.0, 0, 40), ([0.5, 0.4, 0.45, 0.39, 0.5, 0.5], 2, 0, 0, 60),
            ([0.5, 0.4, 0.3, 0.2], 1, 0, 0, nil), ([0.5, 0.4, 0.35, 0.31], 2, 0.15, 0, 30),
            // The best of before counts, the waiting does not.
            ([0.1, 0.5, 0.5, 0.5, 0.5], 2, 0, 40, 50), ([0.1, 0.1, 0.1], 1, 0, 0, 20),
        ] as [([Double], Int, Double, Int, Int?)])
    func decides(numbers: [Double], patience: Int, delta: Double, after: Int, step: Int?) {
        let lower = StopRule(metric: "loss", better: .lower, patience: patience, minDelta: delta, after: after)
        #expect(lower.decision(values(numbers))?.step == step)
        let higher = StopRule(metric: "score", better: .higher, patience: patience, minDelta: delta, after: after)
        #expect(higher.decision(values(numbers.map { -$0 }))?.step == step)
        // What comes later changes nothing of it.
        if step != nil { #expect(lower.decision(values(numbers + [0, 1, 0]))?.step == step) }
    }

    @Test("what is no number is no improvement, at the start too")
    func notNumbers() {
        let rule = StopRule(metric: "loss", better: .lower, patience: 2)
        #expect(rule.decision(values([nil, .nan]))?.step == 20)
        #expect(rule.decision(values([0.5, nil, .infinity]))?.step == 30)
        #expect(rule.decision(values([nil, 0.5, -.infinity, 0.4, nil, nil]))?.step == 60)
        #expect(rule.decision(values([])) == nil)
    }

    @Test("the reason says what was waited for and since when")
    func reason() {
        let rule = StopRule(metric: "validation_loss", better: .lower, patience: 2, minDelta: 0.01)
        let decision = StopRule.Decision(step: 40, best: .init(step: 20, value: 0.25))
        #expect(
            rule.reason(decision)
                == "validation_loss has not become lower by more than 0.01 for 2 values since 0.25 at step 20; enough at step 40"
        )
    }
}
