package import CoreTensor
import Foundation

extension DiffusionPipeline {
    /// Writes a folder that diffusers' `StableDiffusionPipeline`, its SDXL sibling or `FluxPipeline` loads.
    ///
    /// - Parameter type: how weights are stored; f16 halves the size.
    /// - Throws: `TensorError` or Foundation's error if a file cannot be written.
    package func save(to directory: String, type: SafetensorsType = .f32) throws {
        let network: (name: String, configuration: [String: JSONValue])
        switch unet {
        case let unet as UNet2DConditionModel: network = ("unet", unet.configuration.json)
        case let flux as FluxTransformer2DModel: network = ("transformer", flux.configuration.json)
        default:
            throw DiffusionError(
                code: .unsupportedConfiguration,
                message: "\(directory): only Stable Diffusion 1, 2 and XL and Flux.1 are written")
        }
        try ModelFolder.save(
            unet, configuration: network.configuration, to: "\(directory)/\(network.name)",
            weights: "diffusion_pytorch_model.safetensors", type: type)
        try ModelFolder.save(
            vae, configuration: vae.configuration.json, to: directory + "/vae",
            weights: "diffusion_pytorch_model.safetensors", type: type)
        try ModelFolder.save(
            textEncoder, configuration: textEncoder.configuration.json, to: directory + "/text_encoder",
            weights: "model.safetensors", type: type)
        try tokenizer.save(to: directory + "/tokenizer")
        if let textEncoder2 {
            try ModelFolder.save(
                textEncoder2, configuration: textEncoder2.configuration.json, to: directory + "/text_encoder_2",
                weights: "model.safetensors", type: type)
            try (tokenizer2 ?? tokenizer).save(to: directory + "/tokenizer_2")
        }
        if let t5 {
            try ModelFolder.save(
                t5.model, configuration: t5.model.configuration.json, to: directory + "/text_encoder_2",
                weights: "model.safetensors", type: type)
            try t5.tokenizer.copy(to: directory + "/tokenizer_2")
        }
        try FileManager.default.createDirectory(
            atPath: directory + "/scheduler", withIntermediateDirectories: true)
        try JSONValue.write(flow?.schedule.json ?? schedule.json, path: directory + "/scheduler/scheduler_config.json")
        try JSONValue.write(index, path: directory + "/model_index.json")
    }

    private var index: [String: JSONValue] {
        guard flow == nil else { return fluxIndex }
        var index: [String: JSONValue] = [
            "_class_name": .text("StableDiffusionPipeline"), "_diffusers_version": .text("0.35.0"),
            "unet": .texts(["diffusers", "UNet2DConditionModel"]), "vae": .texts(["diffusers", "AutoencoderKL"]),
            "text_encoder": .texts(["transformers", "CLIPTextModel"]),
            "tokenizer": .texts(["transformers", "CLIPTokenizer"]),
            "scheduler": .texts(["diffusers", "DDIMScheduler"]), "feature_extractor": .list([.null, .null]),
            "image_encoder": .list([.null, .null]),
        ]
        if textEncoder2 == nil {
            index["safety_checker"] = .list([.null, .null])
            index["requires_safety_checker"] = .flag(false)
        } else {
            index["_class_name"] = .text("StableDiffusionXLPipeline")
            index["text_encoder_2"] = .texts(["transformers", "CLIPTextModelWithProjection"])
            index["tokenizer_2"] = .texts(["transformers", "CLIPTokenizer"])
            index["force_zeros_for_empty_prompt"] = .flag(zerosForEmptyPrompt)
        }
        return index
    }
    private var fluxIndex: [String: JSONValue] {
        [
            "_class_name": .text("FluxPipeline"), "_diffusers_version": .text("0.35.0"),
            "transformer": .texts(["diffusers", "FluxTransformer2DModel"]),
            "vae": .texts(["diffusers", "AutoencoderKL"]), "text_encoder": .texts(["transformers", "CLIPTextModel"]),
            "tokenizer": .texts(["transformers", "CLIPTokenizer"]),
            "text_encoder_2": .texts(["transformers", "T5EncoderModel"]),
            "tokenizer_2": .texts(["transformers", "T5TokenizerFast"]),
            "scheduler": .texts(["diffusers", "FlowMatchEulerDiscreteScheduler"]),
            "feature_extractor": .list([.null, .null]), "image_encoder": .list([.null, .null]),
        ]
    }
}
