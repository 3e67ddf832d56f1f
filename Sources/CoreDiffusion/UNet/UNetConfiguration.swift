/// The sizes of a `UNet2DConditionModel`, from its `config.json`. Lists have one entry for each level,
/// outermost first.
package struct UNetConfiguration: Equatable, Sendable {
    package var sampleSize: Int?
    package var inChannels: Int
    package var outChannels: Int
    package var blockOutChannels: [Int]
    /// Whether the level has cross-attention on the way down.
    package var downAttention: [Bool]
    /// Whether the block has cross-attention on the way up; innermost block first, as in the file.
    package var upAttention: [Bool]
    /// Whether there is a middle block.
    package var middle: Bool
    package var layersPerBlock: [Int]
    /// Heads of each level: `attention_head_dim` in the file, which means the number of heads for historical
    /// reasons.
    package var heads: [Int]
    package var crossAttentionWidth: [Int]
    package var transformerLayers: [Int]
    package var useLinearProjection: Bool
    package var normGroups: Int
    package var normEpsilon: Double
    package var flipSineToCosine: Bool
    package var frequencyShift: Double
    /// SDXL's second embedding of pooled text and picture sizes.
    package var addition: Addition?

    package struct Addition: Equatable, Sendable {
        /// Width of the sinusoid of each of the six picture sizes.
        package var timeWidth: Int
        /// Pooled text plus six sinusoids.
        package var inputWidth: Int

        package init(timeWidth: Int, inputWidth: Int) {
            self.timeWidth = timeWidth
            self.inputWidth = inputWidth
        }
    }

    /// A miniature Stable Diffusion: attention at every level but the innermost.
    ///
    /// - Precondition: at least one level.
    package init(
        blockOutChannels: [Int], layersPerBlock: Int = 2, heads: Int = 8, crossAttentionWidth: Int,
        normGroups: Int = 32,
        channels: Int = 4, sampleSize: Int? = nil, downAttention: [Bool]? = nil
    ) {
        let levels = blockOutChannels.count
        precondition(levels > 0, "a U-Net has at least one level")
        self.sampleSize = sampleSize
        self.inChannels = channels
        self.outChannels = channels
        self.blockOutChannels = blockOutChannels
        self.downAttention = downAttention ?? (0..<levels).map { $0 < levels - 1 }
        self.upAttention = self.downAttention.reversed()
        self.middle = true
        self.layersPerBlock = Array(repeating: layersPerBlock, count: levels)
        self.heads = Array(repeating: heads, count: levels)
        self.crossAttentionWidth = Array(repeating: crossAttentionWidth, count: levels)
        self.transformerLayers = Array(repeating: 1, count: levels)
        self.useLinearProjection = false
        self.normGroups = normGroups
        self.normEpsilon = 1e-5
        self.flipSineToCosine = true
        self.frequencyShift = 0
        self.addition = nil
    }

    package var levels: Int { blockOutChannels.count }
    /// Width of the time embedding.
    package var timeWidth: Int { 4 * blockOutChannels[0] }
}
