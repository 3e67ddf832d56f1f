package import CoreTensor

/// LPIPS, version 0.1: how differently two pictures look to a network, with weights learnt from people's
/// judgements.
///
/// The file is the state of the reference's `LPIPS(net="vgg")` or `LPIPS(net="alex")` as safetensors: the
/// network under `net.sliceK.N`, the weights of its five layers under `linK.model.1.weight`.
///
/// - SeeAlso: Zhang et al., arXiv:1801.03924.
package final class PerceptualDistance {
    package let architecture: ConvolutionalFeatures.Architecture
    private let features: ConvolutionalFeatures
    private let observed: [Int]
    /// For each observed layer one factor a channel, none below 0.
    private let weights: [[Float]]

    private static let shift: [Float] = [-0.030, -0.088, -0.188]
    private static let scale: [Float] = [0.458, 0.448, 0.450]

    /// - Parameter path: a safetensors file, or a folder with one.
    /// - Throws: `DiffusionError`, `NetsError` or `TensorError` for a file that is none of these networks.
    package init(path: String) throws {
        let files = try WeightFiles.open(path)
        let names = Set(files.flatMap(\.names).compactMap(Self.plain))
        // There AlexNet has a pool.
        architecture = names.contains("features.2.weight") ? .vgg16 : .alexnet
        observed = architecture == .vgg16 ? [3, 8, 15, 22, 29] : [1, 4, 7, 9, 11]
        features = try .load(architecture, files, label: path, last: observed[4], rename: Self.plain)
        weights = try (0..<5).map { layer in
            let name = "lin\(layer).model.1.weight"
            guard let file = files.first(where: { $0.info(name) != nil }) else {
                throw DiffusionError(
                    code: .unreadable,
                    message: "\(path): no \(name); wanted the whole state of lpips.LPIPS as safetensors")
            }
            return try file.floats(name)
        }
    }

    /// torchvision's name: the slices number their convolutions as it does.
    private static func plain(_ name: String) -> String? {
        let parts = name.split(separator: ".")
        guard parts.count == 4, parts[0] == "net", parts[1].hasPrefix("slice") else { return nil }
        return "features.\(parts[2]).\(parts[3])"
    }

    package var smallestSide: Int { features.smallestSide }

    /// - Parameters:
    ///   - a: `[1, H, W, 3]` in -1…1, each side at least `smallestSide`.
    ///   - b: of the same size.
    package func callAsFunction(_ a: Tensor, _ b: Tensor) -> Double {
        precondition(a.shape == b.shape && a.shape[0] == 1, "pictures \(a.shape) and \(b.shape)")
        let pair = concatenateBatch([normalized(a), normalized(b)])
        var sum = 0.0
        var layer = 0
        withoutGradients {
            features(pair) { index, result in
                guard layer < observed.count, index == observed[layer] else { return }
                sum += Self.difference(result, weights[layer])
                layer += 1
            }
        }
        return sum
    }

    private func normalized(_ pixels: Tensor) -> Tensor {
        var values = pixels.values
        for index in values.indices { values[index] = (values[index] - Self.shift[index % 3]) / Self.scale[index % 3] }
        return Tensor(values, pixels.shape)
    }

    /// The weighted squared difference of the two pictures' unit vectors, averaged over the pixels.
    private static func difference(_ pair: Tensor, _ weights: [Float]) -> Double {
        let channels = pair.shape[3]
        let pixels = pair.shape[1] * pair.shape[2]
        precondition(weights.count == channels, "\(weights.count) weights of \(channels) channels")
        return pair.withBuffer { values in
            var sum = 0.0
            for pixel in 0..<pixels {
                let (first, second) = (pixel * channels, (pixels + pixel) * channels)
                var (a, b): (Float, Float) = (0, 0)
                for channel in 0..<channels {
                    a += values[first + channel] * values[first + channel]
                    b += values[second + channel] * values[second + channel]
                }
                (a, b) = (1 / (a.squareRoot() + 1e-10), 1 / (b.squareRoot() + 1e-10))
                var own: Float = 0
                for channel in 0..<channels {
                    let difference = values[first + channel] * a - values[second + channel] * b
                    own += weights[channel] * difference * difference
                }
                sum += Double(own)
            }
            return sum / Double(pixels)
        }
    }
}
