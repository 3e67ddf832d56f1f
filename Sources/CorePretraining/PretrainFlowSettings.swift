import CoreDiffusion

extension PretrainSettings {
    /// The sizes of a base whose network is a rectified flow's transformer, as Flux.1 in miniature, and how
    /// it is trained.
    package struct Flow: Codable, Equatable, Sendable {
        package var training = Stage(steps: 30_000, batch: 16, learningRate: 1e-3, warmup: 200, weightDecay: 0.01)
        package var heads = 4
        package var headSize = 48
        /// Blocks with a stream for the text and one for the image, then blocks over both as one.
        package var layers = 3
        package var singleLayers = 4
        /// Channels of a head that each axis of the places turns: one for all, rows, columns.
        package var axes = [8, 20, 20]
        package var textWidth = 128
        package var textLayers = 2
        package var textHeads = 4
        /// To which prompts are padded.
        package var textLength = 24
        /// Of noise levels towards noise. The few latents of a small picture show its colours through much
        /// noise, so that the noisiest levels are the ones to practise.
        package var shift = 2.0

        package init() {}
    }

    /// - Parameter latentChannels: of the autoencoder.
    func transformer(_ flow: Flow, latentChannels: Int) -> FluxConfiguration {
        var sizes = FluxConfiguration()
        sizes.inChannels = 4 * latentChannels
        sizes.outChannels = 4 * latentChannels
        (sizes.layers, sizes.singleLayers) = (flow.layers, flow.singleLayers)
        (sizes.heads, sizes.headSize, sizes.axes) = (flow.heads, flow.headSize, flow.axes)
        (sizes.contextWidth, sizes.pooledWidth) = (flow.textWidth, contextWidth)
        return sizes
    }

    func longText(_ flow: Flow, words: Int) -> T5Configuration {
        var sizes = T5Configuration()
        sizes.vocabularySize = words
        (sizes.width, sizes.heads, sizes.headSize) = (flow.textWidth, flow.textHeads, flow.textWidth / flow.textHeads)
        (sizes.innerWidth, sizes.layers, sizes.activation) = (2 * flow.textWidth, flow.textLayers, .gatedGELU)
        return sizes
    }
}
