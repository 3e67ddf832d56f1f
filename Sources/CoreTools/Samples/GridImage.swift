package import CoreAdapters
package import RunSpec

/// What decides one image of a grid, beside the base and the sampler.
package struct GridImage: Hashable, Sendable {
    /// An adapter with its strength; path of a file, or of PEFT's folder.
    package struct Used: Hashable, Sendable {
        package var path: String
        package var strength: Double

        package init(path: String, strength: Double) {
            self.path = path
            self.strength = strength
        }
    }

    /// What an adapter was trained with, and has to be drawn with.
    package struct Setup: Hashable, Sendable {
        /// In pixels; nil: what the base was trained on.
        package var size: PixelSize?
        package var clipSkip = 1
        /// 75, 150 or 225.
        package var maxTokens = 75
        /// Of the loss; nil: what the base says.
        package var prediction: String?
        package var hasZeroTerminalSNR = false

        package init() {}

        package init(_ training: TrainingSpec) {
            size = training.data.resolution
            clipSkip = training.data.clipSkip
            maxTokens = training.data.maxTokenLength
            prediction = training.loss.predictionType
            hasZeroTerminalSNR = training.loss.zeroTerminalSNR
        }
    }

    package var prompt: String
    package var negative: String
    package var seed: UInt64
    package var setup: Setup
    /// Those that act: a strength of 0 is no adapter.
    package let adapters: [Used]
    /// `all` where no adapter acts.
    package let blocks: AdapterBlocks

    package init(
        prompt: String, negative: String = "", seed: UInt64, adapters: [Used], blocks: AdapterBlocks = .all,
        setup: Setup = Setup()
    ) {
        self.prompt = prompt
        self.negative = negative
        self.seed = seed
        self.setup = setup
        self.adapters = adapters.filter { $0.strength != 0 }
        self.blocks = self.adapters.isEmpty || blocks.isAll ? .all : blocks
    }
}
