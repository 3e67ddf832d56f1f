import RunSpec
import SweepModel

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

extension SweepResultSet {
    /// Configurations from best to worst by one value a job, averaged over their seeds. Seeds that ended at
    /// different steps count alike; the step shown is the largest of them.
    ///
    /// - Parameter lowerIsBetter: nil to go by the metric's name.
    package func ranking(
        ofCurve metric: String, _ values: [CurveValue], lowerIsBetter: Bool? = nil
    ) -> [RankedConfiguration] {
        let byID = Dictionary(jobs.map { ($0.id, $0) }) { first, _ in first }
        let varied = VariedParameters(jobs)
        let known = values.filter { byID[$0.job] != nil && !$0.value.isNaN }
        let grouped = Dictionary(grouping: known) { byID[$0.job]?.configuration ?? "" }
        let rows = grouped.compactMap { configuration, values -> RankedConfiguration? in
            guard let job = byID[values[0].job] else { return nil }
            let (mean, deviation) = Self.spread(values.map(\.value))
            return RankedConfiguration(
                rank: 0, configuration: configuration, group: job.group, label: varied.label(job.parameters),
                parameters: job.parameters, checkpoint: nil, epoch: 0, step: values.map(\.step).max() ?? 0, mean: mean,
                deviation: deviation, jobs: values.map(\.job).sorted())
        }
        return Self.ranked(rows, MetricInfo.of(metric, lowerIsBetter: lowerIsBetter))
    }
}
