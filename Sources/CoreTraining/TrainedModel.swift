import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec

/// The base model with one new adapter attached: what a run trains.
final class TrainedModel {
    let unet: UNet2DConditionModel
    let schedule: NoiseSchedule
    /// The rest of the base; nil once nothing of it is needed any more.
    private(set) var pipeline: DiffusionPipeline?
    let adapters: AdapterSet
    /// Every trained tensor, in a fixed order.
    let tensors: [Tensor]
    /// Whether a text encoder changes, so that captions must be encoded anew each step.
    let trainsText: Bool

    init(job: TrainingJob, tokenizer: String? = nil) throws {
        // Without what activations would take, weights that came as half floats need no more memory than in their file.
        var pipeline = try DiffusionPipeline.load(
            path: job.base, tokenizer: tokenizer, keepsHalves: job.training.gradientCheckpointing)
        try pipeline.schedule.adopt(
            prediction: job.training.predictionType, zeroTerminal: job.training.zeroTerminalSNR)
        try JobLimits.check(job, against: pipeline)
        pipeline.unet.checkpoints = job.training.gradientCheckpointing
        self.pipeline = pipeline
        unet = pipeline.unet
        schedule = pipeline.schedule
        let freezesText = job.training.textEncoderLearningRate == 0
        adapters = try AdapterSet.create(
            unet: pipeline.unet, textEncoder: freezesText ? nil : pipeline.textEncoder,
            secondTextEncoder: freezesText ? nil : pipeline.textEncoder2, spec: job.training)
        adapters.attach()
        tensors = adapters.trainables.map(\.tensor)
        trainsText = !adapters.trainables(.textEncoder).isEmpty
    }

    /// AdamW over both sides, each with its own rate.
    func optimiser(_ training: TrainingSpec) -> AdamW {
        let textRate = training.textEncoderLearningRate ?? training.learningRate
        var groups: [ParameterGroup] = []
        for (side, rate) in [(AdapterSide.unet, training.learningRate), (.textEncoder, textRate)] {
            // Layers of one `block_lr` factor share a group.
            let byFactor = Dictionary(grouping: adapters.trainables(side), by: \.rateFactor)
            for (factor, trainables) in byFactor.sorted(by: { $0.key < $1.key }) {
                groups.append(
                    ParameterGroup(
                        tensors: trainables.map(\.tensor), names: trainables.map(\.name),
                        learningRate: Float(rate * factor), weightDecay: Float(training.weightDecay)))
            }
        }
        return AdamW(
            groups: groups, betas: (training.betas[0], training.betas[1]),
            epsilon: Float(training.epsilon))
    }

    /// Frees autoencoder and text encoders where all pictures and captions are encoded.
    func releaseEncoders() {
        Compute.releaseIdleBuffers()
        pipeline = trainsText ? pipeline?.withoutAutoencoder() : nil
        Compute.releaseIdleBuffers()
    }

    /// The U-Net's answer to a noisy batch.
    ///
    /// - Parameter condition: one prompt for each sample.
    func predict(_ batch: NoisyBatch, _ condition: TextCondition) -> Tensor {
        unet(
            sample: batch.sample, timesteps: batch.timesteps.map(Float.init), context: condition.states,
            added: condition.added)
    }

    /// Takes over the trained tensors and the optimiser's moments of a state.
    func restore(_ optimiser: AdamW, from path: String, step: Int) throws {
        let file = try SafetensorsFile(path: path)
        let read = { (name: String) throws -> (shape: [Int], floats: [Float])? in
            try file.info(name).map { ($0.shape, try file.floats(name)) }
        }
        do {
            try adapters.importState(read)
            try optimiser.importState(stepCount: step, read: read)
        } catch let error as AdapterError {
            throw TrainingError(code: .state, message: "\(path): \(error.message); it belongs to another job")
        } catch let error as NetsError {
            throw TrainingError(code: .state, message: "\(path): \(error.message); it belongs to another job")
        }
    }
}

extension TrainingSpec {
    /// The factor of every rate for the step after `step` are done.
    func rateFactor(step: Int, total: Int) -> Float {
        let schedule: LearningRateSchedule =
            switch self.schedule {
            case .constant: .constant
            case .linear: .linear
            case .cosine: .cosine
            case .cosineRestarts: .cosineWithRestarts
            }
        return schedule.factor(step: step, warmup: warmupSteps, total: total, cycles: cycles)
    }
}
