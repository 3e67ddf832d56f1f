package import CoreDiffusion
import Foundation

/// A base's sizes, from its configurations and the headers of its files: nothing is loaded.
package struct BaseSummary {
    /// The denoising network's sizes.
    enum Network {
        case unet(UNetConfiguration)
        case flux(FluxConfiguration)
        case stableDiffusion3(SD3Configuration)

        /// Never filled: only its shapes are looked at.
        var shapes: any Denoiser {
            switch self {
            case .unet(let sizes): UNet2DConditionModel(configuration: sizes)
            case .flux(let sizes): FluxTransformer2DModel(configuration: sizes)
            case .stableDiffusion3(let sizes): SD3Transformer2DModel(configuration: sizes)
            }
        }
    }

    let network: Network
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
                network: .unet(file.unetConfiguration()), side: file.unetConfiguration().sampleSize,
                autoencoder: file.autoencoderConfiguration(),
                tokenizer: DiffusionPipeline.tokenizer(ofSingleFile: path, folder),
                elements: (parts.unet, parts.autoencoder, parts.text), unetBytes: parts.bytes)
            return
        }
        if DiffusionPipeline.isFlow(path) {
            try self.init(flow: path)
            return
        }
        let unet = try UNetConfiguration(path: path + "/unet/config.json")
        let isLarge = unet.addition != nil
        let networks = try ["unet", "vae", "text_encoder"].map { try ModelFolder(path: "\(path)/\($0)").elements() }
        let second = isLarge ? try ModelFolder(path: path + "/text_encoder_2").elements() : 0
        try self.init(
            network: .unet(unet), side: unet.sampleSize,
            autoencoder: AutoencoderConfiguration(path: path + "/vae/config.json"),
            tokenizer: CLIPTokenizer(directory: path + "/tokenizer"),
            elements: (networks[0], networks[1], networks[2] + second),
            unetBytes: ModelFolder(path: path + "/unet").bytesPerElement())
    }

    /// A folder with a transformer; T5 and the second encoder where they are there.
    private init(flow path: String) throws {
        let configuration = path + "/transformer/config.json"
        let isFlux = try JSONValue.object(path: configuration)["_class_name"] == .text("FluxTransformer2DModel")
        let network: Network
        var side: Int?
        if isFlux {
            network = .flux(try FluxConfiguration(path: configuration))
        } else {
            let sizes = try SD3Configuration(path: configuration)
            (network, side) = (.stableDiffusion3(sizes), sizes.sampleSize)
        }
        let texts = try ["text_encoder", "text_encoder_2", "text_encoder_3"].reduce(Int64(0)) { sum, name in
            let folder = "\(path)/\(name)"
            guard FileManager.default.fileExists(atPath: folder + "/config.json") else { return sum }
            return try sum + ModelFolder(path: folder).elements()
        }
        let transformer = try ModelFolder(path: path + "/transformer")
        try self.init(
            network: network, side: side, autoencoder: AutoencoderConfiguration(path: path + "/vae/config.json"),
            tokenizer: CLIPTokenizer(directory: path + "/tokenizer"),
            elements: (try transformer.elements(), try ModelFolder(path: path + "/vae").elements(), texts),
            unetBytes: transformer.bytesPerElement())
    }

    private init(
        network: Network, side: Int?, autoencoder: AutoencoderConfiguration, tokenizer: CLIPTokenizer,
        elements: (unet: Int64, autoencoder: Int64, text: Int64), unetBytes: Int64
    ) throws {
        self.network = network
        self.tokenizer = tokenizer
        (unetElements, autoencoderElements, textElements) = elements
        bytesWithoutLoss = min(4, unetBytes)
        autoencoderWidth = Int64(autoencoder.blockOutChannels[0])
        reduction = autoencoder.reduction
        let side = side ?? autoencoder.sampleSize.map { $0 / autoencoder.reduction } ?? 64
        imageSide = side * autoencoder.reduction
    }

    /// Numbers that a training step keeps for each latent pixel of the outermost level, scratch included.
    var activations: Int64 {
        switch network {
        case .unet(let unet): Self.activations(unet)
        case .flux(let sizes):
            Int64(
                Double(sizes.width)
                    * (Self.double * Double(sizes.layers) + Self.single * Double(sizes.singleLayers)) / 4)
        case .stableDiffusion3(let sizes):
            Int64(Double(sizes.width) * Self.double * Double(sizes.layers)) / Int64(sizes.patchSize * sizes.patchSize)
        }
    }

    // Of a transformer's blocks, for each token: inputs of its products, attention and feed-forward part.
    private static let double = 34.0
    private static let single = 30.0

    private static func activations(_ unet: UNetConfiguration) -> Int64 {
        let levels = unet.blockOutChannels.count
        var sum = 0.0
        for level in 0..<levels {
            let width = Double(unet.blockOutChannels[level]) / Double(1 << (2 * level))
            let layers = Double(2 * unet.layersPerBlock[level] + 1)
            let down = Double(unet.layersPerBlock[level]) * (unet.downAttention[level] ? 1 : 0)
            let up = Double(unet.layersPerBlock[level] + 1) * (unet.upAttention[levels - 1 - level] ? 1 : 0)
            sum +=
                width * (resnet * layers + transformer * (down + up) * Double(unet.transformerLayers[level]))
        }
        return Int64(sum)
    }

    // Multiples of a layer's width, fitted to Stable Diffusion 1.5 at latents of 32 to 96
    // (docs/measurements/performance.md).
    private static let resnet = 14.0
    private static let transformer = 37.0
}
