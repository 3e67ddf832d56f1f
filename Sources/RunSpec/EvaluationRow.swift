/// One line of `evaluations.jsonl`: one metric of one checkpoint, for one class and prompt type.
package struct EvaluationRow: Codable, Equatable, Sendable {
    /// The checkpoint's name.
    package var checkpoint: String
    package var epoch: Int
    package var step: Int
    /// Empty for the average over classes.
    package var `class`: String
    package var prompts: String
    package var metric: String
    /// nil where the metric has no value (not a number).
    package var value: Double?
    /// Images behind the value.
    package var n: Int
    /// The metric of each image, in the order in which they were drawn: image i started from the noise of
    /// seed 1000 + i. An element is nil where there is no number. nil for a metric that images do not have
    /// singly, for averages over classes, and in rows of earlier programs.
    package var values: [Double?]?
    /// What a judge said of each image, in the same order; nil where nobody says anything.
    package var notes: [String?]?

    package init(
        checkpoint: String, epoch: Int, step: Int, class: String, prompts: String, metric: String, value: Double?,
        n: Int, values: [Double?]? = nil, notes: [String?]? = nil
    ) {
        self.checkpoint = checkpoint
        self.epoch = epoch
        self.step = step
        self.class = `class`
        self.prompts = prompts
        self.metric = metric
        self.value = value
        self.n = n
        self.values = values
        self.notes = notes
    }

    /// The same where every number that JSON cannot hold is left out.
    package var finite: EvaluationRow {
        var row = self
        if let value, !value.isFinite { row.value = nil }
        row.values = values?.map { $0.flatMap { $0.isFinite ? $0 : nil } }
        return row
    }
}

/// One line of `artifacts.jsonl`: a file worth keeping that is no checkpoint.
package struct ArtifactRow: Codable, Equatable, Sendable {
    package var checkpoint: String
    /// `contact-sheet`, `sample`, …
    package var kind: String
    package var name: String
    /// Relative to the attempt folder.
    package var path: String

    package init(checkpoint: String, kind: String, name: String, path: String) {
        self.checkpoint = checkpoint
        self.kind = kind
        self.name = name
        self.path = path
    }
}

/// `restored.json`: what earlier attempts of the job have already delivered.
package struct RestoredProgress: Codable, Equatable, Sendable {
    /// Checkpoints whose adapters lie in `checkpoints/` again.
    package var checkpoints: [String]
    /// Checkpoints whose evaluations are complete.
    package var evaluated: [String]

    package init(checkpoints: [String], evaluated: [String]) {
        self.checkpoints = checkpoints
        self.evaluated = evaluated
    }
}
