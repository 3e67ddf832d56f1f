package import CoreNets
package import CoreTensor
import Foundation

/// CLIP: a text and an image encoder with a common space.
package final class CLIPModel: Module {
    package let configuration: CLIPConfiguration
    /// Logarithm of the factor that similarities are multiplied with in training; no axes in the file.
    package let logitScale: Parameter
    let text: CLIPTextTransformer
    let vision: CLIPVisionTransformer
    let visualProjection: Linear
    let textProjection: Linear

    /// The weights are undefined until `load` or `initialize`.
    package init(configuration: CLIPConfiguration) {
        self.configuration = configuration
        let projected = configuration.projectionWidth
        logitScale = Parameter(shape: [])
        text = CLIPTextTransformer(configuration.text)
        vision = CLIPVisionTransformer(configuration.vision)
        visualProjection = Linear(inputs: configuration.vision.sizes.width, outputs: projected, bias: false)
        textProjection = Linear(inputs: configuration.text.sizes.width, outputs: projected, bias: false)
    }

    package var className: String { "CLIPModel" }
    package var children: [(name: String, module: any Module)] {
        [
            ("text_model", text), ("vision_model", vision), ("visual_projection", visualProjection),
            ("text_projection", textProjection),
        ]
    }
    package var parameters: [(name: String, parameter: Parameter)] { [("logit_scale", logitScale)] }

    /// The factor that similarities are multiplied with.
    package var similarityScale: Double { exp(Double(logitScale.tensor.values[0])) }

    /// - Parameter pixels: `[N, S, S, 3]`, normalised with CLIP's mean and deviation.
    /// - Returns: projected, not normalised, `[N, P]`.
    package func imageEmbeddings(_ pixels: Tensor) -> Tensor { visualProjection(vision(pixels)) }

    /// - Parameter ids: padded prompts of equal length.
    /// - Returns: projected, not normalised, `[B, P]`.
    package func textEmbeddings(ids: [[Int32]]) -> Tensor { textProjection(text(ids).pooled) }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        logitScale.fill(Float(configuration.initialLogitScale))
        let (textWidth, visionWidth) = (configuration.text.sizes.width, configuration.vision.sizes.width)
        textProjection.initializeCLIP(
            deviation: 1 / Float(textWidth).squareRoot(), seed, path + "text_projection")
        visualProjection.initializeCLIP(
            deviation: 1 / Float(visionWidth).squareRoot(), seed, path + "visual_projection")
    }

    /// The module tree's name for a name in a file: older files carry buffers.
    package static func rename(_ name: String) -> String? {
        name.hasSuffix("position_ids") ? nil : name
    }
}
