import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor

/// Trains an adapter on given batches, one optimiser step each, so that anyone can hold the training
/// arithmetic against another implementation: no random numbers, no clipping, no dropout.
package struct Replay {
    /// A pipeline folder: `transformer/` of a rectified flow; or `unet/`, for `input_ids` also
    /// `text_encoder/` (of SDXL `text_encoder_2/` too), and `scheduler/` if present.
    package var model: String
    /// The starting adapter; algorithm, ranks and alphas come from it.
    package var adapter: String
    package var batches: String
    package var optimizer = "adamw"
    package var learningRate: Double
    package var betas = (0.9, 0.999)
    package var weightDecay: Double
    package var epsilon = 1e-8
    /// `epsilon` or `v`; nil: what the schedule says.
    package var prediction: String?
    package var minSNRGamma: Double?
    /// Of the operands of each step's products, as `precision` of a job.
    package var precision = BenchPrecision.f32
    /// Where the trained adapter goes, in f32 with the keys and shapes of `adapter`.
    package var out: String?

    package init(model: String, adapter: String, batches: String, learningRate: Double, weightDecay: Double = 0.01) {
        self.model = model
        self.adapter = adapter
        self.batches = batches
        self.learningRate = learningRate
        self.weightDecay = weightDecay
    }

    package struct Report: Codable, Equatable, Sendable {
        /// The mean squared error of each step, before its update.
        package let losses: [Double]
    }

    /// - Parameters:
    ///   - warn: gets what was assumed about the adapter.
    ///   - onStep: called with each step's number from 1, the number of steps, and the loss.
    /// - Throws: `ReplayError`, or what loading the model and the adapter throws.
    package func run(
        warn: (String) -> Void = { _ in }, onStep: (Int, Int, Double) -> Void = { _, _, _ in }
    ) throws -> Report {
        guard optimizer == "adamw" else {
            throw ReplayError(.badOption, "--optimizer: found '\(optimizer)', wanted adamw")
        }
        let batches = try ReplayBatches(path: batches)
        if DiffusionPipeline.isFlow(model) {
            if prediction != nil || minSNRGamma != nil {
                throw ReplayError(
                    .badOption, "--prediction and --min-snr-gamma: \(model) is a rectified flow, which has neither")
            }
            let network = try DiffusionPipeline.loadTransformer(model + "/transformer")
            let schedule = FlowSchedule()
            return try run(batches, network, (nil, nil), .flow, warn: warn, onStep: onStep) { batch, condition in
                let levels = batch.times.map { $0 / Float(schedule.timestepCount) }
                let answer = network.predict(
                    schedule.addNoise(batch.latents, batch.noise, levels: levels), times: batch.times,
                    condition: condition, cache: nil)
                return meanSquaredError(
                    answer, schedule.target(batch.latents, batch.noise), sampleWeights: batch.weights)
            }
        }
        let unet = try DiffusionPipeline.loadUNet(model + "/unet")
        let isXL = unet.configuration.addition != nil
        let textEncoder = batches.hasIDs ? try DiffusionPipeline.loadTextEncoder(model + "/text_encoder") : nil
        let second = batches.hasIDs && isXL ? try DiffusionPipeline.loadTextEncoder(model + "/text_encoder_2") : nil
        let schedule = try noiseSchedule()
        return try run(
            batches, unet, (textEncoder, second), isXL ? .large : .plain, warn: warn, onStep: onStep
        ) { batch, condition in loss(batch, unet, condition, schedule) }
    }

    /// - Parameter loss: of a batch under what its prompts say.
    private func run(
        _ batches: ReplayBatches, _ network: any Denoiser, _ encoders: (CLIPTextModel?, CLIPTextModel?),
        _ kind: ReplayBatches.Kind, warn: (String) -> Void, onStep: (Int, Int, Double) -> Void,
        loss: (ReplayBatches.Batch, TextCondition) -> Tensor
    ) throws -> Report {
        let (textEncoder, second) = encoders
        let adapters = try AdapterSet.load(
            adapter, unet: network, textEncoder: textEncoder, secondTextEncoder: second)
        for warning in adapters.warnings { warn(warning) }
        if let folded = adapters.layers.first(where: \.isFolded) {
            let key = folded.spellings["scalar"] ?? folded.spellings.values.min() ?? folded.name
            throw ReplayError(
                .badOption,
                "\(adapter): \(key): replay trains a file's tensors as they stand, and this one is multiplied into others "
                    + "when it is read; rewrite the file with radiata adapter convert --to kohya")
        }
        adapters.isTraining = true
        adapters.attach()
        defer { adapters.detach() }
        let trained = adapters.trainables
        let optimizer = AdamW(
            groups: [
                ParameterGroup(
                    tensors: trained.map(\.tensor), names: trained.map(\.name), learningRate: Float(learningRate),
                    weightDecay: Float(weightDecay))
            ], betas: betas, epsilon: Float(epsilon))
        var losses: [Double] = []
        let steps = try batches.steps()
        for (index, part) in steps.enumerated() {
            optimizer.zeroGradients()
            var sum = 0.0
            for place in part {
                let batch = try batches.batch(place, kind)
                precision.tensor.apply {
                    let loss = loss(batch, condition(batch, textEncoder, second))
                    sum += Double(loss.item())
                    (part.count == 1 ? loss : scaled(loss, by: 1 / Float(part.count))).backward()
                }
            }
            losses.append(sum / Double(part.count))
            optimizer.step()
            onStep(index + 1, steps.count, losses[index])
        }
        try write(adapters)
        return Report(losses: losses)
    }

    private func noiseSchedule() throws -> NoiseSchedule {
        var schedule = try DiffusionPipeline.loadSchedule(model)
        switch prediction {
        case nil: break
        case "epsilon": schedule.prediction = .epsilon
        case "v", "v_prediction": schedule.prediction = .velocity
        case .some(let other):
            throw ReplayError(.badOption, "--prediction: found '\(other)', wanted epsilon or v")
        }
        return schedule
    }

    private func condition(
        _ batch: ReplayBatches.Batch, _ textEncoder: CLIPTextModel?, _ second: CLIPTextModel?
    ) -> TextCondition {
        switch batch.condition {
        case .given(let condition): return condition
        case .ids(let ids):
            guard let textEncoder else { preconditionFailure("token ids without a text encoder") }
            return TextCondition(states: textEncoder(ids: ids).hidden)
        case .pairs(let ids, let secondIDs, let sizes):
            guard let textEncoder, let second else { preconditionFailure("token ids without two text encoders") }
            let large = second.penultimate(ids: secondIDs)
            return TextCondition(
                textEncoder.penultimate(ids: ids).hidden, large.hidden, pooled: large.embedding, sizes: sizes)
        }
    }

    private func loss(
        _ batch: ReplayBatches.Batch, _ unet: UNet2DConditionModel, _ condition: TextCondition,
        _ schedule: NoiseSchedule
    ) -> Tensor {
        let timesteps = batch.times.map { Int($0) }
        let noisy = schedule.addNoise(batch.latents, batch.noise, timesteps: timesteps)
        let target = schedule.target(batch.latents, batch.noise, timesteps: timesteps)
        let answer = unet.predict(noisy, times: batch.times, condition: condition, cache: nil)
        let weights =
            minSNRGamma.map { gamma in
                timesteps.map { schedule.minSNRWeight($0, gamma: Float(gamma)) }
            } ?? batch.weights
        return meanSquaredError(answer, target, sampleWeights: weights)
    }

    /// The trained tensors under the given file's names, and what the replay did not touch as it was.
    private func write(_ adapters: AdapterSet) throws {
        guard let out else { return }
        let source = try SafetensorsFile(path: AdapterSource.file(of: adapter))
        var writer = SafetensorsWriter(metadata: source.metadata)
        var written: Set<String> = []
        for (name, shape, floats) in adapters.fileTensors(naming: .asRead) {
            writer.add(name, shape: source.info(name)?.shape ?? shape, floats: floats)
            written.insert(name)
        }
        for name in source.names where !written.contains(name) {
            writer.add(name, shape: source.info(name)?.shape ?? [], floats: try source.floats(name))
        }
        try writer.write(to: out)
    }
}
