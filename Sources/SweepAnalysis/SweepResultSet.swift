package import SweepModel

/// One row of the view `results`.
package struct SweepResult: Equatable, Sendable {
    package var job: String
    package var checkpoint: String
    package var epoch: Int
    package var step: Int
    /// Empty for the average over classes.
    package var `class`: String
    package var prompts: String
    package var metric: String
    package var value: Double
    /// Images behind the value.
    package var n: Int
    /// One value an image, in image order; nil where the metric has none, and where they were not asked for.
    package var values: [Double]?

    package init(
        job: String, checkpoint: String, epoch: Int, step: Int, class: String, prompts: String, metric: String,
        value: Double, n: Int, values: [Double]? = nil
    ) {
        self.job = job
        self.checkpoint = checkpoint
        self.epoch = epoch
        self.step = step
        self.class = `class`
        self.prompts = prompts
        self.metric = metric
        self.value = value
        self.n = n
        self.values = values
    }
}

/// What a sweep has found so far.
package struct SweepResultSet: Equatable, Sendable {
    package var sweep: String
    package var jobs: [JobSummary]
    package var results: [SweepResult]
    /// What the jobs logged, by key; in the order of the steps within a job. Only what was asked for.
    package var curves: [String: [CurveValue]]

    package init(
        sweep: String, jobs: [JobSummary], results: [SweepResult], curves: [String: [CurveValue]] = [:]
    ) {
        self.sweep = sweep
        self.jobs = jobs
        self.results = results
        self.curves = curves
    }

    /// The metrics there are for one prompt type and the average over classes, sorted.
    package var metrics: [String] { Set(results.map(\.metric)).sorted() }
}
