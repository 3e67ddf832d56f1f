package import CoreTensor

/// The five layers of VGG-19 whose Gram matrices are an image's style: conv1_1, conv2_1, conv3_1, conv4_1 and
/// conv5_1 (`features` 0, 5, 10, 19, 28).
///
/// The reference keeps the results of a network whose rectifiers work in place. So its first four are those
/// behind the rectifier, and the fifth, behind which nothing runs, is before it. Its published values are of
/// that form, and so are these.
///
/// - SeeAlso: Gatys et al., arXiv:1508.06576; `VggGram` of the LyCORIS paper's evaluation.
package final class VGG19Style {
    private static let observed = [1, 6, 11, 20, 28]
    private let features: ConvolutionalFeatures

    /// - Parameter path: a safetensors file with torchvision's names, or a folder with one.
    /// - Throws: `DiffusionError`, `NetsError` or `TensorError` for a file that is none of this network.
    package init(path: String) throws {
        features = try .load(.vgg19, WeightFiles.open(path), label: path, last: 28)
    }

    /// - Parameters:
    ///   - pixels: `[N, H, W, 3]` with ImageNet's mean and deviation, each side at least 16.
    ///   - observe: gets the five results in their order, `[N, h, w, c]`.
    package func callAsFunction(_ pixels: Tensor, observe: (Tensor) -> Void) {
        features(pixels) { index, result in
            if Self.observed.contains(index) { observe(result) }
        }
    }

    package var smallestSide: Int { features.smallestSide }
}
