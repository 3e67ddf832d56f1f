package import CoreTensor

/// Cross-correlation over channels-last images, as `torch.nn.Conv2d` with square kernels.
package final class Conv2d: Module {
    package let inputs: Int
    package let outputs: Int
    package let kernel: Int
    package let stride: Int
    package let padding: Padding
    /// `[O, KH, KW, I]` in memory.
    package let weight: Parameter
    /// `[O]`
    package let bias: Parameter?
    package var adapter: (any LayerAdapter)?
    /// Its last inputs were added here and are in no base file: whatever an adapter is of, it trains and
    /// keeps the whole layer.
    package private(set) var isGrown = false

    package init(inputs: Int, outputs: Int, kernel: Int, stride: Int = 1, padding: Padding, bias: Bool = true) {
        self.inputs = inputs
        self.outputs = outputs
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.weight = Parameter(shape: [outputs, kernel, kernel, inputs], layout: .convolution)
        self.bias = bias ? Parameter(shape: [outputs]) : nil
    }

    package var className: String { "Conv2d" }

    package var parameters: [(name: String, parameter: Parameter)] {
        [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
    }

    /// True for a convolution that is a matrix product per pixel.
    package var isPointwise: Bool { kernel == 1 && stride == 1 && padding == Padding(0) }

    /// The same layer with more inputs, behind its own, that change nothing: their weights are zero.
    package func grown(by channels: Int) -> Conv2d {
        let wide = Conv2d(
            inputs: inputs + channels, outputs: outputs, kernel: kernel, stride: stride, padding: padding,
            bias: bias != nil)
        wide.isGrown = true
        let own = weight.tensor.widened().values
        wide.weight.tensor.withMutableBuffer { values in
            for place in 0..<values.count / (inputs + channels) {
                for input in 0..<inputs + channels {
                    values[place * (inputs + channels) + input] = input < inputs ? own[place * inputs + input] : 0
                }
            }
        }
        if let bias {
            wide.bias?.tensor.withMutableBuffer { _ = $0.update(fromContentsOf: bias.tensor.widened().values) }
        }
        return wide
    }

    /// - Parameters:
    ///   - x: `[N, H, W, I]`.
    ///   - residual: `[N, H', W', O]`, added to the result.
    package func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        adapter?.forward(x, through: self, adding: residual) ?? base(x, adding: residual)
    }

    /// The layer without its adapter.
    package func base(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        if isPointwise {
            let matrix = weight.tensor.reshaped([outputs, inputs])
            return linear(x, weight: matrix, bias: bias?.tensor, adding: residual)
        }
        let y = conv2d(x, weight: weight.tensor, bias: bias?.tensor, stride: stride, padding: padding)
        return residual.map { add(into: y, $0) } ?? y
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        let bound = 1 / Float(inputs * kernel * kernel).squareRoot()
        weight.fillUniform(bound: bound, seed: seed, path: path + ".weight")
        bias?.fillUniform(bound: bound, seed: seed, path: path + ".bias")
    }
}
