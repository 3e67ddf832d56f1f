package import RunSpec
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
    /// What the sweep file says about metrics.
    package var declared: [MetricDeclaration]
    /// Jobs of other configurations, of which none has a value: a large sweep's are counted, not fetched.
    package var jobsElsewhere = 0
    /// What is known of the configurations that were not fetched, all worse than these; nil where none are.
    var beyond: FieldBeyond?
    /// Jobs from all over a large sweep: labels must say in what they differ.
    var sample: [JobSummary] = []
    /// What was measured once more on prompts and noise that nothing was chosen by.
    package var confirmations: [SweepResult] = []

    package init(
        sweep: String, jobs: [JobSummary], results: [SweepResult], curves: [String: [CurveValue]] = [:],
        declared: [MetricDeclaration] = []
    ) {
        self.sweep = sweep
        self.jobs = jobs
        self.results = results
        self.curves = curves
        self.declared = declared
    }

    /// The metrics there are for one prompt type and the average over classes, sorted.
    package var metrics: [String] { Set(results.map(\.metric)).sorted() }

    /// Gives results the values of their single images.
    package mutating func add(_ values: [PublicQueries.ImageValue]) {
        struct Key: Hashable {
            let job: String
            let step: Int
            let measure: DecisionRule.Measure
            let `class`: String
        }
        let grouped = Dictionary(grouping: values) { value in
            Key(
                job: value.job, step: value.step,
                measure: DecisionRule.Measure(metric: value.metric, prompts: value.prompts), class: value.class)
        }
        var left = grouped
        for place in results.indices {
            let row = results[place]
            let key = Key(
                job: row.job, step: row.step,
                measure: DecisionRule.Measure(metric: row.metric, prompts: row.prompts), class: row.class)
            guard let own = left.removeValue(forKey: key) else { continue }
            results[place].values = own.sorted { $0.image < $1.image }.map(\.value)
        }
        // Rows of single classes may not have been fetched: their images count all the same.
        for (key, own) in left {
            let images = own.sorted { $0.image < $1.image }
            results.append(
                SweepResult(
                    job: key.job, checkpoint: own[0].checkpoint, epoch: own[0].epoch, step: key.step, class: key.class,
                    prompts: key.measure.prompts, metric: key.measure.metric,
                    value: images.reduce(0) { $0 + $1.value } / Double(images.count), n: images.count,
                    values: images.map(\.value)))
        }
    }
}
