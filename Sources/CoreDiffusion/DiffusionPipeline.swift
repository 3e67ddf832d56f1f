import CoreNets
package import CoreTensor
import Foundation

/// A Stable Diffusion model: the parts of a folder in diffusers' layout.
package struct DiffusionPipeline {
    package let unet: UNet2DConditionModel
    package let vae: AutoencoderKL
    package let textEncoder: CLIPTextModel
    package let tokenizer: CLIPTokenizer
    package var schedule: NoiseSchedule

    package init(
        unet: UNet2DConditionModel, vae: AutoencoderKL, textEncoder: CLIPTextModel, tokenizer: CLIPTokenizer,
        schedule: NoiseSchedule
    ) {
        self.unet = unet
        self.vae = vae
        self.textEncoder = textEncoder
        self.tokenizer = tokenizer
        self.schedule = schedule
    }

    /// Loads all parts; everything is frozen.
    ///
    /// - Throws: `DiffusionError`, `NetsError` or the tensor module's error, naming the file.
    package init(directory: String) throws {
        self.init(
            unet: try Self.loadUNet(directory + "/unet"), vae: try Self.loadAutoencoder(directory + "/vae"),
            textEncoder: try Self.loadTextEncoder(directory + "/text_encoder"),
            tokenizer: try CLIPTokenizer(directory: directory + "/tokenizer"),
            schedule: try Self.loadSchedule(directory))
        try check(label: directory)
    }

    /// That the parts fit each other, so that running them cannot trap.
    func check(label: String) throws {
        let (unet, vae, text) = (unet.configuration, vae.configuration, textEncoder.configuration)
        let largest = tokenizer.vocabulary.values.max() ?? 0
        let faults: [(Bool, String)] = [
            (
                unet.crossAttentionWidth.contains { $0 != text.sizes.width },
                "the U-Net wants context of width \(unet.crossAttentionWidth), the text encoder gives \(text.sizes.width)"
            ),
            (unet.addition != nil, "the U-Net wants SDXL's second text encoder, which pipelines do not have yet"),
            (
                vae.latentChannels != unet.inChannels || unet.outChannels != unet.inChannels,
                "the U-Net maps \(unet.inChannels) channels to \(unet.outChannels), latents have \(vae.latentChannels)"
            ),
            (
                Int(largest) >= text.vocabularySize,
                "the tokenizer has ids up to \(largest), the text encoder knows \(text.vocabularySize) words"
            ),
            (
                tokenizer.length > text.positions,
                "the tokenizer pads to \(tokenizer.length), the text encoder has \(text.positions) positions"
            ),
        ]
        if let fault = faults.first(where: { $0.0 }) {
            throw DiffusionError(code: .invalidConfiguration, message: "\(label): \(fault.1)")
        }
    }

    package static func loadUNet(_ path: String) throws -> UNet2DConditionModel {
        let folder = try ModelFolder(path: path)
        let unet = UNet2DConditionModel(configuration: try UNetConfiguration(path: folder.configurationPath))
        try folder.load(into: unet)
        return unet
    }

    package static func loadAutoencoder(_ path: String) throws -> AutoencoderKL {
        let folder = try ModelFolder(path: path)
        let vae = AutoencoderKL(configuration: try AutoencoderConfiguration(path: folder.configurationPath))
        try folder.load(into: vae, rename: AutoencoderKL.rename)
        return vae
    }

    package static func loadTextEncoder(_ path: String) throws -> CLIPTextModel {
        let folder = try ModelFolder(path: path)
        let model = CLIPTextModel(configuration: try CLIPTextConfiguration(path: folder.configurationPath))
        try folder.load(into: model, rename: CLIPTextModel.rename)
        return model
    }

    /// Loads a pair of CLIP encoders, in which the base folder keeps its judges.
    package static func loadCLIP(_ path: String) throws -> CLIPModel {
        let folder = try ModelFolder(path: path)
        let model = CLIPModel(configuration: try CLIPConfiguration(path: folder.configurationPath))
        try folder.load(into: model, rename: CLIPModel.rename)
        return model
    }

    /// The folder's noise schedule; Stable Diffusion's if it has none.
    package static func loadSchedule(_ directory: String) throws -> NoiseSchedule {
        let path = directory + "/scheduler/scheduler_config.json"
        return FileManager.default.fileExists(atPath: path) ? try NoiseSchedule(path: path) : NoiseSchedule()
    }

    /// The prompts' states for cross-attention, `[prompts, T, D]`.
    package func context(_ prompts: [String], clipSkip: Int = 1) -> Tensor {
        textEncoder(ids: prompts.map(tokenizer.encode), clipSkip: clipSkip).hidden
    }

    /// Writes a folder that diffusers' `StableDiffusionPipeline` loads.
    ///
    /// - Parameter type: how weights are stored; f16 halves the size.
    package func save(to directory: String, type: SafetensorsType = .f32) throws {
        try ModelFolder.save(
            unet, configuration: unet.configuration.json, to: directory + "/unet",
            weights: "diffusion_pytorch_model.safetensors", type: type)
        try ModelFolder.save(
            vae, configuration: vae.configuration.json, to: directory + "/vae",
            weights: "diffusion_pytorch_model.safetensors", type: type)
        try ModelFolder.save(
            textEncoder, configuration: textEncoder.configuration.json, to: directory + "/text_encoder",
            weights: "model.safetensors", type: type)
        try tokenizer.save(to: directory + "/tokenizer")
        try FileManager.default.createDirectory(
            atPath: directory + "/scheduler", withIntermediateDirectories: true)
        try JSONValue.write(schedule.json, path: directory + "/scheduler/scheduler_config.json")
        try JSONValue.write(Self.index, path: directory + "/model_index.json")
    }

    private static let index: [String: JSONValue] = [
        "_class_name": .text("StableDiffusionPipeline"), "_diffusers_version": .text("0.35.0"),
        "unet": .texts(["diffusers", "UNet2DConditionModel"]), "vae": .texts(["diffusers", "AutoencoderKL"]),
        "text_encoder": .texts(["transformers", "CLIPTextModel"]),
        "tokenizer": .texts(["transformers", "CLIPTokenizer"]), "scheduler": .texts(["diffusers", "DDIMScheduler"]),
        "safety_checker": .list([.null, .null]), "feature_extractor": .list([.null, .null]),
        "image_encoder": .list([.null, .null]), "requires_safety_checker": .flag(false),
    ]
}

extension CLIPModel {
    /// Writes a folder that transformers' `CLIPModel` loads.
    package func save(to directory: String, type: SafetensorsType = .f32) throws {
        try ModelFolder.save(
            self, configuration: configuration.json, to: directory, weights: "model.safetensors", type: type)
    }
}
