import CoreAdapters
import CoreData
package import CoreDiffusion
package import CoreTensor
package import ImageFiles
package import RunSpec

/// Draws images from prompts with one pipeline, in batches.
package final class ImageGenerator {
    /// How images are drawn.
    package struct Settings: Equatable, Sendable {
        package var sampler: SamplerKind
        package var steps: Int
        package var guidance: Double
        /// In pixels; nil: the square the base was trained on.
        package var size: PixelSize?
        package var clipSkip: Int
        /// Tokens of a prompt in rows of the text encoder's length; what does not fit is cut.
        package var chunks: Int

        package init(
            sampler: SamplerKind = .ddim, steps: Int, guidance: Double, size: PixelSize? = nil, clipSkip: Int = 1,
            chunks: Int = 1
        ) {
            self.sampler = sampler
            self.steps = steps
            self.guidance = guidance
            self.size = size
            self.clipSkip = clipSkip
            self.chunks = chunks
        }
    }

    /// What one image is made of: words, the noise it starts from, and the picture that it is an edit of.
    package struct Request: Equatable, Sendable {
        package var prompt: String
        /// What guidance leads away from; empty for nothing in particular.
        package var negative: String
        package var seed: UInt64
        /// In the size of the images; nil for no edit.
        package var source: RGBImage?

        package init(prompt: String, negative: String = "", seed: UInt64, source: RGBImage? = nil) {
            self.prompt = prompt
            self.negative = negative
            self.seed = seed
            self.source = source
        }
    }

    package let pipeline: DiffusionPipeline
    package let settings: Settings
    /// Guidance by the pictures that edits begin with; below 1 there is none at all.
    package var imageGuidance = EvaluationSpec.usualImageGuidance
    /// Of the network's products; everything else is f32.
    package var precision = Precision.f32
    private let shouldStop: () -> Bool

    /// - Parameter shouldStop: asked before each batch; true throws `EvaluationError` with `stopped`.
    package init(
        pipeline: DiffusionPipeline, settings: Settings, shouldStop: @escaping () -> Bool = { false }
    ) throws {
        let limit = pipeline.flow?.schedule.timestepCount ?? pipeline.schedule.timestepCount
        guard (1...limit).contains(settings.steps) else {
            throw EvaluationError(code: .plan, message: "\(settings.steps) sampling steps, wanted 1 to \(limit)")
        }
        let layers = pipeline.textEncoder.configuration.sizes.layers
        guard (1...layers).contains(settings.clipSkip) else {
            throw EvaluationError(
                code: .plan, message: "clip_skip \(settings.clipSkip): the text encoder has \(layers) layers")
        }
        let known = pipeline.flow == nil ? SamplerKind.ofNoise : [.ddim, .euler, .heun]
        guard known.contains(settings.sampler) else {
            throw EvaluationError(
                code: .plan,
                message: "sampler \(settings.sampler.rawValue): this base is "
                    + (pipeline.flow == nil ? "no rectified flow" : "a rectified flow")
                    + "; wanted \(known.map(\.rawValue).joined(separator: ", "))")
        }
        if let size = settings.size, let fault = pipeline.fault(width: size.width, height: size.height) {
            throw EvaluationError(code: .plan, message: "size \(size.width)×\(size.height): \(fault)")
        }
        self.pipeline = pipeline
        self.settings = settings
        self.shouldStop = shouldStop
    }

    /// One image for each request, in their order.
    ///
    /// - Parameter progress: called after each batch with the number of images done.
    /// - Throws: `EvaluationError` for a source of another size, or where the model reads none.
    package func images(_ requests: [Request], progress: (_ done: Int) -> Void = { _ in }) throws -> [RGBImage] {
        let sources = requests.compactMap(\.source)
        try sources.forEach(check)
        guard sources.isEmpty || sources.count == requests.count else {
            throw EvaluationError(code: .plan, message: "edits and other images asked for together")
        }
        var images: [RGBImage] = []
        for start in stride(from: 0, to: requests.count, by: batch) {
            if shouldStop() { throw EvaluationError(code: .stopped, message: "stopped while drawing images") }
            let part = Array(requests[start..<min(start + batch, requests.count)])
            images += decoded(latents(of: part))
            progress(images.count)
        }
        return images
    }

    /// Denoised latents of the requests, `[N, h, w, c]`, scaled as the U-Net knows them.
    ///
    /// - Parameters:
    ///   - initial: starting noise in place of that named by the seeds.
    ///   - source: a picture to start from.
    ///   - prepare: sets the networks up for a step, given the share of the steps before it, and answers
    ///     whether that changed them; prompts are encoded anew then.
    package func latents(
        of requests: [Request], initial: Tensor? = nil, source: SourceImage? = nil,
        prepare: (_ share: Double) -> Bool = { _ in false }
    ) -> Tensor {
        withoutGradients {
            let noise = initial ?? concatenateBatch(requests.map { startingNoise(seed: $0.seed) })
            let sampler = sampler(height: noise.shape[1], width: noise.shape[2])
            let picture = source.map { sourcePicture($0, count: noise.shape[0]) }
            var current: SamplingPhase?
            return pipeline.unet.drawing(in: precision) {
                sampler.sample(unet: pipeline.unet, latents: noise, source: picture) { step in
                    let hasChanged = prepare(Double(step) / Double(settings.steps))
                    if let current, !hasChanged { return current }
                    // Adapters' weights and prompts are what they are in f32.
                    let phase = Precision.f32.apply { self.phase(requests, noise.shape) }
                    current = phase
                    return phase
                }
            }
        }
    }

    /// What the prompts say to networks as they are now.
    ///
    /// - Parameter shape: of the latents.
    private func phase(_ requests: [Request], _ shape: [Int]) -> SamplingPhase {
        let reduction = pipeline.vae.configuration.reduction
        let sizes = requests.map { _ in pipeline.wholePicture((shape[1] * reduction, shape[2] * reduction)) }
        func ids(_ text: String) -> PromptIDs { pipeline.ids(of: text, chunks: settings.chunks) }
        var condition = pipeline.condition(
            requests.map { ids($0.prompt) }, clipSkip: settings.clipSkip, sizes: sizes)
        condition.source = sources(of: requests)
        // A model that was distilled with guidance reads it, and needs no second pass.
        if pipeline.unet.embedsGuidance { condition.guidance = Float(settings.guidance) }
        let unconditional =
            settings.guidance <= 1 || pipeline.unet.embedsGuidance
            ? nil
            : pipeline.unconditional(
                requests.map { ids($0.negative) }, isEmpty: requests.allSatisfy(\.negative.isEmpty),
                clipSkip: settings.clipSkip, sizes: sizes)
        return SamplingPhase(
            condition, unconditional: unconditional, guidance: Float(settings.guidance),
            // Among tokens there is no place for no source.
            sourceGuidance: pipeline.unet.sourceReading == .tokens ? 1 : Float(imageGuidance))
    }

    /// - Throws: `EvaluationError` for a picture to edit of another size than the images, or where the model
    ///   reads none.
    package func check(source: RGBImage) throws {
        guard pipeline.unet.sourceReading != .none else {
            throw EvaluationError(
                code: .model,
                message: "the model reads no picture to edit; it needs an adapter that was trained on pairs, or a base "
                    + "such as InstructPix2Pix")
        }
        let reduction = pipeline.vae.configuration.reduction
        let (height, width) = (latentSize.height * reduction, latentSize.width * reduction)
        guard source.width == width, source.height == height else {
            throw EvaluationError(
                code: .plan,
                message: "a picture to edit of \(source.width)×\(source.height) pixels, wanted \(width)×\(height)")
        }
    }

    /// What edits begin with; nil where no request has a source.
    private func sources(of requests: [Request]) -> Tensor? {
        let sources = requests.compactMap(\.source)
        return sources.isEmpty ? nil : concatenateBatch(sources.map { pipeline.source($0.tensor()) })
    }

    /// The noise levels of a flow's steps, and 0 at the end; none of a base with a noise schedule.
    ///
    /// - Parameters: of the latents.
    package func flowLevels(height: Int, width: Int) -> [Float] {
        guard let flow = pipeline.flow else { return [] }
        let step = pipeline.unet.latentStep
        return flow.schedule.levels(
            steps: settings.steps, evenly: flow.family == .flux, tokens: height / step * (width / step))
    }

    private func sampler(height: Int, width: Int) -> any Sampler {
        guard let flow = pipeline.flow else {
            return settings.sampler.sampler(pipeline.schedule, steps: settings.steps)
        }
        let levels = flowLevels(height: height, width: width)
        let count = flow.schedule.timestepCount
        return settings.sampler.sampler(levels: levels, timestepCount: count)
            ?? FlowEulerSampler(levels: levels, timestepCount: count)
    }

    /// Pixels of scaled latents.
    package func decoded(_ latents: Tensor) -> [RGBImage] {
        withoutGradients {
            // The decoder's activations are a hundred times as large as the latents: of large pictures one at
            // a time.
            let reduction = pipeline.vae.configuration.reduction
            let pixels = latents.shape[1] * latents.shape[2] * reduction * reduction
            let together = max(1, Self.decodedTogether / pixels)
            return stride(from: 0, to: latents.shape[0], by: together).flatMap { start in
                // What the U-Net needed for drawing is idle now.
                if together == 1 { Compute.releaseIdleBuffers() }
                let part = slice(latents, batch: start..<min(start + together, latents.shape[0]))
                let pixels = pipeline.vae.decode(pipeline.vae.unscaled(part))
                return (0..<pixels.shape[0]).map { RGBImage(pixels, batch: $0) }
            }
        }
    }

    /// Pixels of the pictures that are decoded at once: one of 512².
    private static let decodedTogether = 512 * 512

    /// `[1, h, w, c]`, a function of the seed alone: base and adapter start from the same noise.
    package func startingNoise(seed: UInt64) -> Tensor {
        let (height, width) = latentSize
        let noise = Tensor(uninitialized: [1, height, width, pipeline.unet.latentChannels])
        var random = RandomStream(seed: seed, purpose: "latents")
        random.fillNormal(noise)
        return noise
    }

    /// Of the latents, in their pixels.
    package var latentSize: (height: Int, width: Int) {
        guard let size = settings.size else { return (pipeline.latentSide, pipeline.latentSide) }
        let reduction = pipeline.vae.configuration.reduction
        return (size.height / reduction, size.width / reduction)
    }

    /// Images drawn together. Many small ones fill the matrix kernels; one of 32 × 32 latents and its
    /// unconditional half do so alone, and of larger ones a batch would only cost memory.
    package var batch: Int {
        let latents = latentSize.height * latentSize.width
        return latents > 1024 ? 1 : max(1, min(16, 8192 / latents))
    }
}
