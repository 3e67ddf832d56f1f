import CoreTraining
import RunSpec
import Testing

@Suite("Which steps are kept")
struct CheckpointStepsTests {
    @Test("epochs and steps beyond the end are skipped, the last step is always kept")
    func trimmed() {
        let plan = CheckpointPlan(epochs: [1, 3, 9], steps: [5, 70])
        let steps = CheckpointSteps(plan: plan, epochs: 4, stepsPerEpoch: 10)
        #expect(steps.sorted == [5, 10, 30, 40] && steps.total == 40)
        #expect(steps.keeps(30) && !steps.keeps(31))
    }
}
