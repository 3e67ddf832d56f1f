package import CoreNets
package import CoreTensor

/// The stack of transformer layers of CLIP's text or image encoder.
package final class CLIPEncoder: Module {
    let layers: [CLIPEncoderLayer]

    package init(_ sizes: CLIPLayerSizes, causal: Bool) {
        layers = (0..<sizes.layers).map { _ in CLIPEncoderLayer(sizes, causal: causal) }
    }

    package var className: String { "CLIPEncoder" }
    package var children: [(name: String, module: any Module)] { layers.enumerated().map { ("layers.\($0)", $1) } }

    /// - Parameters:
    ///   - x: `[B, T, C]`.
    ///   - skip: 1 keeps the last layer's state, 2 the one before it, and so on down to x itself.
    /// - Returns: the last state and the one `skip` asks for.
    package func callAsFunction(_ x: Tensor, skip: Int = 1) -> (last: Tensor, kept: Tensor) {
        precondition((1...layers.count + 1).contains(skip), "clip skip \(skip) of \(layers.count) layers")
        var h = x
        var kept = x
        for (i, layer) in layers.enumerated() {
            h = layer(h)
            if i == layers.count - skip { kept = h }
        }
        return (h, kept)
    }
}
