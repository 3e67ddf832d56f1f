package import CoreNets
package import CoreTensor

/// Self-attention, with the names that published files have (`attention.query`, `output.dense`).
package final class Dinov2Attention: Module {
    let heads: Int
    let query, key, value, out: Linear

    package init(_ configuration: Dinov2Configuration) {
        let (width, bias) = (configuration.width, configuration.hasBias)
        heads = configuration.heads
        query = Linear(inputs: width, outputs: width, bias: bias)
        key = Linear(inputs: width, outputs: width, bias: bias)
        value = Linear(inputs: width, outputs: width, bias: bias)
        out = Linear(inputs: width, outputs: width)
    }

    package var className: String { "Dinov2Attention" }
    package var children: [(name: String, module: any Module)] {
        [("attention.query", query), ("attention.key", key), ("attention.value", value), ("output.dense", out)]
    }

    /// - Parameter x: `[B, T, C]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        out(CoreTensor.attention(query: query(x), key: key(x), value: value(x), heads: heads))
    }
}
