package import CoreDiffusion
import Foundation

/// A base's sizes, from its configurations and the headers of its files: nothing is loaded.
package struct BaseSummary {
    package let unet: UNetConfiguration
    package let tokenizer: CLIPTokenizer
    let unetElements: Int64
    let autoencoderElements: Int64
    /// Of all text encoders.
    let textElements: Int64
    /// Bytes of a number of the U-Net that are kept where nothing may be lost: 2 for halves.
    let bytesWithoutLoss: Int64
    let autoencoderWidth: Int64
    let reduction: Int
    let imageSide: Int

    /// - Throws: `DiffusionError` or the tensor module's error naming what is missing or damaged.
    package init(path: String, tokenizer folder: String? = nil) throws {
        if try DiffusionPipeline.isSingleFile(path) {
            let file = try SingleFileCheckpoint(
                path: path, configurations: DiffusionPipeline.configurations(of: path, tokenizer: folder))
            let parts = file.elements()
            try self.init(
                unet: file.unetConfiguration(), autoencoder: file.autoencoderConfiguration(),
                tokenizer: DiffusionPipeline.tokenizer(ofSingleFile: path, folder),
                elements: (parts.unet, parts.autoencoder, parts.text), unetBytes: parts.bytes)
            return
        }
        let unet = try UNetConfiguration(path: path + "/unet/config.json")
        let isLarge = unet.addition != nil
        let networks = try ["unet", "vae", "text_encoder"].map { try ModelFolder(path: "\(path)/\($0)").elements() }
        let second = isLarge ? try ModelFolder(path: path + "/text_encoder_2").elements() : 0
        try self.init(
            unet: unet, autoencoder: AutoencoderConfiguration(path: path + "/vae/config.json"),
            tokenizer: CLIPTokenizer(directory: path + "/tokenizer"),
            elements: (networks[0], networks[1], networks[2] + second),
            unetBytes: ModelFolder(path: path + "/unet").bytesPerElement())
    }

    private init(
        unet: UNetConfiguration, autoencoder: AutoencoderConfiguration, tokenizer: CLIPTokenizer,
        elements: (unet: Int64, autoencoder: Int64, text: Int64), unetBytes: Int64
    ) throws {
        self.unet = unet
        self.tokenizer = tokenizer
        (unetElements, autoencoderElements, textElements) = elements
        bytesWithoutLoss = min(4, unetBytes)
        autoencoderWidth = Int64(autoencoder.blockOutChannels[0])
        reduction = autoencoder.reduction
        let side = unet.sampleSize ?? autoencoder.sampleSize.map { $0 / autoencoder.reduction } ?? 64
        imageSide = side * autoencoder.reduction
    }

    /// Numbers that a training step keeps for each latent pixel of the outermost level, scratch included.
    var activations: Int64 {
        let levels = unet.blockOutChannels.count
        var sum = 0.0
        for level in 0..<levels {
            let width = Double(unet.blockOutChannels[level]) / Double(1 << (2 * level))
            let layers = Double(2 * unet.layersPerBlock[level] + 1)
            let down = Double(unet.layersPerBlock[level]) * (unet.downAttention[level] ? 1 : 0)
            let up = Double(unet.layersPerBlock[level] + 1) * (unet.upAttention[levels - 1 - level] ? 1 : 0)
            sum +=
                width * (Self.resnet * layers + Self.transformer * (down + up) * Double(unet.transformerLayers[level]))
        }
        return Int64(sum)
    }

    // Multiples of a layer's width, fitted to Stable Diffusion 1.5 at latents of 32 to 96
    // (docs/measurements/performance.md).
    private static let resnet = 14.0
    private static let transformer = 37.0
}
