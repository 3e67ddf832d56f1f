import CoreNets
package import CoreTensor
import Foundation

/// A Stable Diffusion model: the parts of a folder in diffusers' layout.
package struct DiffusionPipeline {
    /// The denoising network: a U-Net, or the transformer of a flow.
    package let unet: any Denoiser
    package let vae: AutoencoderKL
    package let textEncoder: CLIPTextModel
    package let tokenizer: CLIPTokenizer
    /// SDXL's second text encoder.
    package let textEncoder2: CLIPTextModel?
    /// Its tokenizer: the same words, padded with another id.
    package let tokenizer2: CLIPTokenizer?
    package var schedule: NoiseSchedule
    /// Of a rectified flow, which has no noise schedule.
    package internal(set) var flow: FlowParts?
    package internal(set) var t5: T5Text?
    /// Whether an empty negative prompt is zeros rather than the encoding of no words: SDXL base.
    package var zerosForEmptyPrompt: Bool

    package init(
        unet: any Denoiser, vae: AutoencoderKL, textEncoder: CLIPTextModel, tokenizer: CLIPTokenizer,
        schedule: NoiseSchedule, textEncoder2: CLIPTextModel? = nil, tokenizer2: CLIPTokenizer? = nil,
        zerosForEmptyPrompt: Bool = false
    ) {
        self.unet = unet
        self.vae = vae
        self.textEncoder = textEncoder
        self.tokenizer = tokenizer
        self.textEncoder2 = textEncoder2
        self.tokenizer2 = tokenizer2
        self.schedule = schedule
        self.zerosForEmptyPrompt = zerosForEmptyPrompt
    }

    /// Loads all parts; everything is frozen.
    ///
    /// - Parameters:
    ///   - keepsHalves: keep the U-Net's matrices and filters as half floats where that loses nothing.
    ///   - loaded: networks of the same base that are in memory already.
    /// - Throws: `DiffusionError`, `NetsError` or the tensor module's error, naming the file.
    package init(directory: String, keepsHalves: Bool = false, sharing loaded: LoadedNetworks? = nil) throws {
        if Self.isFlow(directory) {
            try self.init(flow: directory, sharing: loaded)
            return
        }
        let unet =
            try loaded?.unet as? UNet2DConditionModel
            ?? Self.loadUNet(directory + "/unet", keepsHalves: keepsHalves)
        let isLarge = unet.configuration.addition != nil
        self.init(
            unet: unet, vae: try Self.loadAutoencoder(directory + "/vae"),
            textEncoder: try loaded?.textEncoder ?? Self.loadTextEncoder(directory + "/text_encoder"),
            tokenizer: try CLIPTokenizer(directory: directory + "/tokenizer"),
            schedule: try Self.loadSchedule(directory),
            textEncoder2: isLarge
                ? try loaded?.textEncoder2 ?? Self.loadTextEncoder(directory + "/text_encoder_2") : nil,
            tokenizer2: isLarge ? try CLIPTokenizer(directory: directory + "/tokenizer_2") : nil,
            zerosForEmptyPrompt: isLarge ? try Self.zerosForEmptyPrompt(directory) : false)
        try check(label: directory)
    }

    /// The same without the autoencoder's weights: one that is never filled takes no memory.
    package func withoutAutoencoder() -> DiffusionPipeline {
        var copy = DiffusionPipeline(
            unet: unet, vae: AutoencoderKL(configuration: vae.configuration), textEncoder: textEncoder,
            tokenizer: tokenizer, schedule: schedule, textEncoder2: textEncoder2, tokenizer2: tokenizer2,
            zerosForEmptyPrompt: zerosForEmptyPrompt)
        (copy.flow, copy.t5) = (flow, t5)
        return copy
    }

    /// What the pipeline's index says; diffusers' default for SDXL where it does not.
    private static func zerosForEmptyPrompt(_ directory: String) throws -> Bool {
        let path = directory + "/model_index.json"
        guard FileManager.default.fileExists(atPath: path) else { return true }
        guard case .flag(let flag) = try JSONValue.object(path: path)["force_zeros_for_empty_prompt"] else {
            return true
        }
        return flag
    }

    /// That the parts fit each other, so that running them cannot trap.
    func check(label: String) throws {
        guard let unet = (unet as? UNet2DConditionModel)?.configuration else { return }
        let vae = vae.configuration
        let width = textEncoder.configuration.sizes.width + (textEncoder2?.configuration.sizes.width ?? 0)
        var faults: [(Bool, String)] = [
            (
                unet.crossAttentionWidth.contains { $0 != width },
                "the U-Net wants context of width \(unet.crossAttentionWidth), the text encoder gives \(width)"
            ),
            (
                // Twice as many: the base edits, and reads a picture's latents behind the noisy ones.
                vae.latentChannels != unet.outChannels
                    || ![unet.outChannels, 2 * unet.outChannels].contains(unet.inChannels),
                "the U-Net maps \(unet.inChannels) channels to \(unet.outChannels), latents have \(vae.latentChannels)"
            ),
        ]
        faults += Self.faults(tokenizer, textEncoder, "the tokenizer", "the text encoder")
        if let addition = unet.addition {
            guard let textEncoder2 else {
                throw DiffusionError(
                    code: .invalidConfiguration, message: "\(label): the U-Net wants SDXL's second text encoder")
            }
            let pooled = addition.inputWidth - 6 * addition.timeWidth
            let gives = textEncoder2.configuration.projectionWidth
            faults.append(
                (
                    !textEncoder2.hasProjection || gives != pooled,
                    "the U-Net wants pooled text of width \(pooled), the second text encoder "
                        + (textEncoder2.hasProjection ? "gives \(gives)" : "has no text_projection")
                ))
            faults += Self.faults(tokenizer2 ?? tokenizer, textEncoder2, "the second tokenizer", "its text encoder")
            faults.append(
                (
                    (tokenizer2 ?? tokenizer).length != tokenizer.length,
                    "the tokenizers pad to \(tokenizer.length) and \((tokenizer2 ?? tokenizer).length)"
                ))
        }
        if let fault = faults.first(where: { $0.0 }) {
            throw DiffusionError(code: .invalidConfiguration, message: "\(label): \(fault.1)")
        }
    }

    static func faults(
        _ tokenizer: CLIPTokenizer, _ encoder: CLIPTextModel, _ first: String, _ second: String
    ) -> [(Bool, String)] {
        let (text, largest) = (encoder.configuration, tokenizer.vocabulary.values.max() ?? 0)
        return [
            (
                Int(largest) >= text.vocabularySize,
                "\(first) has ids up to \(largest), \(second) knows \(text.vocabularySize) words"
            ),
            (
                tokenizer.vocabulary.values.contains { $0 < 0 }, "\(first) has negative ids"
            ),
            (
                tokenizer.length > text.positions,
                "\(first) pads to \(tokenizer.length), \(second) has \(text.positions) positions"
            ),
        ]
    }

    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package static func loadUNet(_ path: String, keepsHalves: Bool = false) throws -> UNet2DConditionModel {
        let folder = try ModelFolder(path: path)
        let configuration = try UNetConfiguration(path: folder.configurationPath)
        let weights = try folder.open()
        let unet = UNet2DConditionModel(configuration: configuration)
        if keepsHalves { unet.keepWeightsAsHalfWhenSet() }
        try folder.load(weights, into: unet)
        return unet
    }

    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package static func loadAutoencoder(_ path: String) throws -> AutoencoderKL {
        let folder = try ModelFolder(path: path)
        let configuration = try AutoencoderConfiguration(path: folder.configurationPath)
        let weights = try folder.open()
        let vae = AutoencoderKL(configuration: configuration)
        try folder.load(weights, into: vae, rename: AutoencoderKL.rename)
        return vae
    }

    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package static func loadTextEncoder(_ path: String) throws -> CLIPTextModel {
        let folder = try ModelFolder(path: path)
        var configuration = try CLIPTextConfiguration(path: folder.configurationPath)
        let weights = try folder.open()
        // Whether there is a projection is plain from the weights; `architectures` may be missing.
        configuration.hasProjection = weights.contains { $0.info("text_projection.weight") != nil }
        let model = CLIPTextModel(configuration: configuration)
        try folder.load(weights, into: model, rename: CLIPTextModel.rename)
        return model
    }

    /// Loads a pair of CLIP encoders, with which checkpoints are evaluated; the base folder keeps one.
    ///
    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package static func loadCLIP(_ path: String) throws -> CLIPModel {
        try CLIPFolder(path: path).load()
    }

    /// Loads DINOv2's image encoder.
    ///
    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package static func loadDinov2(_ path: String) throws -> Dinov2Model {
        let folder = try ModelFolder(path: path)
        let configuration = try Dinov2Configuration(path: folder.configurationPath)
        let weights = try folder.open()
        let model = Dinov2Model(configuration: configuration)
        try folder.load(weights, into: model, rename: Dinov2Model.rename)
        return model
    }

    /// The folder's noise schedule; Stable Diffusion's if it has none.
    ///
    /// - Throws: `DiffusionError` for a file that is no schedule or not known.
    package static func loadSchedule(_ directory: String) throws -> NoiseSchedule {
        let path = directory + "/scheduler/scheduler_config.json"
        return FileManager.default.fileExists(atPath: path) ? try NoiseSchedule(path: path) : NoiseSchedule()
    }
}

extension CLIPModel {
    /// Writes a folder that transformers' `CLIPModel` loads.
    ///
    /// - Throws: `TensorError` or Foundation's error if a file cannot be written.
    package func save(to directory: String, type: SafetensorsType = .f32) throws {
        try ModelFolder.save(
            self, configuration: configuration.json, to: directory, weights: "model.safetensors", type: type)
    }
}
