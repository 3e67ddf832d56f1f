package import CoreNets
package import CoreTensor
import Foundation

/// Self-attention with biased projections.
package final class CLIPAttention: Module {
    let query, key, value, out: Linear
    let sizes: CLIPLayerSizes
    let causal: Bool

    package init(_ sizes: CLIPLayerSizes, causal: Bool) {
        self.sizes = sizes
        self.causal = causal
        query = Linear(inputs: sizes.width, outputs: sizes.width)
        key = Linear(inputs: sizes.width, outputs: sizes.width)
        value = Linear(inputs: sizes.width, outputs: sizes.width)
        out = Linear(inputs: sizes.width, outputs: sizes.width)
    }

    package var className: String { "CLIPAttention" }
    package var children: [(name: String, module: any Module)] {
        [("k_proj", key), ("v_proj", value), ("q_proj", query), ("out_proj", out)]
    }

    /// - Parameter x: `[B, T, C]`.
    package func callAsFunction(_ x: Tensor, adding residual: Tensor) -> Tensor {
        let mixed = attention(query: query(x), key: key(x), value: value(x), heads: sizes.heads, causal: causal)
        return out(mixed, adding: residual)
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        let deviation = 1 / sqrt(Float(sizes.width))
        for (name, layer) in [("q_proj", query), ("k_proj", key), ("v_proj", value)] {
            layer.initializeCLIP(deviation: deviation / sqrt(2 * Float(sizes.layers)), seed, path + "." + name)
        }
        out.initializeCLIP(deviation: deviation, seed, path + ".out_proj")
    }
}

extension Linear {
    /// CLIP's start: normal weights, no bias.
    func initializeCLIP(deviation: Float, _ seed: UInt64, _ path: String) {
        weight.fillNormal(deviation: deviation, seed: seed, path: path + ".weight")
        bias?.fill(0)
    }
}
