package import CoreNets
package import CoreTensor

/// The convolutions of a torchvision classifier: `features.N` of VGG-16, VGG-19 and AlexNet, without the
/// classifier behind them.
///
/// Widths are those of the file, so that a miniature of the same shape loads too.
///
/// - SeeAlso: Simonyan and Zisserman, arXiv:1409.1556; Krizhevsky, arXiv:1404.5997.
package final class ConvolutionalFeatures: Module {
    package enum Architecture: String, CaseIterable, Sendable { case vgg16, vgg19, alexnet }

    /// One entry of torchvision's `features`.
    private enum Step {
        case convolution(Conv2d)
        case rectifier
        case pool(side: Int, stride: Int)
    }

    package let architecture: Architecture
    private let steps: [Step]

    /// The weights are undefined until `load`.
    ///
    /// - Parameters:
    ///   - widths: channels of each convolution, in order.
    ///   - last: the index in `features` behind which nothing is needed.
    init(_ architecture: Architecture, widths: [Int], last: Int) {
        self.architecture = architecture
        var channels = 3
        var outputs = widths[...]
        steps = architecture.plan.prefix(last + 1).map { step in
            switch step {
            case .convolution(let kernel, let stride, let padding):
                let width = outputs.removeFirst()
                defer { channels = width }
                return .convolution(
                    Conv2d(
                        inputs: channels, outputs: width, kernel: kernel, stride: stride, padding: Padding(padding)))
            case .rectifier: return .rectifier
            case .pool(let side, let stride): return .pool(side: side, stride: stride)
            }
        }
    }

    package var className: String { "Sequential" }
    package var children: [(name: String, module: any Module)] {
        steps.enumerated().compactMap { index, step in
            if case .convolution(let layer) = step { return ("features.\(index)", layer) }
            return nil
        }
    }

    /// - Parameters:
    ///   - pixels: `[N, H, W, 3]`, normalised as the network wants them.
    ///   - observe: called behind each entry of `features`, with its index and result.
    package func callAsFunction(_ pixels: Tensor, observe: (_ index: Int, _ result: Tensor) -> Void) {
        var x = pixels
        for (index, step) in steps.enumerated() {
            switch step {
            case .convolution(let layer): x = layer(x)
            case .rectifier: x = relu(x)
            case .pool(let side, let stride): x = MaxPool.pooled(x, side: side, stride: stride)
            }
            observe(index, x)
        }
    }

    /// Pixels of a side below which a pool has nothing left.
    package var smallestSide: Int {
        switch architecture {
        case .vgg16, .vgg19: 16
        case .alexnet: 63
        }
    }
}

extension ConvolutionalFeatures.Architecture {
    enum PlannedStep {
        case convolution(kernel: Int, stride: Int, padding: Int)
        case rectifier
        case pool(side: Int, stride: Int)
    }

    /// torchvision's `features`, entry by entry.
    var plan: [PlannedStep] {
        switch self {
        case .vgg16: Self.vgg([2, 2, 3, 3, 3])
        case .vgg19: Self.vgg([2, 2, 4, 4, 4])
        case .alexnet:
            [
                .convolution(kernel: 11, stride: 4, padding: 2), .rectifier, .pool(side: 3, stride: 2),
                .convolution(kernel: 5, stride: 1, padding: 2), .rectifier, .pool(side: 3, stride: 2),
                .convolution(kernel: 3, stride: 1, padding: 1), .rectifier,
                .convolution(kernel: 3, stride: 1, padding: 1), .rectifier,
                .convolution(kernel: 3, stride: 1, padding: 1), .rectifier, .pool(side: 3, stride: 2),
            ]
        }
    }

    private static func vgg(_ blocks: [Int]) -> [PlannedStep] {
        blocks.flatMap { count in
            (0..<count).flatMap { _ -> [PlannedStep] in
                [.convolution(kernel: 3, stride: 1, padding: 1), .rectifier]
            } + [.pool(side: 2, stride: 2)]
        }
    }

    /// The index in `features` of each convolution up to `last`.
    func convolutions(upTo last: Int) -> [Int] {
        plan.prefix(last + 1).enumerated().compactMap { index, step in
            if case .convolution = step { return index }
            return nil
        }
    }
}

extension ConvolutionalFeatures {
    /// Loads what is needed of a file; other tensors in it, a classifier's, are passed over.
    ///
    /// - Parameters:
    ///   - rename: torchvision's name for a name in the file; nil ignores the tensor.
    ///   - last: the index in `features` behind which nothing is needed.
    /// - Throws: `DiffusionError` for another network's file, `NetsError` for weights that do not fit,
    ///   `TensorError` for a broken file.
    static func load(
        _ architecture: Architecture, _ files: [SafetensorsFile], label: String, last: Int,
        rename: (String) -> String? = { $0 }
    ) throws -> ConvolutionalFeatures {
        let indices = architecture.convolutions(upTo: last)
        let wanted = Set(indices.flatMap { ["features.\($0).weight", "features.\($0).bias"] })
        let source = try SafetensorsSource(files, label: label) { name in
            rename(name).flatMap { wanted.contains($0) ? $0 : nil }
        }
        let widths = try indices.map { index -> Int in
            guard let shape = source.shape(of: "features.\(index).weight"), shape.count == 4,
                (1...65536).contains(shape[0])
            else {
                throw DiffusionError(
                    code: .unreadable,
                    message:
                        "\(label): no convolution features.\(index).weight; wanted torchvision's \(architecture.rawValue)"
                )
            }
            return shape[0]
        }
        let model = ConvolutionalFeatures(architecture, widths: widths, last: last)
        try model.load(source)
        return model
    }
}
