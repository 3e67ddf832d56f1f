import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec

/// The base model with one new adapter attached: what a run trains.
final class TrainedModel {
    let unet: any Denoiser
    let schedule: NoiseSchedule
    private let flow: FlowSchedule?
    private let loss: LossSpec
    /// The rest of the base; nil once nothing of it is needed any more.
    private(set) var pipeline: DiffusionPipeline?
    let adapters: AdapterSet
    /// Every trained tensor, in a fixed order.
    let tensors: [Tensor]
    /// Whether a text encoder changes, so that captions must be encoded anew each step.
    let trainsText: Bool

    /// - Parameter isPaired: the data are edits: the network reads what they begin with.
    init(job: TrainingJob, tokenizer: String? = nil, isPaired: Bool = false) throws {
        // Without what activations would take, or with operands that are narrow anyway, weights that came as
        // half floats need no more memory than in their file.
        var pipeline = try DiffusionPipeline.load(
            path: job.base, tokenizer: tokenizer, keepsHalves: job.training.keepsHalves)
        try JobLimits.check(job, against: pipeline)
        if pipeline.flow == nil {
            try pipeline.schedule.adopt(
                prediction: job.training.loss.predictionType, zeroTerminal: job.training.loss.zeroTerminalSNR)
        }
        if isPaired {
            (pipeline.unet as? UNet2DConditionModel)?.readSource()
            guard pipeline.unet.sourceReading != .none else {
                throw TrainingError(
                    code: .job,
                    message: "\(job.data): pairs are trained on a U-Net or on Flux.1, and the base \(job.base) has a "
                        + "\(pipeline.unet.className); take another base")
            }
        }
        flow = pipeline.flow?.schedule
        loss = job.training.loss
        pipeline.unet.checkpoints = job.training.gradientCheckpointing
        self.pipeline = pipeline
        unet = pipeline.unet
        schedule = pipeline.schedule
        // The prompts of a transformer are read by frozen encoders, of which T5 outweighs the others.
        let isFrozen = pipeline.flow != nil
        adapters = try AdapterSet.create(
            unet: pipeline.unet, textEncoder: isFrozen ? nil : pipeline.textEncoder,
            secondTextEncoder: isFrozen ? nil : pipeline.textEncoder2, spec: job.training)
        adapters.attach()
        tensors = adapters.trainables.map(\.tensor)
        trainsText = !adapters.trainables(.textEncoder).isEmpty
    }

    /// AdamW over both sides, each with its own rate.
    func optimiser(_ spec: OptimiserSpec) -> AdamW {
        let textRate = spec.textEncoderLearningRate ?? spec.learningRate
        var groups: [ParameterGroup] = []
        for (side, rate) in [(AdapterSide.unet, spec.learningRate), (.textEncoder, textRate)] {
            // Layers of one `block_lr` share a group.
            let blocks = Dictionary(grouping: adapters.trainables(side), by: \.blockLearningRate)
            for (factor, trainables) in blocks.sorted(by: { $0.key < $1.key }) {
                groups.append(
                    ParameterGroup(
                        tensors: trainables.map(\.tensor), names: trainables.map(\.name),
                        learningRate: Float(rate * factor), weightDecay: Float(spec.weightDecay)))
            }
        }
        return AdamW(groups: groups, betas: (spec.betas[0], spec.betas[1]), epsilon: Float(spec.epsilon))
    }

    /// The U-Net, and the text encoders where training keeps them.
    var loadedNetworks: LoadedNetworks {
        LoadedNetworks(unet: unet, textEncoder: pipeline?.textEncoder, textEncoder2: pipeline?.textEncoder2)
    }

    /// Frees autoencoder and text encoders where all pictures and captions are encoded.
    func releaseEncoders() {
        Compute.releaseIdleBuffers()
        pipeline = trainsText ? pipeline?.withoutAutoencoder() : nil
        Compute.releaseIdleBuffers()
    }

    /// The network's answer to a noisy batch.
    ///
    /// - Parameter condition: one prompt for each sample.
    func predict(_ batch: NoisyBatch, _ condition: TextCondition) -> Tensor {
        unet.predictBatch(
            batch.sample, times: batch.times, condition: condition, actsBySample: adapters.actsBySample)
    }

    /// What the network learns where it predicts a velocity.
    var flowObjective: FlowObjective? {
        flow.map {
            var objective = FlowObjective(schedule: $0)
            objective.tokenSide = unet.latentStep
            objective.isUniform = loss.timestepSampling == "uniform"
            objective.logitMean = loss.logitMean ?? 0
            objective.logitDeviation = loss.logitDeviation ?? 1
            objective.weighting = loss.flowWeighting.flatMap(FlowObjective.Weighting.init(rawValue:)) ?? .none
            if let shift = loss.flowShift {
                (objective.schedule.isDynamic, objective.schedule.shift) = (false, shift)
            }
            return objective
        }
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

extension OptimiserSpec {
    /// The factor of every rate for the step after `step` are done.
    func rateFactor(step: Int, total: Int) -> Float {
        schedule.factor(step: step, warmup: warmupSteps, total: total, cycles: cycles)
    }
}
