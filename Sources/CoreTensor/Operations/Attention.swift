/// softmax(query · keyᵀ / √d) · value per head, d = C / heads; heads lie side by side in the last axis.
///
/// Works on tiles of queries and keeps only the result and each row's log₂ Σ exp; the backward pass
/// recomputes the probabilities.
///
/// - Parameters:
///   - query: `[B, T, C]`.
///   - key, value: `[B, S, C]`.
///   - causal: query t sees keys 0...t.
/// - Returns: `[B, T, C]`.
/// - SeeAlso: Dao et al., “FlashAttention”, arXiv:2205.14135.
package func attention(query: Tensor, key: Tensor, value: Tensor, heads: Int, causal: Bool = false) -> Tensor {
    precondition(
        query.shape.count == 3 && key.shape == value.shape && query.shape[0] == key.shape[0]
            && query.shape[2] == key.shape[2] && query.shape[2] % heads == 0,
        "attention of \(query.shape), \(key.shape), \(value.shape) with \(heads) heads")
    let pass = AttentionPass(
        batch: query.shape[0], queries: query.shape[1], keys: key.shape[1], channels: query.shape[2], heads: heads,
        causal: causal, precision: .current)
    let y = Tensor(uninitialized: query.shape)
    let logSums = Tensor(uninitialized: [query.shape[0], heads, query.shape[1]])
    pass.forward(query, key, value, into: y, logSums)
    guard records(query, key, value) else { return y }
    let saved = (query: query.detached(), key: key.detached(), value: value.detached(), y: y.detached())
    let needs = (query.requiresGradient, key.requiresGradient, value.requiresGradient)
    return y.recorded(
        by: Node(inputs: [query, key, value]) { g in
            let gradients = (
                query: needs.0 ? Tensor(uninitialized: saved.query.shape) : nil,
                key: needs.1 ? Tensor(uninitialized: saved.key.shape) : nil,
                value: needs.2 ? Tensor(uninitialized: saved.value.shape) : nil
            )
            pass.backward(saved.query, saved.key, saved.value, saved.y, logSums, g, into: gradients)
            return [gradients.query, gradients.key, gradients.value]
        })
}
