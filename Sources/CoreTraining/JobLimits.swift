import CoreDiffusion
import RunSpec

/// What a job may ask for and this core cannot do: refused by name instead of being ignored.
enum JobLimits {
    static func check(_ job: TrainingJob) throws {
        let training = job.training
        let refused: [(Bool, String)] = [
            (training.data.maxTokenLength % 75 != 0, "max_token_length \(training.data.maxTokenLength) (75, 150, 225)"),
            (training.optimiser.name != "adamw", "optimizer \(training.optimiser.name)"),
            (training.optimiser.betas.count != 2, "betas with \(training.optimiser.betas.count) values"),
        ]
        let names = refused.filter(\.0).map(\.1)
        guard names.isEmpty else {
            throw TrainingError(
                code: .job,
                message:
                    "the built-in trainer cannot do: \(names.joined(separator: ", ")); remove it or use a command trainer"
            )
        }
    }

    /// What a file of batches cannot say: `model replay` knows neither.
    static func checkDump(_ job: TrainingJob, trainsText: Bool) throws {
        guard trainsText, job.training.data.maxTokenLength > 75 || job.training.data.clipSkip > 1 else { return }
        throw TrainingError(
            code: .job,
            message:
                "--dump-batches with a trained text encoder: max_token_length \(job.training.data.maxTokenLength), clip_skip "
                + "\(job.training.data.clipSkip); wanted 75 and 1, or text_encoder_lr: 0")
    }

    /// What only the data can tell.
    static func checkPairs(_ job: TrainingJob, isPaired: Bool, isDumped: Bool) throws {
        let faults: [(Bool, String)] = [
            (
                !isPaired && job.training.data.conditionDropout != nil,
                "condition_dropout: \(job.data) holds no pairs; give its concepts kind: edit, or remove it"
            ),
            (isPaired && job.regData != nil, "reg_data: \(job.data) holds pairs, which need none; remove it"),
            (isPaired && isDumped, "--dump-batches: \(job.data) holds pairs, and 'model replay' reads no sources"),
        ]
        if let fault = faults.first(where: \.0) { throw TrainingError(code: .job, message: fault.1) }
    }

    /// What only the loaded base can tell.
    static func check(_ job: TrainingJob, against pipeline: DiffusionPipeline) throws {
        let training = job.training
        for encoder in [pipeline.textEncoder, pipeline.textEncoder2].compactMap(\.self) {
            let layers = encoder.configuration.sizes.layers
            guard training.data.clipSkip <= layers else {
                throw TrainingError(
                    code: .job, message: "clip_skip \(training.data.clipSkip): the text encoder has \(layers) layers")
            }
        }
        try checkFlow(training, pipeline)
        if let size = training.data.resolution, let fault = pipeline.fault(width: size.width, height: size.height) {
            throw TrainingError(code: .job, message: "resolution \(size.width)×\(size.height): \(fault)")
        }
    }

    /// What a noise schedule has and a straight line from picture to noise has not.
    private static func checkFlow(_ training: TrainingSpec, _ pipeline: DiffusionPipeline) throws {
        guard pipeline.flow != nil else {
            let loss = training.loss
            let used: [(Bool, String)] = [
                (loss.timestepSampling != nil, "timestep_sampling"), (loss.logitMean != nil, "logit_mean"),
                (loss.logitDeviation != nil, "logit_std"), (loss.flowShift != nil, "flow_shift"),
                (loss.flowWeighting != nil, "flow_weighting"),
            ]
            let names = used.filter(\.0).map(\.1)
            guard names.isEmpty else {
                throw TrainingError(
                    code: .job,
                    message: "\(names.joined(separator: ", ")): the base has a noise schedule and is no rectified "
                        + "flow; remove it")
            }
            return
        }
        let refused: [(Bool, String)] = [
            (training.loss.minSNRGamma != nil, "min_snr_gamma"),
            (training.loss.predictionType != nil, "prediction_type"),
            (training.loss.zeroTerminalSNR, "zero_terminal_snr"),
        ]
        let names = refused.filter(\.0).map(\.1)
        guard names.isEmpty else {
            throw TrainingError(
                code: .job,
                message: "\(names.joined(separator: ", ")): the base is a rectified flow, which has no noise schedule; "
                    + "remove it")
        }
    }
}
