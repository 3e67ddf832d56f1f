package import RunSpec

/// What decides the adapters of a network: the part of a training specification that this module reads.
package struct AdapterOptions: Equatable, Sendable {
    package var algorithm: Algorithm
    package var layers: LayerSelection
    /// Rank; nil for algorithms without one and for full-matrix LoKr.
    package var dim: Int?
    /// 0 or nil means dim.
    package var alpha: Double?
    /// Rank of k×k convolutions; 0 leaves them out, nil treats them like the other layers.
    package var convDim: Int?
    package var convAlpha: Double?
    package var factor = -1
    package var trainNorm = false
    package var dropout = 0.0
    package var rankDropout = 0.0
    package var moduleDropout = 0.0
    package var useTucker = false
    package var useScalar = false
    package var rsLoRA = false
    package var decomposeBoth = false
    package var fullMatrix = false
    package var unbalanced = false
    package var dora = false
    /// DoRA's magnitudes belong to output rows, not input channels.
    package var doraOnOutput = true
    /// DyLoRA: ranks trained together.
    package var blockSize = 4
    /// Diag-OFT and BOFT: bound of the rotation; 0 for none.
    package var constraint = 0.0
    package var rescaled = false
    /// (IA)³ on input channels instead of output rows.
    package var trainOnInput = false
    package var trainsTextEncoder = true
    /// Dim of each position of the U-Net (`UNetPositions`); 0 leaves the position out. k×k convolutions get it times
    /// conv_dim / dim.
    package var blockDims: [Int]?
    /// Alpha of each position; without it the scale alpha / dim stays what it is elsewhere.
    package var blockAlphas: [Double]?
    /// Learning-rate factor of each position; 0 leaves the position out.
    package var blockRates: [Double]?
    package var seed: UInt64

    package init(
        algorithm: Algorithm, layers: LayerSelection, dim: Int? = nil, alpha: Double? = nil, convDim: Int? = nil,
        convAlpha: Double? = nil, seed: UInt64 = 0
    ) {
        self.algorithm = algorithm.canonical
        self.layers = layers
        self.dim = dim
        self.alpha = alpha
        self.convDim = convDim
        self.convAlpha = convAlpha
        self.seed = seed
    }

    package init(_ spec: TrainingSpec) {
        self.init(
            algorithm: spec.algorithm, layers: spec.layers, dim: spec.dim, alpha: spec.alpha, convDim: spec.convDim,
            convAlpha: spec.convAlpha, seed: UInt64(bitPattern: Int64(spec.seed)))
        factor = spec.factor
        trainNorm = spec.trainNorm
        dropout = spec.dropout
        rankDropout = spec.rankDropout
        moduleDropout = spec.moduleDropout
        useTucker = spec.useTucker
        useScalar = spec.useScalar
        rsLoRA = spec.rsLoRA
        decomposeBoth = spec.decomposeBoth
        fullMatrix = spec.fullMatrix
        unbalanced = spec.unbalancedFactorization
        dora = spec.dora
        doraOnOutput = spec.weightDecomposeOnOutput
        blockSize = spec.blockSize
        constraint = spec.constraint
        rescaled = spec.rescaled
        trainOnInput = spec.trainOnInput
        trainsTextEncoder = spec.textEncoderLearningRate != 0
        blockDims = spec.blockDims
        blockAlphas = spec.blockAlphas
        blockRates = spec.blockLearningRates
    }

    /// Whether a position of the U-Net gets adapters; nil stands for layers outside it.
    func includes(position: Int?) -> Bool {
        guard let position else { return true }
        return blockDims?[position] != 0 && blockRates?[position] != 0
    }

    /// The options of one layer; nil if the layer gets no adapter.
    ///
    /// - Parameter position: of a U-Net layer, when lists by position are to apply.
    func layer(_ name: String, _ geometry: LayerGeometry, position: Int? = nil) -> LayerOptions? {
        let isWide = geometry.kind == .convolution && geometry.taps > 1
        if isWide, !layers.includesConvolutions || convDim == 0 { return nil }
        var rank = isWide ? convDim ?? dim : dim
        var alpha = isWide ? convAlpha ?? self.alpha : self.alpha
        if let position {
            if let blockDim = blockDims?[position], let whole = rank {
                let size = isWide && dim != nil ? Double(blockDim) * Double(whole) / Double(dim ?? 1) : Double(blockDim)
                let own = max(1, Int(size.rounded()))
                // A scale that is not named stays.
                alpha = alpha.map { $0 * Double(own) / Double(whole) }
                rank = own
            }
            if let blockAlpha = blockAlphas?[position] {
                let share = isWide ? (convAlpha ?? self.alpha ?? 1) / (self.alpha ?? 1) : 1
                alpha = blockAlpha * (share.isFinite ? share : 1)
            }
        }
        var options = LayerOptions(name: name, seed: seed, rank: rank, alpha: Float(alpha ?? 0))
        options.factor = factor
        options.useTucker = useTucker
        options.useScalar = useScalar
        options.rsLoRA = rsLoRA
        options.decomposeBoth = decomposeBoth
        options.fullMatrix = fullMatrix
        options.unbalanced = unbalanced
        options.dora = dora
        options.doraOnOutput = doraOnOutput
        options.blockSize = blockSize
        options.constraint = Float(constraint)
        options.rescaled = rescaled
        options.trainOnInput = trainOnInput
        return options
    }
}
