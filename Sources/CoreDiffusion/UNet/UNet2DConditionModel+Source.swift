import CoreNets
import CoreTensor

/// Editing by more input channels: the picture that an edit begins with stands, encoded and not scaled,
/// behind the noisy latents.
///
/// - SeeAlso: Brooks et al., "InstructPix2Pix", arXiv:2211.09800; diffusers'
///   `StableDiffusionInstructPix2PixPipeline`.
extension UNet2DConditionModel {
    /// Channels of a sample, those of a source included.
    package var inputs: Int { convIn.inputs }

    /// Channels that the first layer reads behind those of the latents; 0 for a base that reads text alone.
    package var sourceChannels: Int { convIn.inputs - configuration.outChannels }

    /// Has the first layer read a source too. New weights are zero: until they are trained, a source changes
    /// nothing.
    ///
    /// To be called before an adapter is made or read; where a source is read already, nothing happens.
    package func readSource() {
        guard sourceChannels == 0 else { return }
        precondition(convIn.adapter == nil, "a layer that an adapter refers to is replaced")
        convIn = convIn.grown(by: configuration.outChannels)
    }

    /// Latents with their source behind them; zeros where there is none, as InstructPix2Pix drops it.
    ///
    /// - Parameters:
    ///   - latents: `[N, H, W, L]`.
    ///   - source: of the same shape.
    func sourced(_ latents: Tensor, _ source: Tensor?) -> Tensor {
        guard sourceChannels > 0 else {
            precondition(source == nil, "a source for a network that reads none")
            return latents
        }
        return concatenate(latents, source ?? .zeros(Array(latents.shape.dropLast()) + [sourceChannels]))
    }
}
