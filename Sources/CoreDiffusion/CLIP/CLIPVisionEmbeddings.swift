package import CoreNets
package import CoreTensor

/// Patches as vectors behind a class vector, plus position vectors.
package final class CLIPVisionEmbeddings: Module {
    let configuration: CLIPVisionConfiguration
    /// `[C]`
    let classEmbedding: Parameter
    let patch: Conv2d
    let position: Embedding

    package init(_ configuration: CLIPVisionConfiguration) {
        self.configuration = configuration
        let width = configuration.sizes.width
        classEmbedding = Parameter(shape: [width])
        patch = Conv2d(
            inputs: configuration.channels, outputs: width, kernel: configuration.patchSize,
            stride: configuration.patchSize, padding: Padding(0), bias: false)
        position = Embedding(count: configuration.grid * configuration.grid + 1, channels: width)
    }

    package var className: String { "CLIPVisionEmbeddings" }
    package var children: [(name: String, module: any Module)] {
        [("patch_embedding", patch), ("position_embedding", position)]
    }
    package var parameters: [(name: String, parameter: Parameter)] { [("class_embedding", classEmbedding)] }

    /// - Parameter pixels: `[N, S, S, 3]`.
    /// - Returns: `[N, 1 + G², C]`.
    package func callAsFunction(_ pixels: Tensor) -> Tensor {
        let (count, width, tokens) = (pixels.shape[0], configuration.sizes.width, position.weight.tensor.shape[0])
        let patches = patch(pixels)
        precondition(patches.count == count * (tokens - 1) * width, "pixels \(pixels.shape) for \(configuration)")
        let first = embedding(
            Array(repeating: 0, count: count), table: classEmbedding.tensor.reshaped([1, width]))
        // One row for each image, so that the class vector goes before the patches by joining columns.
        let row = concatenate(first, patches.reshaped([count, (tokens - 1) * width]))
        let placed = addBias(row, position.weight.tensor.reshaped([tokens * width]))
        return placed.reshaped([count, tokens, width])
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        let deviation = 1 / Float(configuration.sizes.width).squareRoot()
        classEmbedding.fillNormal(deviation: deviation, seed: seed, path: path + ".class_embedding")
        patch.weight.fillNormal(deviation: 0.02, seed: seed, path: path + ".patch_embedding.weight")
        position.weight.fillNormal(deviation: 0.02, seed: seed, path: path + ".position_embedding.weight")
    }
}
