/// Everything a trainer of the core needs to run one job.
package struct TrainingJob: Codable, Equatable, Sendable {
    /// The job's id, for messages and file metadata.
    package var job: String
    /// Path of the base model: a folder in diffusers layout, or one .safetensors file.
    package var base: String
    /// Path of the data folder in kohya layout.
    package var data: String
    /// Path of regularisation images, in the same layout.
    package var regData: String?
    package var training: TrainingSpec
    package var checkpoints: CheckpointPlan
    package var evaluation: EvaluationSpec?
    /// Paths of the encoders named for the evaluation, besides the base's own.
    package var encoders: [EncoderRole: String]
    /// The job whose training state it may begin with; nil for one that begins at step 0.
    package var origin: Origin?

    /// Another job, shorter than this one and otherwise the same.
    package struct Origin: Codable, Equatable, Sendable {
        package var job: String
        /// That it was to train.
        package var epochs: Int

        package init(job: String, epochs: Int) {
            self.job = job
            self.epochs = epochs
        }
    }

    package init(
        job: String, base: String, data: String, regData: String? = nil, training: TrainingSpec,
        checkpoints: CheckpointPlan, evaluation: EvaluationSpec? = nil, encoders: [EncoderRole: String] = [:],
        origin: Origin? = nil
    ) {
        self.origin = origin
        self.job = job
        self.base = base
        self.data = data
        self.regData = regData
        self.training = training
        self.checkpoints = checkpoints
        self.evaluation = evaluation
        self.encoders = encoders
    }
}
