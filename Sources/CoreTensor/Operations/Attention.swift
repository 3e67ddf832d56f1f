import CKernels

/// softmax(query · keyᵀ / √d) · value per head, d = C / heads; heads lie side by side in the last axis.
///
/// Works on tiles of queries and keeps only the result and each row's log Σ exp; the backward pass recomputes the
/// probabilities.
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
        causal: causal)
    let y = Tensor(uninitialized: query.shape)
    let logSums = Tensor(uninitialized: [query.shape[0], heads, query.shape[1]])
    pass.forward(query, key, value, into: y, logSums)
    guard records(query, key, value) else { return y }
    let saved = (query: query.detached(), key: key.detached(), value: value.detached(), y: y.detached())
    let needs = (query.requiresGradient, key.requiresGradient, value.requiresGradient)
    return y.recorded(
        by: Node(inputs: [query, key, value]) { g in
            let (dq, dk, dv) = pass.backward(saved.query, saved.key, saved.value, saved.y, logSums, g)
            return [needs.0 ? dq : nil, needs.1 ? dk : nil, needs.2 ? dv : nil]
        })
}

/// The sizes of one attention and its passes.
struct AttentionPass {
    let batch, queries, keys, channels, heads: Int
    let causal: Bool

    private static let tile = 64
    private var size: Int { channels / heads }
    private var scale: Float { 1 / Float(size).squareRoot() }

    func forward(_ query: Tensor, _ key: Tensor, _ value: Tensor, into y: Tensor, _ logSums: Tensor) {
        let (q, k, v, out, sums) = (query.pointer, key.pointer, value.pointer, y.pointer, logSums.pointer)
        let tiles = (queries + Self.tile - 1) / Self.tile
        Compute.parallel(batch * heads * tiles) { part in
            let (unit, first) = (part / tiles, part % tiles * Self.tile)
            let (sample, head) = (unit / heads, unit % heads)
            let rows = min(Self.tile, queries - first)
            let scores = ck_scratch(Int32(CK_SCRATCH_CALLER), Self.tile * keys * 4)
            let qBase = (sample * queries + first) * channels + head * size
            let kBase = sample * keys * channels + head * size
            BLAS.serial(
                m: rows, n: keys, k: size, .init(base: q + qBase, stride: channels),
                .init(base: k + kBase, stride: channels, transposed: true), into: .init(base: scores, stride: keys))
            ck_softmax_rows(
                rows, keys, keys, scale, causal ? 1 : 0, first + 1, scores, sums + unit * queries + first)
            BLAS.serial(
                m: rows, n: size, k: keys, .init(base: scores, stride: keys),
                .init(base: v + kBase, stride: channels), into: .init(base: out + qBase, stride: channels))
        }
    }

    /// D = rowsum(dO ⊙ O), dS = P ⊙ (dO Vᵀ − D), dQ = dS K / √d, dK = dSᵀ Q / √d, dV = Pᵀ dO.
    func backward(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, _ y: Tensor, _ logSums: Tensor, _ g: Tensor
    ) -> (Tensor, Tensor, Tensor) {
        let dq = Tensor(uninitialized: query.shape)
        let (dk, dv) = (Tensor.zeros(key.shape), Tensor.zeros(value.shape))
        let (q, k, v, dOut) = (query.pointer, key.pointer, value.pointer, g.pointer)
        let (dqBase, dkBase, dvBase) = (dq.pointer, dk.pointer, dv.pointer)
        Compute.parallel(batch * heads) { unit in
            let (sample, head) = (unit / heads, unit % heads)
            let kBase = sample * keys * channels + head * size
            let scores = ck_scratch(Int32(CK_SCRATCH_CALLER), 2 * Self.tile * keys * 4)
            let slopes = scores + Self.tile * keys
            for first in stride(from: 0, to: queries, by: Self.tile) {
                let rows = min(Self.tile, queries - first)
                let qBase = (sample * queries + first) * channels + head * size
                BLAS.serial(
                    m: rows, n: keys, k: size, .init(base: q + qBase, stride: channels),
                    .init(base: k + kBase, stride: channels, transposed: true), into: .init(base: scores, stride: keys))
                ck_softmax_rows(rows, keys, keys, scale, causal ? 1 : 0, first + 1, scores, nil)
                BLAS.serial(
                    m: keys, n: size, k: rows, .init(base: scores, stride: keys, transposed: true),
                    .init(base: dOut + qBase, stride: channels), beta: 1,
                    into: .init(base: dvBase + kBase, stride: channels))
                BLAS.serial(
                    m: rows, n: keys, k: size, .init(base: dOut + qBase, stride: channels),
                    .init(base: v + kBase, stride: channels, transposed: true), into: .init(base: slopes, stride: keys))
                for row in 0..<rows {
                    let (p, ds) = (scores + row * keys, slopes + row * keys)
                    let d = Float(ck_dot(keys, p, ds))
                    for column in 0..<keys { ds[column] = p[column] * (ds[column] - d) * scale }
                }
                BLAS.serial(
                    m: rows, n: size, k: keys, .init(base: slopes, stride: keys),
                    .init(base: k + kBase, stride: channels), into: .init(base: dqBase + qBase, stride: channels))
                BLAS.serial(
                    m: keys, n: size, k: rows, .init(base: slopes, stride: keys, transposed: true),
                    .init(base: q + qBase, stride: channels), beta: 1,
                    into: .init(base: dkBase + kBase, stride: channels))
            }
        }
        return (dq, dk, dv)
    }
}
