package import CoreNets
package import CoreTensor
import Foundation

/// linear, activation, linear.
package final class CLIPMLP: Module {
    let sizes: CLIPLayerSizes
    let first, second: Linear

    package init(_ sizes: CLIPLayerSizes) {
        self.sizes = sizes
        first = Linear(inputs: sizes.width, outputs: sizes.intermediateWidth)
        second = Linear(inputs: sizes.intermediateWidth, outputs: sizes.width)
    }

    package var className: String { "CLIPMLP" }
    package var children: [(name: String, module: any Module)] { [("fc1", first), ("fc2", second)] }

    package func callAsFunction(_ x: Tensor, adding residual: Tensor) -> Tensor {
        let h = first(x)
        return second(sizes.activation == .gelu ? gelu(h) : quickGelu(h), adding: residual)
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        let width = Float(sizes.width)
        first.initializeCLIP(deviation: 1 / sqrt(2 * width), seed, path + ".fc1")
        second.initializeCLIP(deviation: 1 / sqrt(width * 2 * Float(sizes.layers)), seed, path + ".fc2")
    }
}
