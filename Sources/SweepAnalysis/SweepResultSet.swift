package import RunSpec

/// One job of a sweep, as far as comparing goes.
package struct SweepJob: Equatable, Sendable {
    package var id: String
    package var configuration: String
    package var group: String
    package var state: String
    package var seed: Int
    package var parameters: [String: ParameterValue]

    package init(
        id: String, configuration: String, group: String, state: String, seed: Int, parameters: [String: ParameterValue]
    ) {
        self.id = id
        self.configuration = configuration
        self.group = group
        self.state = state
        self.seed = seed
        self.parameters = parameters
    }
}

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

    package init(
        job: String, checkpoint: String, epoch: Int, step: Int, class: String, prompts: String, metric: String,
        value: Double, n: Int
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
    }
}

/// What a sweep has found so far.
package struct SweepResultSet: Equatable, Sendable {
    package var sweep: String
    package var jobs: [SweepJob]
    package var results: [SweepResult]

    package init(sweep: String, jobs: [SweepJob], results: [SweepResult]) {
        self.sweep = sweep
        self.jobs = jobs
        self.results = results
    }

    /// The metrics there are for one prompt type and the average over classes, sorted.
    package var metrics: [String] { Set(results.map(\.metric)).sorted() }
}
