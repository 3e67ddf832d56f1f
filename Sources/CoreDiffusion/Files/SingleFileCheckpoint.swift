import CoreNets
import CoreTensor
import Foundation

/// An original Stable Diffusion 1.x or XL checkpoint: all networks in one safetensors file.
///
/// Sizes are read off the shapes. What shapes cannot tell (heads, norm groups) is taken as in all published
/// models, or from a folder of diffusers' configurations.
package struct SingleFileCheckpoint {
    package let path: String
    /// Whether it is Stable Diffusion XL, with two text encoders.
    package let isLarge: Bool
    private let file: SafetensorsFile
    /// A folder with `unet/config.json`, `vae/config.json`, `text_encoder/config.json`.
    private let configurations: String?

    /// - Parameter configurations: a folder in diffusers' layout whose `config.json` files say the sizes;
    ///   nil: as published.
    /// - Throws: `DiffusionError.unsupportedConfiguration` if it is no Stable Diffusion 1.x or XL checkpoint.
    package init(path: String, configurations: String? = nil) throws {
        self.path = path
        self.configurations = configurations
        let file = try SafetensorsFile(path: path)
        self.file = file
        isLarge = file.names.contains { $0.hasPrefix(SingleFileNames.textPrefixXL) }
        let parts =
            [SingleFileNames.unetPrefix, SingleFileNames.autoencoderPrefix]
            + (isLarge
                ? [SingleFileNames.textPrefixXL, SingleFileNames.secondTextPrefixXL] : [SingleFileNames.textPrefix])
        for prefix in parts where !file.names.contains(where: { $0.hasPrefix(prefix) }) {
            throw DiffusionError(
                code: .unsupportedConfiguration,
                message: "\(path): no tensors \(prefix)…; wanted a whole Stable Diffusion 1.x or XL checkpoint")
        }
    }

    /// How many numbers each part's weights are, and the bytes of one of the U-Net's, from the header alone.
    package func elements() -> (unet: Int64, autoencoder: Int64, text: Int64, bytes: Int64) {
        var (unet, autoencoder, text, bytes): (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)
        for name in file.names {
            guard let entry = file.info(name) else { continue }
            if name.hasPrefix(SingleFileNames.unetPrefix) {
                unet += Int64(entry.count)
                bytes += Int64(entry.bytes)
            } else if name.hasPrefix(SingleFileNames.autoencoderPrefix) {
                autoencoder += Int64(entry.count)
            } else if !name.hasPrefix("model_ema.") {
                text += Int64(entry.count)
            }
        }
        return (unet, autoencoder, text, unet > 0 ? bytes / unet : 4)
    }

    /// The configuration file of a part, where there is one.
    private func configuration(_ part: String) -> String? {
        guard let configurations else { return nil }
        let path = "\(configurations)/\(part)/config.json"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    /// - Throws: `DiffusionError` for sizes that no known model has.
    package func unetConfiguration() throws -> UNetConfiguration {
        if let path = configuration("unet") { return try UNetConfiguration(path: path) }
        return try SingleFileSizes(shape: shape, path: path).unet(isLarge: isLarge)
    }

    /// - Throws: `DiffusionError` for sizes that no known model has.
    package func autoencoderConfiguration() throws -> AutoencoderConfiguration {
        if let path = configuration("vae") { return try AutoencoderConfiguration(path: path) }
        return try SingleFileSizes(shape: shape, path: path).autoencoder(isLarge: isLarge)
    }

    /// The only text encoder's sizes, or the first one's.
    ///
    /// - Throws: `DiffusionError` for sizes that no known model has.
    package func textConfiguration() throws -> CLIPTextConfiguration {
        if let path = configuration("text_encoder") { return try CLIPTextConfiguration(path: path) }
        return try SingleFileSizes(shape: shape, path: path).text(prefix: textPrefix)
    }

    private func secondTextConfiguration() throws -> CLIPTextConfiguration {
        if let path = configuration("text_encoder_2") { return try CLIPTextConfiguration(path: path) }
        return try SingleFileSizes(shape: shape, path: path).secondText()
    }

    /// - Throws: `DiffusionError` for sizes that no known model has, `NetsError` for weights that are
    ///   missing or do not fit.
    package func loadUNet(keepsHalves: Bool = false) throws -> UNet2DConditionModel {
        let configuration = try unetConfiguration()
        // The names follow from the number of blocks, which is the same at every level of published models.
        guard Set(configuration.layersPerBlock).count == 1, let layers = configuration.layersPerBlock.first else {
            throw DiffusionError(
                code: .unsupportedConfiguration,
                message: "\(path): layers_per_block \(configuration.layersPerBlock) of several values in a single file")
        }
        let unet = UNet2DConditionModel(configuration: configuration)
        if keepsHalves { unet.keepWeightsAsHalfWhenSet() }
        try load(into: unet, SingleFileNames.unetPrefix) { SingleFileNames.unet($0, layers: layers) ?? $0 }
        return unet
    }

    /// - Throws: `DiffusionError` for sizes that no known model has, `NetsError` for weights that are
    ///   missing or do not fit.
    package func loadAutoencoder() throws -> AutoencoderKL {
        let vae = AutoencoderKL(configuration: try autoencoderConfiguration())
        let levels = vae.configuration.blockOutChannels.count
        try load(into: vae, SingleFileNames.autoencoderPrefix) { name in
            // Training losses were saved along with some.
            name.hasPrefix("loss.") ? nil : SingleFileNames.autoencoder(name, levels: levels) ?? name
        }
        return vae
    }

    /// - Throws: `DiffusionError` for sizes that no known model has, `NetsError` for weights that are
    ///   missing or do not fit.
    package func loadTextEncoder() throws -> CLIPTextModel {
        let model = CLIPTextModel(configuration: try textConfiguration())
        try load(into: model, textPrefix, rename: CLIPTextModel.rename)
        return model
    }

    /// - Throws: `DiffusionError` if the file has one text encoder only.
    package func loadSecondTextEncoder() throws -> CLIPTextModel {
        guard isLarge else {
            throw DiffusionError(
                code: .missingFile, message: "\(path): no second text encoder in a Stable Diffusion 1.x checkpoint")
        }
        var configuration = try secondTextConfiguration()
        configuration.hasProjection = true
        let model = CLIPTextModel(configuration: configuration)
        try model.load(OpenCLIPSource(file, prefix: SingleFileNames.secondTextPrefixXL, label: path))
        return model
    }

    /// The noise schedule: Stable Diffusion's, with the marks that v-prediction models carry.
    ///
    /// - Throws: `DiffusionError` for a schedule that is not known.
    package func schedule() throws -> NoiseSchedule {
        if let configurations {
            let path = configurations + "/scheduler/scheduler_config.json"
            if FileManager.default.fileExists(atPath: path) { return try NoiseSchedule(path: path) }
        }
        return NoiseSchedule(
            prediction: file.info("v_pred") == nil ? .epsilon : .velocity, zeroTerminal: file.info("ztsnr") != nil)
    }

    private var textPrefix: String { isLarge ? SingleFileNames.textPrefixXL : SingleFileNames.textPrefix }

    /// Loads the tensors of one prefix; others (averages, schedules) are left alone.
    private func load(into module: any Module, _ prefix: String, rename: (String) -> String?) throws {
        let source = try SafetensorsSource([file], label: path) { name in
            name.hasPrefix(prefix) ? rename(String(name.dropFirst(prefix.count))) : nil
        }
        try module.load(source)
    }

    private func shape(_ name: String) -> [Int]? { file.info(name)?.shape }
}
