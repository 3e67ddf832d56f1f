/// Configurations read off the shapes of a single file's tensors, with the published models' constants for
/// the rest.
struct SingleFileSizes {
    /// The shape of a tensor; nil if the file has none of that name.
    let shape: (String) -> [Int]?
    let path: String

    func unet(isLarge: Bool) throws -> UNetConfiguration {
        let prefix = SingleFileNames.unetPrefix
        let layers = try layersPerBlock()
        var channels: [Int] = []
        var attention: [Bool] = []
        var depths: [Int] = []
        var context: Int?
        var isLinear = false
        while let shape = shape(prefix + "input_blocks.\(1 + channels.count * (layers + 1)).0.out_layers.3.weight") {
            let block = prefix + "input_blocks.\(1 + channels.count * (layers + 1)).1."
            channels.append(shape[0])
            attention.append(self.shape(block + "norm.weight") != nil)
            depths.append(max(1, depth(block)))
            context = self.shape(block + "transformer_blocks.0.attn2.to_k.weight")?.last ?? context
            isLinear = isLinear || self.shape(block + "proj_in.weight")?.count == 2
        }
        // Published models have 32 norm groups, 8 heads at every level (1.x) or heads 64 wide (XL).
        let heads = channels.map { isLinear ? $0 / 64 : 8 }
        let fits = zip(channels, heads).allSatisfy { $0 % 32 == 0 && $1 > 0 && $0 % $1 == 0 }
        guard let context, !channels.isEmpty, fits, isLinear == isLarge else {
            throw unfit("the U-Net is not Stable Diffusion 1.x's or XL's")
        }
        var configuration = UNetConfiguration(
            blockOutChannels: channels, layersPerBlock: layers, crossAttentionWidth: context, downAttention: attention)
        configuration.heads = heads
        configuration.useLinearProjection = isLinear
        // The middle block has the innermost level's depth.
        depths[depths.count - 1] = max(1, depth(prefix + "middle_block.1."))
        configuration.transformerLayers = depths
        configuration.inChannels = shape(prefix + "input_blocks.0.0.weight")?[1] ?? 4
        configuration.outChannels = shape(prefix + "out.2.weight")?[0] ?? 4
        if isLarge {
            guard let width = shape(prefix + "label_emb.0.0.weight")?.last else {
                throw unfit("the U-Net has no label_emb, which Stable Diffusion XL has")
            }
            configuration.addition = .init(timeWidth: 256, inputWidth: width)
            configuration.sampleSize = 128
        }
        return configuration
    }

    func autoencoder(isLarge: Bool) throws -> AutoencoderConfiguration {
        let prefix = SingleFileNames.autoencoderPrefix
        var channels: [Int] = []
        while let shape = shape(prefix + "encoder.down.\(channels.count).block.0.conv2.weight") {
            channels.append(shape[0])
        }
        var layers = 0
        while shape(prefix + "encoder.down.0.block.\(layers).conv1.weight") != nil { layers += 1 }
        guard !channels.isEmpty, channels.allSatisfy({ $0 % 32 == 0 }),
            let latent = shape(prefix + "decoder.conv_in.weight")?[1]
        else { throw unfit("the autoencoder is not Stable Diffusion's") }
        var configuration = AutoencoderConfiguration(
            blockOutChannels: channels, layersPerBlock: layers, latentChannels: latent)
        if isLarge { configuration.scalingFactor = 0.13025 }
        return configuration
    }

    /// CLIP's text encoder in transformers' names.
    func text(prefix: String) throws -> CLIPTextConfiguration {
        func shape(_ name: String) -> [Int]? { self.shape(prefix + "text_model." + name) ?? self.shape(prefix + name) }
        return try text(
            words: shape("embeddings.token_embedding.weight"), positions: shape("embeddings.position_embedding.weight"),
            intermediate: { shape("encoder.layers.\($0).mlp.fc1.weight") }, activation: .quickGelu)
    }

    /// OpenCLIP's text encoder.
    func secondText() throws -> CLIPTextConfiguration {
        let prefix = SingleFileNames.secondTextPrefixXL
        var configuration = try text(
            words: shape(prefix + "token_embedding.weight"), positions: shape(prefix + "positional_embedding"),
            intermediate: { shape(prefix + "transformer.resblocks.\($0).mlp.c_fc.weight") }, activation: .gelu)
        if let projected = shape(prefix + "text_projection")?.last { configuration.projectionWidth = projected }
        return configuration
    }

    private func text(
        words: [Int]?, positions: [Int]?, intermediate: (Int) -> [Int]?, activation: CLIPLayerSizes.HiddenActivation
    ) throws -> CLIPTextConfiguration {
        var layers = 0
        while intermediate(layers) != nil { layers += 1 }
        guard let words, words.count == 2, let positions = positions?.first, let wide = intermediate(0)?.first,
            // CLIP's heads are 64 wide.
            words[1] % 64 == 0
        else { throw unfit("a text encoder is not CLIP's") }
        let sizes = CLIPLayerSizes(
            width: words[1], intermediateWidth: wide, layers: layers, heads: words[1] / 64, activation: activation)
        let last = Int32(words[0] - 1)
        return CLIPTextConfiguration(
            vocabularySize: words[0], sizes: sizes, positions: positions, startID: last - 1, endID: last, padID: last)
    }

    /// Transformer blocks of one attention.
    private func depth(_ block: String) -> Int {
        (0..<256).first { shape(block + "transformer_blocks.\($0).norm1.weight") == nil } ?? 0
    }

    /// Residual blocks of a level: the first level ends with the first downsampling.
    private func layersPerBlock() throws -> Int {
        for block in 1..<64 where shape(SingleFileNames.unetPrefix + "input_blocks.\(block).0.op.weight") != nil {
            return block - 1
        }
        throw unfit("the U-Net has no downsampling")
    }

    private func unfit(_ what: String) -> DiffusionError {
        DiffusionError(
            code: .unsupportedConfiguration,
            message: "\(path): \(what), as far as shapes tell; for other sizes put diffusers' unet/config.json, "
                + "vae/config.json and text_encoder/config.json beside the file")
    }
}
