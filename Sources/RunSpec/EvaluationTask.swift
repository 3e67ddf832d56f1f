/// Everything a process of the core needs to evaluate one checkpoint that is there already.
package struct EvaluationTask: Codable, Equatable, Sendable {
    /// The evaluation's own id, for messages.
    package var job: String
    /// Path of the base model and of the data that the checkpoint was trained on; nil where only images that
    /// are there are measured.
    package var base: String?
    package var data: String?
    /// Paths of the encoders named for the evaluation, besides the base's own.
    package var encoders: [EncoderRole: String]
    /// What was trained; nil for a trainer whose parameters the core does not know.
    package var training: TrainingSpec?
    package var evaluation: EvaluationSpec
    /// The training's seed: it decides what was held out.
    package var seed: Int
    /// The checkpoint's name, epoch and step in the rows.
    package var checkpoint: String
    package var epoch: Int
    package var step: Int
    /// The adapter file; nil where only images are measured.
    package var adapter: String?
    /// Images that the trainer made itself, for external metrics.
    package var images: [String]

    package init(
        job: String, base: String?, data: String?, encoders: [EncoderRole: String] = [:], training: TrainingSpec?,
        evaluation: EvaluationSpec,
        seed: Int, checkpoint: String, epoch: Int, step: Int, adapter: String?, images: [String] = []
    ) {
        self.job = job
        self.base = base
        self.data = data
        self.encoders = encoders
        self.training = training
        self.evaluation = evaluation
        self.seed = seed
        self.checkpoint = checkpoint
        self.epoch = epoch
        self.step = step
        self.adapter = adapter
        self.images = images
    }
}
