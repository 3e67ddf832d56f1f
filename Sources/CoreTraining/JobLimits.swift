import RunSpec

/// What a job may ask for and this core cannot do: refused by name instead of being ignored.
enum JobLimits {
    static func check(_ job: TrainingJob) throws {
        let training = job.training
        let refused: [(Bool, String)] = [
            (job.regData != nil, "reg_data"), (training.buckets, "buckets"), (training.flip, "flip"),
            (training.zeroTerminalSNR, "zero_terminal_snr"),
            (training.maxTokenLength != 75, "max_token_length \(training.maxTokenLength)"),
            (training.blockLearningRates != nil, "block_lr"),
            (training.scaleWeightNorms != 0, "scale_weight_norms"),
            (training.optimizer != "adamw", "optimizer \(training.optimizer)"),
            (training.betas.count != 2, "betas with \(training.betas.count) values"),
        ]
        let names = refused.filter(\.0).map(\.1)
        guard names.isEmpty else {
            throw TrainingError(
                code: .job,
                message:
                    "the built-in trainer cannot do: \(names.joined(separator: ", ")); remove it or use a command trainer"
            )
        }
        if let size = training.resolution, size.width != size.height {
            throw TrainingError(
                code: .job,
                message: "resolution \(size.width)×\(size.height): the built-in trainer wants a square; give one side")
        }
    }
}
