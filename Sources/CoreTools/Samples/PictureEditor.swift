import CoreData
import CoreDiffusion
import CoreEvaluation
import CoreTensor
import ImageFiles
import RunSpec

/// Edits pictures with one pipeline, in the way that one `EditSpec` says.
struct PictureEditor {
    /// A picture and what shall become of it.
    struct Request {
        /// nil for a picture that the base draws from `prompt` and the seed.
        var image: RGBImage?
        /// What the picture shows.
        var prompt: String
        /// What it shall show.
        var edit: String
        /// Of FluxSpace: what is added; nil for all of the edit's prompt.
        var concept: String?
        /// Of FluxSpace: words of the concept whose place in the picture is the mask; empty for the first.
        var maskWords = ""
        var seed: UInt64
    }

    struct Result {
        /// At the size at which it was edited.
        var source: RGBImage
        var edited: RGBImage
        /// What the autoencoder leaves of the source; nil for one that was drawn.
        var attainable: RGBImage?
        /// The largest spread of FluxSpace's fine changes (`FluxSpace.changed`); nil where there were none.
        var spread: Double?
    }

    let pipeline: DiffusionPipeline
    let spec: EditSpec
    /// What guidance leads away from; of FluxSpace and of the way to noise the empty prompt.
    var negative = ""
    /// Asked before each step's network; true throws `EvaluationError` with `stopped`.
    var shouldStop: () -> Bool = { false }

    /// - Throws: `SampleError` for a base or parameters that cannot do it.
    init(pipeline: DiffusionPipeline, spec: EditSpec, base: String) throws {
        let isFlux = pipeline.unet is FluxTransformer2DModel
        if let fault = Self.fault(spec.method, isFlow: pipeline.flow != nil, isFlux: isFlux) {
            throw SampleError(code: .arguments, message: "\(base): \(fault)")
        }
        do {
            try spec.check()
        } catch {
            throw SampleError(code: .arguments, message: error.message)
        }
        self.pipeline = pipeline
        self.spec = spec
    }

    /// Why a base cannot be used by a method; nil where it can.
    static func fault(_ method: EditMethod, isFlow: Bool, isFlux: Bool) -> String? {
        guard isFlow else { return "no transformer/ in it; editing wants Flux.1 or Stable Diffusion 3" }
        return method == .fluxspace && !isFlux ? "fluxspace wants Flux.1; the other methods take this base" : nil
    }

    /// Looks at a request before anything is computed.
    ///
    /// - Throws: `SampleError` for a picture that is too small, or words that are not in the prompt.
    func check(_ image: RGBImage?, maskWords: String, in concept: String) throws {
        if let image { _ = try fittedSize(image) }
        if spec.method == .fluxspace { _ = try positions(of: maskWords, in: concept) }
    }

    /// Where T5 has words of FluxSpace's concept; empty for no words.
    func positions(of words: String, in concept: String) throws -> [Int] {
        guard let t5 = pipeline.t5, !words.isEmpty else { return [] }
        let found = t5.tokenizer.positions(of: words, in: concept).filter { $0 < t5.length }
        guard !found.isEmpty else {
            throw SampleError(
                code: .arguments, message: "mask words '\(words)': not in the edit prompt '\(concept)'")
        }
        return found
    }

    /// - Throws: `SampleError` for a picture or words that do not fit; `EvaluationError` with `stopped` where
    ///   it was asked to stop.
    func edit(_ request: Request) throws -> Result {
        let size = try request.image.map(fittedSize) ?? spec.size
        let settings = ImageGenerator.Settings(
            sampler: .euler, steps: spec.steps, guidance: spec.guidance, size: size)
        let generator = try ImageGenerator(pipeline: pipeline, settings: settings)
        let run = EditRun(editor: self, request: request, generator: generator)
        let (picture, source) = try run.source(size)
        let edited = try run.edited(picture)
        let decoded = generator.decoded(picture)[0]
        return Result(
            source: source ?? decoded, edited: generator.decoded(edited)[0],
            attainable: source == nil ? nil : decoded, spread: run.spread.map(Double.init))
    }

    /// The size that is asked for, or the picture's own as far as latents have it.
    private func fittedSize(_ image: RGBImage) throws -> PixelSize {
        if let size = spec.size { return size }
        let unit = pipeline.vae.configuration.reduction * pipeline.unet.latentStep
        let own = PixelSize(width: image.width / unit * unit, height: image.height / unit * unit)
        guard min(own.width, own.height) > 0 else {
            throw SampleError(
                code: .arguments,
                message: "a picture of \(image.width)×\(image.height) pixels, wanted at least \(unit) a side")
        }
        return own
    }
}

/// One picture's edit.
private final class EditRun {
    private let editor: PictureEditor
    private let request: PictureEditor.Request
    private let generator: ImageGenerator
    private let levels: [Float]
    private let null: TextCondition
    private(set) var spread: Float?
    /// The network is called from closures that cannot throw.
    private var isStopped = false

    private var pipeline: DiffusionPipeline { editor.pipeline }
    private var spec: EditSpec { editor.spec }

    init(editor: PictureEditor, request: PictureEditor.Request, generator: ImageGenerator) {
        self.editor = editor
        self.request = request
        self.generator = generator
        let (height, width) = generator.latentSize
        levels = generator.flowLevels(height: height, width: width)
        null = withoutGradients { editor.pipeline.condition([editor.negative]) }
    }

    /// The picture's latents, and its pixels where they are not those of the latents.
    func source(_ size: PixelSize?) throws -> (latents: Tensor, pixels: RGBImage?) {
        if let image = request.image, let size {
            let fitted = FittedImage(image, covering: size).image
            return (withoutGradients { pipeline.vae.scaled(pipeline.vae.encode(fitted.tensor()).mean) }, fitted)
        }
        return (try checked(drawn(velocity(condition(request.prompt), guidance: spec.guidance))), nil)
    }

    func edited(_ picture: Tensor) throws -> Tensor {
        switch spec.method {
        case .flowedit: try checked(moved(picture))
        case .sdedit:
            try checked(
                sdedit(strength: spec.strength).edit(
                    picture, levels: levels, noise: noise,
                    velocity: velocity(condition(request.edit), guidance: spec.guidance)))
        case .rfInversion:
            try checked(inverted(picture, velocity(condition(request.edit), guidance: spec.guidance)))
        case .fluxspace:
            // A picture that was drawn has its noise already.
            try checked(request.image == nil ? drawn(spaceVelocity()) : inverted(picture, spaceVelocity()))
        }
    }

    private func checked(_ latents: Tensor) throws -> Tensor {
        if isStopped { throw EvaluationError(code: .stopped, message: "stopped while editing") }
        return latents
    }

    private var noise: Tensor { generator.startingNoise(seed: request.seed) }

    private func condition(_ prompt: String) -> TextCondition { withoutGradients { pipeline.condition([prompt]) } }

    private var negative: TextCondition? { pipeline.unet.embedsGuidance ? nil : null }

    private var timestepCount: Int { pipeline.flow?.schedule.timestepCount ?? 1000 }

    /// Nothing more is computed once somebody asked to stop: the rest of the way costs nothing.
    private func unlessStopped(_ latents: Tensor, _ compute: () -> Tensor) -> Tensor {
        mustStop() ? latents : compute()
    }

    private func mustStop() -> Bool {
        isStopped = isStopped || editor.shouldStop()
        return isStopped
    }

    private func velocity(_ condition: TextCondition, guidance: Double) -> (Tensor, Float, Int) -> Tensor {
        { [self] latents, level, _ in
            unlessStopped(latents) {
                FlowEdit.velocity(
                    latents, time: level * Float(timestepCount), network: pipeline.unet,
                    prompt: .init(condition, negative: negative), guidance: Float(guidance))
            }
        }
    }

    private func sdedit(strength: Double) -> SDEdit {
        var edit = SDEdit()
        (edit.steps, edit.strength) = (spec.steps, strength)
        return edit
    }

    /// As the sampler draws, from the seed's noise.
    private func drawn(_ velocity: (Tensor, Float, Int) -> Tensor) -> Tensor {
        let noise = noise
        return sdedit(strength: 1).edit(noise, levels: levels, noise: noise, velocity: velocity)
    }

    private func inverted(_ picture: Tensor, _ velocity: (Tensor, Float, Int) -> Tensor) -> Tensor {
        var inversion = RFInversion()
        (inversion.steps, inversion.gamma, inversion.eta) = (spec.steps, Float(spec.gamma), Float(spec.eta))
        inversion.firstStep = Int(spec.etaStart * Double(spec.steps))
        inversion.endStep = min(Int(spec.etaStop * Double(spec.steps)), spec.steps)
        // The way there is that of no prompt and no guidance, as published.
        let inverted = inversion.invert(
            picture, levels: levels, noise: noise,
            velocity: self.velocity(null, guidance: pipeline.unet.embedsGuidance ? 0 : 1))
        return inversion.redraw(inverted, picture: picture, levels: levels, velocity: velocity)
    }

    private func moved(_ picture: Tensor) -> Tensor {
        var edit = FlowEdit()
        (edit.steps, edit.mostSteps, edit.leastSteps) = (spec.steps, spec.mostSteps, spec.leastSteps)
        (edit.average, edit.sourceGuidance) = (spec.average, Float(spec.sourceGuidance))
        edit.targetGuidance = Float(spec.targetGuidance)
        return edit.edit(
            picture, network: pipeline.unet, levels: levels, timestepCount: timestepCount,
            source: .init(condition(request.prompt), negative: negative),
            target: .init(condition(request.edit), negative: negative),
            noise: { step, draw in
                let noise = Tensor(uninitialized: picture.shape)
                var random = RandomStream(seed: request.seed, purpose: "flowedit", step: step, item: draw)
                random.fillNormal(noise)
                return noise
            }, shouldStop: mustStop)
    }

    private func spaceVelocity() throws -> (Tensor, Float, Int) -> Tensor {
        guard let flux = pipeline.unet as? FluxTransformer2DModel else { preconditionFailure("the editor looked") }
        let concept = request.concept ?? request.edit
        let words = try editor.positions(of: request.maskWords, in: concept)
        var variant: FluxSpace.Variant = spec.variant == .free ? .free(maskWords: [0]) : .lengthKeeping
        if !words.isEmpty { variant.maskWords = words }
        var space = FluxSpace(variant)
        (space.coarse, space.fine, space.tau) = (Float(spec.coarse), Float(spec.fine), Float(spec.tau))
        (space.start, space.stop) = (spec.start, spec.stop)
        let prompts = FluxSpace.Prompts(base: condition(request.prompt), edit: condition(concept), null: null)
        let guidance = Float(spec.guidance)
        return { [self, space] latents, level, step in
            unlessStopped(latents) {
                let changed = flux.predict(
                    latents, level: level, guidance: guidance, prompts: prompts, space: space, step: step
                ) { spread = max(spread ?? 0, $0) }
                guard let negative, guidance != 1 else { return changed }
                let times = Array(repeating: level * Float(timestepCount), count: latents.shape[0])
                let without = flux.predict(latents, times: times, condition: negative, cache: nil)
                return add(without, scaled(subtract(changed, without), by: guidance))
            }
        }
    }
}
