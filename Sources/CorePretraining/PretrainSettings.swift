package import CoreDiffusion
import Foundation

/// Everything that decides what pre-training makes. Written into the recipe as it stands.
package struct PretrainSettings: Codable, Equatable, Sendable {
    /// How a stage trains; the rate rises over `warmup` steps, stays, and falls linearly over the last 30 %
    /// of `steps`.
    package struct Stage: Codable, Equatable, Sendable {
        package var steps: Int
        package var batch: Int
        package var learningRate: Float
        package var warmup: Int
        package var weightDecay: Float
    }

    package var seed: UInt64 = 20
    package var imageSide = 64
    package var vaeWidths = [24, 48, 64]
    package var unetWidths = [48, 96, 128]
    package var unetAttention = [false, true, true]
    package var heads = 4
    package var normGroups = 16
    package var vaeNormGroups = 8
    package var contextWidth = 128
    package var textLayers = 2
    package var textPositions = 24
    package var visionLayers = 3
    package var patchSide = 8
    package var vae = Stage(steps: 500, batch: 8, learningRate: 2e-3, warmup: 20, weightDecay: 0.01)
    package var denoiser = Stage(steps: 9000, batch: 16, learningRate: 1e-3, warmup: 100, weightDecay: 0.01)
    package var encoders = Stage(steps: 900, batch: 64, learningRate: 1e-3, warmup: 100, weightDecay: 0.05)
    /// Weight of the squared latents, per value; the rest of the divergence from the normal distribution is
    /// constant.
    package var divergenceWeight: Float = 3e-4
    package var captionDropout: Float = 0.1
    package var triggerShare: Float = 0.1
    package var attributeShare: Float = 0.4
    /// Share of the generator's samples that show an everyday name.
    package var everydayShare: Float = 0.8
    package var averageDecay: Float = 0.999
    /// Training images with a larger cosine to a held-out one are held out too.
    package var heldOutCosine: Float = 0.9
    package var sampler = "ddim"
    package var samplerSteps = 20
    package var guidance: Double = 3
    /// Of a base with a transformer; nil for one with a U-Net.
    package var flow: Flow?

    package init() {}

    /// The factor of the learning rate for a step, counted from 0.
    package static func rate(_ stage: Stage, step: Int) -> Float {
        let rise = min(1, Float(step + 1) / Float(max(1, stage.warmup)))
        let fallStart = Float(stage.steps) * 0.7
        guard Float(step) > fallStart else { return rise }
        return max(0.02, (Float(stage.steps) - Float(step)) / (Float(stage.steps) - fallStart))
    }

    /// DDPM's own noise. Stable Diffusion's leaves 7 % of the signal at the last timestep: over 16×16 latents
    /// that is enough to read the overall colour from, so a small model would draw the colour it finds in the
    /// noise and not the one asked for. With next to no signal left the noise says nothing about the picture,
    /// hence velocity.
    package var schedule: NoiseSchedule {
        NoiseSchedule(betaStart: 0.0001, betaEnd: 0.02, betas: .linear, prediction: .velocity)
    }

    package var autoencoder: AutoencoderConfiguration {
        AutoencoderConfiguration(
            blockOutChannels: vaeWidths, layersPerBlock: 1, latentChannels: 4, normGroups: vaeNormGroups,
            sampleSize: imageSide)
    }

    package var unet: UNetConfiguration {
        UNetConfiguration(
            blockOutChannels: unetWidths, layersPerBlock: 1, heads: heads, crossAttentionWidth: contextWidth,
            normGroups: normGroups, channels: 4, sampleSize: imageSide / autoencoder.reduction,
            downAttention: unetAttention)
    }

    /// The text encoder's sizes.
    package func text(_ tokenizer: CLIPTokenizer, projectionWidth: Int? = nil) -> CLIPTextConfiguration {
        CLIPTextConfiguration(
            vocabularySize: tokenizer.vocabulary.count, sizes: layerSizes(textLayers), positions: textPositions,
            projectionWidth: projectionWidth, startID: tokenizer.startID, endID: tokenizer.endID, padID: tokenizer.padID
        )
    }

    /// The sizes of the pair of encoders that evaluations use.
    package func clip(_ tokenizer: CLIPTokenizer) -> CLIPConfiguration {
        CLIPConfiguration(
            text: text(tokenizer, projectionWidth: contextWidth),
            vision: CLIPVisionConfiguration(
                sizes: layerSizes(visionLayers), imageSize: imageSide, patchSize: patchSide),
            projectionWidth: contextWidth)
    }

    private func layerSizes(_ layers: Int) -> CLIPLayerSizes {
        CLIPLayerSizes(width: contextWidth, intermediateWidth: 4 * contextWidth, layers: layers, heads: heads)
    }
}
