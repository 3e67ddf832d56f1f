package import CoreNets
package import CoreTensor

/// Patches as vectors behind a class vector, plus position vectors fitted to the image's size.
package final class Dinov2Embeddings: Module {
    let configuration: Dinov2Configuration
    /// `[1, 1, C]`
    let classToken: Parameter
    /// `[1, C]`; only training with masked patches reads it.
    let maskToken: Parameter?
    /// `[1, 1 + G², C]`, the class token's first.
    let positions: Parameter
    let patches: Dinov2PatchEmbeddings

    package init(_ configuration: Dinov2Configuration) {
        let (width, grid) = (configuration.width, configuration.grid)
        self.configuration = configuration
        classToken = Parameter(shape: [1, 1, width])
        maskToken = configuration.hasMaskToken ? Parameter(shape: [1, width]) : nil
        positions = Parameter(shape: [1, 1 + grid * grid, width])
        patches = Dinov2PatchEmbeddings(configuration)
    }

    package var className: String { "Dinov2Embeddings" }
    package var children: [(name: String, module: any Module)] { [("patch_embeddings", patches)] }
    package var parameters: [(name: String, parameter: Parameter)] {
        [("cls_token", classToken)] + (maskToken.map { [("mask_token", $0)] } ?? []) + [
            ("position_embeddings", positions)
        ]
    }

    /// - Parameter pixels: `[N, H, W, 3]`, each side at least a patch.
    /// - Returns: `[N, 1 + (H / p)(W / p), C]`.
    package func callAsFunction(_ pixels: Tensor) -> Tensor {
        let (count, width) = (pixels.shape[0], configuration.width)
        let grid = patches.projection(pixels)
        let (height, across) = (grid.shape[1], grid.shape[2])
        let tokens = 1 + height * across
        let first = embedding(Array(repeating: 0, count: count), table: classToken.tensor.reshaped([1, width]))
        // One row for each image, so that the class vector goes before the patches by joining columns.
        let row = concatenate(first, grid.reshaped([count, (tokens - 1) * width]))
        return addBias(row, fitted(height, across, isSquare: pixels.shape[1] == pixels.shape[2]))
            .reshaped([count, tokens, width])
    }

    /// The position vectors of a grid of patches, the class token's first, in one row.
    private func fitted(_ height: Int, _ width: Int, isSquare: Bool) -> Tensor {
        let (grid, channels) = (configuration.grid, configuration.width)
        let all = positions.tensor.reshaped([1 + grid * grid, channels])
        if height * width == grid * grid, isSquare { return all.reshaped([all.count]) }
        let learnt = slice(all, batch: 1..<1 + grid * grid).reshaped([1, grid, grid, channels])
        let resized = BicubicResize.resized(learnt, height: height, width: width)
        return concatenateBatch([slice(all, batch: 0..<1), resized.reshaped([height * width, channels])])
            .reshaped([(1 + height * width) * channels])
    }
}
