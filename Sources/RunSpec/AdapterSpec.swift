/// What decides the adapter of a network: the algorithm, where it works, its size and its options.
package struct AdapterSpec: Equatable, Sendable {
    package var algorithm: Algorithm
    package var layers: LayerSelection
    package var size: AdapterSize
    package var options: AlgorithmOptions
    package var dropout: DropoutSpec
    /// The normalisation layers of the selected blocks are trained too.
    package var trainNorm: Bool
    /// Largest norm of a layer's ΔW; 0 for none.
    package var scaleWeightNorms: Double
    /// Factor of the learning rate for each position of the U-Net; 0 leaves the position out.
    package var blockLearningRates: [Double]?

    /// An adapter with the table's defaults for all that is not given.
    package init(algorithm: Algorithm, layers: LayerSelection, size: AdapterSize = AdapterSize()) {
        self.init(algorithm: algorithm, layers: layers, size: size, ParameterReader([:]))
    }

    /// - Throws: `RunSpecError` without an algorithm or layers.
    init(_ read: ParameterReader) throws(RunSpecError) {
        self.init(
            algorithm: try read.required("algorithm") { $0.text.flatMap(Algorithm.init(rawValue:)) },
            layers: try LayerSelection(try read.required("layers") { $0 }), size: AdapterSize(read), read)
    }

    private init(algorithm: Algorithm, layers: LayerSelection, size: AdapterSize, _ read: ParameterReader) {
        self.algorithm = algorithm.canonical
        self.layers = layers
        self.size = size
        options = AlgorithmOptions(read)
        dropout = DropoutSpec(read)
        trainNorm = read.flag("train_norm")
        scaleWeightNorms = read.number("scale_weight_norms")
        blockLearningRates = read.optionalNumbers("block_lr")
    }
}

/// The ranks of an adapter's layers, and the alphas that scale them.
package struct AdapterSize: Codable, Equatable, Sendable {
    /// Rank; nil for the algorithms without one and for full-matrix LoKr.
    package var dim: Int?
    /// ΔW is scaled by alpha / dim (`AlphaScale`); nil where there is no such scale (then it is 1).
    package var alpha: Double?
    /// Rank of k×k convolutions: 0 leaves them out. nil: the layers have none, or the algorithm has no rank
    /// (then the selected convolutions are trained like any other layer).
    package var convDim: Int?
    package var convAlpha: Double?
    /// Dim of each position of the U-Net, in the order in which data passes them; 0 leaves the position out.
    /// k×k convolutions get it times conv_dim / dim.
    package var blockDims: [Int]?
    /// Alpha of each position; without it the scale alpha / dim stays what it is elsewhere.
    package var blockAlphas: [Double]?

    package init(dim: Int? = nil, alpha: Double? = nil, convDim: Int? = nil, convAlpha: Double? = nil) {
        self.dim = dim
        self.alpha = alpha
        self.convDim = convDim
        self.convAlpha = convAlpha
    }

    init(_ read: ParameterReader) {
        dim = read.optionalInteger("dim")
        alpha = read.optionalNumber("alpha")
        convDim = read.optionalInteger("conv_dim")
        convAlpha = read.optionalNumber("conv_alpha")
        blockDims = read.optionalNumbers("block_dims")?.map { Int($0) }
        blockAlphas = read.optionalNumbers("block_alphas")
    }
}

/// What is left out of a step at random.
package struct DropoutSpec: Codable, Equatable, Sendable {
    /// Share of the rank activations, the rest scaled by 1 / (1 − p).
    package var activations: Double
    /// Share of ΔW's output rows.
    package var rank: Double
    /// Share of the layers' adapters.
    package var module: Double

    /// None.
    package init() { self.init(ParameterReader([:])) }

    init(_ read: ParameterReader) {
        activations = read.number("dropout")
        rank = read.number("rank_dropout")
        module = read.number("module_dropout")
    }

    private enum CodingKeys: String, CodingKey {
        case activations = "dropout"
        case rank = "rankDropout"
        case module = "moduleDropout"
    }
}

/// All members of all parts stand side by side in one map, as `state.json` has them.
extension AdapterSpec: Codable {
    private enum CodingKeys: String, CodingKey {
        case algorithm, layers, trainNorm, scaleWeightNorms, blockLearningRates
    }

    package init(from decoder: any Decoder) throws {
        let map = try decoder.container(keyedBy: CodingKeys.self)
        algorithm = try map.decode(Algorithm.self, forKey: .algorithm)
        layers = try map.decode(LayerSelection.self, forKey: .layers)
        size = try AdapterSize(from: decoder)
        options = try AlgorithmOptions(from: decoder)
        dropout = try DropoutSpec(from: decoder)
        trainNorm = try map.decode(Bool.self, forKey: .trainNorm)
        scaleWeightNorms = try map.decode(Double.self, forKey: .scaleWeightNorms)
        blockLearningRates = try map.decodeIfPresent([Double].self, forKey: .blockLearningRates)
    }

    package func encode(to encoder: any Encoder) throws {
        var map = encoder.container(keyedBy: CodingKeys.self)
        try map.encode(algorithm, forKey: .algorithm)
        try map.encode(layers, forKey: .layers)
        try size.encode(to: encoder)
        try options.encode(to: encoder)
        try dropout.encode(to: encoder)
        try map.encode(trainNorm, forKey: .trainNorm)
        try map.encode(scaleWeightNorms, forKey: .scaleWeightNorms)
        try map.encodeIfPresent(blockLearningRates, forKey: .blockLearningRates)
    }
}
