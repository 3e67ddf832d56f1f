/// The options of an algorithm, as every layer of an adapter has them. An algorithm reads those that it has
/// (`ParameterDefinition.algorithms`) and leaves the others alone.
package struct AlgorithmOptions: Codable, Equatable, Sendable {
    /// Bound of LoKr's smaller factor; -1 splits as evenly as possible.
    package var factor: Int
    /// k×k convolutions as Tucker products.
    package var useTucker: Bool
    /// One learnable scalar times the update.
    package var useScalar: Bool
    /// The scale is alpha / √rank.
    package var rsLoRA: Bool
    package var dora: Bool
    /// DoRA's magnitudes belong to output rows, not input channels.
    package var weightDecomposeOnOutput: Bool
    /// LoKr: the smaller factor is low rank too.
    package var decomposeBoth: Bool
    /// LoKr: both factors are full matrices.
    package var fullMatrix: Bool
    /// LoKr: the larger factor of the output side goes to the smaller block.
    package var unbalancedFactorization: Bool
    /// DyLoRA: ranks trained together.
    package var blockSize: Int
    /// Diag-OFT and BOFT: bound of the rotation by outputs; 0 for none.
    package var constraint: Double
    /// Diag-OFT and BOFT: one learnable factor for each output row.
    package var rescaled: Bool
    /// (IA)³: on input channels instead of output rows.
    package var trainOnInput: Bool

    /// T-LoRA: the ranks that act at pure noise, all where nothing is left of it; nil for a LoRA of one rank.
    package var minRank: Int?
    /// T-LoRA: the exponent with which the rank grows as the noise goes; nil for 1.
    package var rankPower: Double?
    /// nil for LoRA's usual one.
    package var loraStart: LoRAStart?

    /// The table's defaults.
    package init() { self.init(ParameterReader([:])) }

    init(_ read: ParameterReader) {
        factor = read.integer("factor")
        useTucker = read.flag("use_tucker")
        useScalar = read.flag("use_scalar")
        rsLoRA = read.flag("rs_lora")
        dora = read.flag("dora")
        weightDecomposeOnOutput = read.flag("wd_on_output")
        decomposeBoth = read.flag("decompose_both")
        fullMatrix = read.flag("full_matrix")
        unbalancedFactorization = read.flag("unbalanced_factorization")
        blockSize = read.integer("block_size")
        constraint = read.number("constraint")
        rescaled = read.flag("rescaled")
        trainOnInput = read.flag("train_on_input")
        minRank = read.optionalInteger("min_rank")
        rankPower = read.optionalNumber("rank_power")
        loraStart = read.optionalText("lora_start").flatMap(LoRAStart.init(rawValue:))
    }
}

/// How a LoRA's matrices begin, if not random and zero.
package enum LoRAStart: String, CaseIterable, Codable, Sendable {
    /// The last singular triplets of a random matrix, whose product is taken off again.
    case orthogonal
}
