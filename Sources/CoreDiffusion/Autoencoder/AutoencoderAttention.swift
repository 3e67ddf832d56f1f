package import CoreNets
package import CoreTensor

/// The autoencoder's attention over all pixels: one head, biased projections, group norm inside.
package final class AutoencoderAttention: Module {
    let norm: GroupNorm
    let query, key, value, out: Linear

    package init(width: Int, groups: Int) {
        norm = GroupNorm(groups: groups, channels: width, epsilon: 1e-6)
        query = Linear(inputs: width, outputs: width)
        key = Linear(inputs: width, outputs: width)
        value = Linear(inputs: width, outputs: width)
        out = Linear(inputs: width, outputs: width)
    }

    package var className: String { "Attention" }
    package var children: [(name: String, module: any Module)] {
        [("group_norm", norm), ("to_q", query), ("to_k", key), ("to_v", value), ("to_out.0", out)]
    }

    /// - Parameter x: `[N, H, W, C]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        let rows = [x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]
        let h = norm(x).reshaped(rows)
        let mixed = attention(query: query(h), key: key(h), value: value(h), heads: 1)
        return out(mixed.reshaped(x.shape), adding: x)
    }
}
