package import CoreNets
package import CoreTensor

/// Multi-head attention of a sequence to itself or to a context.
package final class Attention: Module {
    let heads: Int
    let query: Linear
    let key: Linear
    let value: Linear
    let out: Linear

    /// - Parameter contextWidth: nil for self-attention.
    /// - Precondition: the heads divide the width.
    package init(width: Int, contextWidth: Int? = nil, heads: Int) {
        precondition(width % heads == 0, "\(heads) heads do not divide width \(width)")
        self.heads = heads
        query = Linear(inputs: width, outputs: width, bias: false)
        key = Linear(inputs: contextWidth ?? width, outputs: width, bias: false)
        value = Linear(inputs: contextWidth ?? width, outputs: width, bias: false)
        out = Linear(inputs: width, outputs: width)
    }

    package var className: String { "Attention" }
    package var children: [(name: String, module: any Module)] {
        [("to_q", query), ("to_k", key), ("to_v", value), ("to_out.0", out)]
    }

    /// - Parameters:
    ///   - x: `[B, T, C]`.
    ///   - context: `[B, S, D]`; nil attends to x itself.
    ///   - residual: `[B, T, C]`, added to the result.
    package func callAsFunction(
        _ x: Tensor, context: Tensor? = nil, adding residual: Tensor? = nil, cache: ContextCache? = nil
    ) -> Tensor {
        let source = context ?? x
        let pair: (key: Tensor, value: Tensor)
        if let cache, context != nil {
            pair = cache.keyAndValue(of: self) { (key(source), value(source)) }
        } else {
            pair = (key(source), value(source))
        }
        let mixed = attention(query: query(x), key: pair.key, value: pair.value, heads: heads)
        return out(mixed, adding: residual)
    }
}
