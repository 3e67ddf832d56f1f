/// One value of a curve: what a job logged under a key at one step.
package struct CurveValue: Equatable, Sendable {
    package var job: String
    package var step: Int
    package var value: Double

    package init(job: String, step: Int, value: Double) {
        self.job = job
        self.step = step
        self.value = value
    }
}
