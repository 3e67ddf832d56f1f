package import CoreNets
import CoreTensor

/// The size of the layer that an adapter changes.
package struct LayerGeometry: Equatable, Sendable {
    package enum Kind: Equatable, Sendable { case linear, convolution, norm }

    package let kind: Kind
    /// Output channels; the channels of a norm.
    package let outputs: Int
    package let inputs: Int
    /// Side of the square kernel; 1 for anything but a convolution.
    package let kernel: Int
    package let hasBias: Bool

    package init(kind: Kind, outputs: Int, inputs: Int, kernel: Int = 1, hasBias: Bool = false) {
        self.kind = kind
        self.outputs = outputs
        self.inputs = inputs
        self.kernel = kernel
        self.hasBias = hasBias
    }

    /// nil for a module without a weight that adapters know.
    package init?(_ module: any Module) {
        switch module {
        case let layer as Linear:
            self.init(kind: .linear, outputs: layer.outputs, inputs: layer.inputs, hasBias: layer.bias != nil)
        case let layer as Conv2d:
            self.init(
                kind: .convolution, outputs: layer.outputs, inputs: layer.inputs, kernel: layer.kernel,
                hasBias: layer.bias != nil)
        case let norm as GroupNorm:
            self.init(kind: .norm, outputs: norm.weight.shape.reduce(1, *), inputs: 1, hasBias: true)
        case let norm as LayerNorm:
            self.init(kind: .norm, outputs: norm.weight.shape.reduce(1, *), inputs: 1, hasBias: true)
        default: return nil
        }
    }

    /// Kernel positions.
    package var taps: Int { kernel * kernel }
    /// Columns of the weight as a matrix: kernel positions times input channels, channels fastest in memory.
    package var columns: Int { taps * inputs }
    /// Columns that a product with the weight costs: Winograd's algorithm spares a good part of a 3×3
    /// filter's.
    package var workColumns: Double { Double(columns) / (taps == 9 ? 2.7 : 1) }
    /// The weight's shape in PyTorch's layout.
    package var fileShape: [Int] {
        switch kind {
        case .linear: [outputs, inputs]
        case .convolution: [outputs, inputs, kernel, kernel]
        case .norm: [outputs]
        }
    }
}
