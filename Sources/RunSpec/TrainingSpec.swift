/// What one job trains, typed: the resolved parameters and the seed.
package struct TrainingSpec: Codable, Equatable, Sendable {
    package var algorithm: Algorithm
    package var layers: LayerSelection
    /// Rank; nil for the algorithms without one and for full-matrix LoKr.
    package var dim: Int?
    /// ΔW is scaled by alpha / dim; nil where there is no such scale (then it is 1).
    package var alpha: Double?
    /// Rank of k×k convolutions: 0 leaves them out. nil: the layers have none, or the algorithm has no rank (then the
    /// selected convolutions are trained like any other layer).
    package var convDim: Int?
    package var convAlpha: Double?
    /// Bound of LoKr's smaller factor; -1 splits as evenly as possible.
    package var factor: Int
    package var trainNorm: Bool
    package var dropout: Double
    package var rankDropout: Double
    package var moduleDropout: Double
    package var useTucker: Bool
    package var useScalar: Bool
    package var rsLoRA: Bool
    package var dora: Bool
    package var weightDecomposeOnOutput: Bool
    package var decomposeBoth: Bool
    package var fullMatrix: Bool
    package var unbalancedFactorization: Bool
    /// DyLoRA: ranks trained together.
    package var blockSize: Int
    /// Diag-OFT and BOFT: bound of the rotation; 0 for none.
    package var constraint: Double
    package var rescaled: Bool
    package var trainOnInput: Bool
    /// Largest norm of an update; 0 for none.
    package var scaleWeightNorms: Double
    package var blockDims: [Int]?
    package var blockAlphas: [Double]?
    package var blockLearningRates: [Double]?

    package var learningRate: Double
    /// 0 freezes the text encoder; nil where the layers select none of it.
    package var textEncoderLearningRate: Double?
    package var epochs: Int
    package var batch: Int
    package var gradientAccumulation: Int
    /// Pixels; nil: what the base was trained on.
    package var resolution: PixelSize?
    package var optimizer: String
    package var weightDecay: Double
    package var betas: [Double]
    package var epsilon: Double
    package var warmupSteps: Int
    package var schedule: Schedule
    package var cycles: Int
    /// 0 for no clipping.
    package var maxGradNorm: Double
    package var captionDropout: Double
    /// nil for no weighting.
    package var minSNRGamma: Double?
    package var priorLossWeight: Double
    package var noiseOffset: Double
    package var clipSkip: Int
    /// "epsilon" or "v_prediction"; nil: what the base says.
    package var predictionType: String?
    package var zeroTerminalSNR: Bool
    package var flip: Bool
    package var buckets: Bool
    package var maxTokenLength: Int
    package var gradientCheckpointing: Bool
    package var seed: Int
}

/// Width and height in pixels.
package struct PixelSize: Codable, Hashable, Sendable {
    package var width: Int
    package var height: Int

    package init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }
}
