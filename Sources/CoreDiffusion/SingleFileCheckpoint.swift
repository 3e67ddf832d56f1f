import CoreNets
import CoreTensor
import Foundation

/// An original Stable Diffusion 1.x checkpoint: all networks in one safetensors file. Their sizes are read off the shapes.
package struct SingleFileCheckpoint {
    package let path: String
    private let file: SafetensorsFile
    /// What shapes cannot tell.
    private let normGroups: Int
    private let heads: Int

    /// - Parameters:
    ///   - normGroups: all published models have 32.
    ///   - heads: of the U-Net; Stable Diffusion 1.x has 8 at every level.
    /// - Throws: `DiffusionError.unsupportedConfiguration` if it is not a Stable Diffusion 1.x checkpoint.
    package init(path: String, normGroups: Int = 32, heads: Int = 8) throws {
        self.path = path
        self.normGroups = normGroups
        self.heads = heads
        file = try SafetensorsFile(path: path)
        let parts = [
            SingleFileNames.unetPrefix, SingleFileNames.autoencoderPrefix, SingleFileNames.textPrefix,
        ]
        for prefix in parts where !file.names.contains(where: { $0.hasPrefix(prefix) }) {
            throw DiffusionError(
                code: .unsupportedConfiguration,
                message: "\(path): no tensors \(prefix)…; wanted a Stable Diffusion 1.x checkpoint with all its parts")
        }
    }

    package func unetConfiguration() throws -> UNetConfiguration {
        let prefix = SingleFileNames.unetPrefix
        let layers = try layersPerBlock()
        var channels: [Int] = []
        var attention: [Bool] = []
        var context: Int?
        var isLinear = false
        while let shape = shape(prefix + "input_blocks.\(1 + channels.count * (layers + 1)).0.out_layers.3.weight") {
            let block = prefix + "input_blocks.\(1 + channels.count * (layers + 1)).1."
            channels.append(shape[0])
            attention.append(self.shape(block + "norm.weight") != nil)
            context = self.shape(block + "transformer_blocks.0.attn2.to_k.weight")?.last ?? context
            isLinear = isLinear || self.shape(block + "proj_in.weight")?.count == 2
        }
        let fits = channels.allSatisfy { $0 % normGroups == 0 && $0 % heads == 0 }
        guard let context, !channels.isEmpty, !isLinear, fits else {
            throw DiffusionError(
                code: .unsupportedConfiguration, message: "\(path): the U-Net is not Stable Diffusion 1.x's")
        }
        var configuration = UNetConfiguration(
            blockOutChannels: channels, layersPerBlock: layers, heads: heads, crossAttentionWidth: context,
            normGroups: normGroups, downAttention: attention)
        configuration.inChannels = shape(prefix + "input_blocks.0.0.weight")?[1] ?? 4
        configuration.outChannels = shape(prefix + "out.2.weight")?[0] ?? 4
        return configuration
    }

    package func autoencoderConfiguration() throws -> AutoencoderConfiguration {
        let prefix = SingleFileNames.autoencoderPrefix
        var channels: [Int] = []
        while let shape = shape(prefix + "encoder.down.\(channels.count).block.0.conv2.weight") {
            channels.append(shape[0])
        }
        var layers = 0
        while shape(prefix + "encoder.down.0.block.\(layers).conv1.weight") != nil { layers += 1 }
        guard !channels.isEmpty, channels.allSatisfy({ $0 % normGroups == 0 }),
            let latent = shape(prefix + "decoder.conv_in.weight")?[1]
        else {
            throw DiffusionError(
                code: .unsupportedConfiguration, message: "\(path): the autoencoder is not Stable Diffusion's")
        }
        return AutoencoderConfiguration(
            blockOutChannels: channels, layersPerBlock: layers, latentChannels: latent, normGroups: normGroups)
    }

    package func textConfiguration() throws -> CLIPTextConfiguration {
        func shape(_ name: String) -> [Int]? {
            self.shape(SingleFileNames.textPrefix + "text_model." + name)
                ?? self.shape(SingleFileNames.textPrefix + name)
        }
        var layers = 0
        while shape("encoder.layers.\(layers).mlp.fc1.weight") != nil { layers += 1 }
        guard let words = shape("embeddings.token_embedding.weight"), layers > 0,
            let positions = shape("embeddings.position_embedding.weight")?[0],
            let intermediate = shape("encoder.layers.0.mlp.fc1.weight")?[0]
        else {
            throw DiffusionError(code: .unsupportedConfiguration, message: "\(path): the text encoder is not CLIP's")
        }
        let (vocabulary, width) = (words[0], words[1])
        let sizes = CLIPLayerSizes(
            // CLIP's heads are 64 wide.
            width: width, intermediateWidth: intermediate, layers: layers, heads: max(1, width / 64))
        return CLIPTextConfiguration(
            vocabularySize: vocabulary, sizes: sizes, positions: positions, startID: Int32(vocabulary - 2),
            endID: Int32(vocabulary - 1), padID: Int32(vocabulary - 1))
    }

    package func loadUNet() throws -> UNet2DConditionModel {
        let unet = UNet2DConditionModel(configuration: try unetConfiguration())
        let layers = try layersPerBlock()
        try load(into: unet, SingleFileNames.unetPrefix) { SingleFileNames.unet($0, layers: layers) ?? $0 }
        return unet
    }

    package func loadAutoencoder() throws -> AutoencoderKL {
        let vae = AutoencoderKL(configuration: try autoencoderConfiguration())
        let levels = vae.configuration.blockOutChannels.count
        try load(into: vae, SingleFileNames.autoencoderPrefix) { name in
            // Training losses were saved along with some.
            name.hasPrefix("loss.") ? nil : SingleFileNames.autoencoder(name, levels: levels) ?? name
        }
        return vae
    }

    package func loadTextEncoder() throws -> CLIPTextModel {
        let model = CLIPTextModel(configuration: try textConfiguration())
        try load(into: model, SingleFileNames.textPrefix, rename: CLIPTextModel.rename)
        return model
    }

    /// Loads the tensors of one prefix; others (averages, schedules) are left alone.
    private func load(into module: any Module, _ prefix: String, rename: (String) -> String?) throws {
        let source = try SafetensorsSource([file], label: path) { name in
            name.hasPrefix(prefix) ? rename(String(name.dropFirst(prefix.count))) : nil
        }
        try module.load(source)
    }

    private func shape(_ name: String) -> [Int]? { file.info(name)?.shape }

    /// Residual blocks of a level: the first level ends with the first downsampling.
    private func layersPerBlock() throws -> Int {
        for block in 1..<64 where shape(SingleFileNames.unetPrefix + "input_blocks.\(block).0.op.weight") != nil {
            return block - 1
        }
        throw DiffusionError(
            code: .unsupportedConfiguration,
            message: "\(path): the U-Net has no downsampling; wanted Stable Diffusion 1.x's")
    }
}

extension DiffusionPipeline {
    /// Loads a single file, which has no tokenizer: `vocab.json` and `merges.txt` lie beside it, or in another folder.
    ///
    /// - Parameter tokenizer: the tokenizer's folder; nil looks beside the file.
    package init(singleFile path: String, tokenizer: String? = nil) throws {
        let checkpoint = try SingleFileCheckpoint(path: path)
        let folder = tokenizer ?? URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard FileManager.default.fileExists(atPath: folder + "/vocab.json") else {
            throw DiffusionError(
                code: .missingFile,
                message: "\(path) has no tokenizer: put vocab.json and merges.txt beside it, or say where they are")
        }
        self.init(
            unet: try checkpoint.loadUNet(), vae: try checkpoint.loadAutoencoder(),
            textEncoder: try checkpoint.loadTextEncoder(), tokenizer: try CLIPTokenizer(directory: folder),
            schedule: NoiseSchedule())
        try check(label: path)
    }

    /// Loads a folder in diffusers' layout or a single file, whichever the path names.
    package static func load(path: String, tokenizer: String? = nil) throws -> DiffusionPipeline {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw DiffusionError(code: .missingFile, message: "no model at \(path)")
        }
        return isFolder.boolValue
            ? try DiffusionPipeline(directory: path) : try DiffusionPipeline(singleFile: path, tokenizer: tokenizer)
    }
}
