import CoreNets
import CoreTensor
import Foundation

/// What a pipeline has in place of a noise schedule where its network predicts a velocity.
package struct FlowParts {
    package enum Family: Sendable {
        case flux, stableDiffusion3
    }

    package let family: Family
    package var schedule: FlowSchedule
}

/// T5 with its tokenizer, and the length to which prompts are padded.
package struct T5Text {
    package let model: T5EncoderModel
    package let tokenizer: T5Tokenizer
    package let length: Int

    package init(model: T5EncoderModel, tokenizer: T5Tokenizer, length: Int) {
        self.model = model
        self.tokenizer = tokenizer
        self.length = length
    }
}

extension DiffusionPipeline {
    /// Whether a folder holds a transformer in place of a U-Net.
    package static func isFlow(_ directory: String) -> Bool {
        FileManager.default.fileExists(atPath: directory + "/transformer/config.json")
    }

    /// Loads a folder of Flux.1 or Stable Diffusion 3; everything is frozen.
    init(flow directory: String, sharing loaded: LoadedNetworks?) throws {
        let transformer = try loaded?.unet ?? Self.loadTransformer(directory + "/transformer")
        let isLarge = transformer is SD3Transformer2DModel
        let family: FlowParts.Family = isLarge ? .stableDiffusion3 : .flux
        self.init(
            unet: transformer, vae: try Self.loadAutoencoder(directory + "/vae"),
            textEncoder: try loaded?.textEncoder ?? Self.loadTextEncoder(directory + "/text_encoder"),
            tokenizer: try CLIPTokenizer(directory: directory + "/tokenizer"), schedule: NoiseSchedule(),
            textEncoder2: isLarge
                ? try loaded?.textEncoder2 ?? Self.loadTextEncoder(directory + "/text_encoder_2") : nil,
            tokenizer2: isLarge ? try CLIPTokenizer(directory: directory + "/tokenizer_2") : nil)
        flow = FlowParts(
            family: family, schedule: try FlowSchedule(path: directory + "/scheduler/scheduler_config.json"))
        t5 = try Self.t5(directory, isLarge: isLarge)
        try checkFlow(label: directory)
    }

    /// Flux.1 made of parts in memory.
    package init(
        flow transformer: FluxTransformer2DModel, vae: AutoencoderKL, textEncoder: CLIPTextModel,
        tokenizer: CLIPTokenizer, t5: T5Text, schedule: FlowSchedule
    ) throws {
        self.init(
            unet: transformer, vae: vae, textEncoder: textEncoder, tokenizer: tokenizer, schedule: NoiseSchedule())
        flow = FlowParts(family: .flux, schedule: schedule)
        self.t5 = t5
        try checkFlow(label: "the parts")
    }

    /// Loads the transformer of a pipeline, whichever its configuration names.
    ///
    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package static func loadTransformer(_ path: String) throws -> any Denoiser {
        switch try JSONValue.object(path: path + "/config.json")["_class_name"] {
        case .text("FluxTransformer2DModel"): return try FluxTransformer2DModel(folder: path)
        case .text("SD3Transformer2DModel"): return try SD3Transformer2DModel(folder: path)
        default:
            throw DiffusionError(
                code: .unsupportedConfiguration,
                message: "\(path)/config.json: _class_name names no transformer of a pipeline that is read here; "
                    + "wanted FluxTransformer2DModel or SD3Transformer2DModel")
        }
    }

    /// Flux cannot do without T5, Stable Diffusion 3 can.
    private static func t5(_ directory: String, isLarge: Bool) throws -> T5Text? {
        let number = isLarge ? 3 : 2
        let folder = "\(directory)/text_encoder_\(number)"
        if isLarge, !FileManager.default.fileExists(atPath: folder + "/config.json") { return nil }
        let model = try T5EncoderModel(folder: folder)
        let tokenizer = try T5Tokenizer(directory: "\(directory)/tokenizer_\(number)")
            .limited(to: model.configuration.vocabularySize)
        let usual = isLarge ? 256 : 512
        return T5Text(model: model, tokenizer: tokenizer, length: min(usual, tokenizer.longest ?? usual))
    }

    /// That the parts fit each other, so that running them cannot trap.
    private func checkFlow(label: String) throws {
        var faults: [(Bool, String)] = [
            (
                vae.configuration.latentChannels != unet.latentChannels,
                "the transformer wants latents of \(unet.latentChannels) channels, the autoencoder has "
                    + "\(vae.configuration.latentChannels)"
            )
        ]
        faults += Self.faults(tokenizer, textEncoder, "the tokenizer", "the text encoder")
        if let t5 {
            faults.append(
                (
                    t5.tokenizer.largestID >= t5.model.configuration.vocabularySize,
                    "T5's tokenizer has ids up to \(t5.tokenizer.largestID), the encoder knows "
                        + "\(t5.model.configuration.vocabularySize) words"
                ))
        }
        if let flux = (unet as? FluxTransformer2DModel)?.configuration {
            faults += faultsOfFlux(flux)
        } else if let wide = (unet as? SD3Transformer2DModel)?.configuration {
            faults += try faultsOfSD3(wide, label: label)
        }
        if let fault = faults.first(where: { $0.0 }) {
            throw DiffusionError(code: .invalidConfiguration, message: "\(label): \(fault.1)")
        }
    }

    private func faultsOfFlux(_ flux: FluxConfiguration) -> [(Bool, String)] {
        let (context, pooled) = (t5?.model.configuration.width ?? 0, textEncoder.configuration.sizes.width)
        return [
            (
                flux.contextWidth != context,
                "the transformer wants context of width \(flux.contextWidth), T5 gives \(context)"
            ),
            (
                flux.pooledWidth != pooled,
                "the transformer wants pooled text of width \(flux.pooledWidth), the text encoder gives \(pooled)"
            ),
            (flux.axes.count != 3, "the transformer's places have \(flux.axes.count) axes, wanted 3"),
            (flux.inChannels % 4 != 0 || flux.outChannels != flux.inChannels, "the transformer changes its channels"),
        ]
    }

    private func faultsOfSD3(_ wide: SD3Configuration, label: String) throws -> [(Bool, String)] {
        guard let textEncoder2 else {
            throw DiffusionError(code: .invalidConfiguration, message: "\(label): no second text encoder")
        }
        let (first, second) = (textEncoder.configuration, textEncoder2.configuration)
        let (both, pooled) = (
            first.sizes.width + second.sizes.width, first.projectionWidth + second.projectionWidth
        )
        let faults: [(Bool, String)] = [
            (
                !textEncoder.hasProjection || !textEncoder2.hasProjection,
                "a text encoder has no text_projection, both must"
            ),
            (
                wide.pooledWidth != pooled,
                "the transformer wants pooled text of width \(wide.pooledWidth), the text encoders give \(pooled)"
            ),
            (
                wide.contextWidth < both || wide.contextWidth != t5?.model.configuration.width ?? wide.contextWidth,
                "the transformer wants context of width \(wide.contextWidth), the text encoders give \(both) and "
                    + "\(t5?.model.configuration.width ?? 0)"
            ),
            (wide.outChannels != wide.inChannels, "the transformer changes its channels"),
        ]
        return faults + Self.faults(tokenizer2 ?? tokenizer, textEncoder2, "the second tokenizer", "its text encoder")
    }

    /// What prompts tell a transformer.
    func flowCondition(_ prompts: [PromptIDs], _ flow: FlowParts, clipSkip: Int) -> TextCondition {
        let first = prompts.flatMap(\.first)
        let words = t5.map { $0.model(prompts.flatMap(\.third)) }
        guard flow.family == .stableDiffusion3, let textEncoder2 else {
            let pooled = textEncoder(ids: first).pooled
            return TextCondition(states: words ?? .zeros([prompts.count, 0, 0]), pooled: pooled)
        }
        let small = textEncoder.penultimate(ids: first, clipSkip: clipSkip)
        let large = textEncoder2.penultimate(ids: prompts.flatMap(\.second), clipSkip: clipSkip)
        let states = concatenate(small.hidden, large.hidden)
        // CLIP's states beside each other, as wide as T5's, before T5's.
        let width = (unet as? SD3Transformer2DModel)?.configuration.contextWidth ?? states.shape[2]
        let missing = width - states.shape[2]
        let wide =
            missing > 0 ? concatenate(states, .zeros([states.shape[0], states.shape[1], missing])) : states
        let rest = words ?? .zeros([prompts.count, 256, width])
        return TextCondition(
            states: concatenateTokens(wide, rest), pooled: concatenate(small.embedding, large.embedding))
    }
}
