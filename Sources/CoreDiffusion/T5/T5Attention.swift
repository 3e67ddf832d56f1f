package import CoreNets
package import CoreTensor
import Foundation

/// Attention without a scale, to whose scores a number for each head and distance is added.
package final class T5Attention: Module {
    let heads: Int
    let query, key, value, out: Linear
    /// `[buckets, heads]`, in the first block alone.
    let distances: Embedding?
    private let buckets, largestDistance: Int

    package init(_ configuration: T5Configuration, first: Bool) {
        heads = configuration.heads
        (buckets, largestDistance) = (configuration.buckets, configuration.largestDistance)
        let inner = configuration.heads * configuration.headSize
        query = Linear(inputs: configuration.width, outputs: inner, bias: false)
        key = Linear(inputs: configuration.width, outputs: inner, bias: false)
        value = Linear(inputs: configuration.width, outputs: inner, bias: false)
        out = Linear(inputs: inner, outputs: configuration.width, bias: false)
        distances = first ? Embedding(count: configuration.buckets, channels: configuration.heads) : nil
    }

    package var className: String { "T5Attention" }
    package var children: [(name: String, module: any Module)] {
        [("q", query), ("k", key), ("v", value), ("o", out)]
            + (distances.map { [("relative_attention_bias", $0)] } ?? [])
    }

    /// - Parameters:
    ///   - x: `[B, T, C]`.
    ///   - bias: for each head `[T, T]`.
    ///   - residual: `[B, T, C]`, added to the result.
    package func callAsFunction(_ x: Tensor, bias: [Tensor], adding residual: Tensor) -> Tensor {
        let (batch, length) = (x.shape[0], x.shape[1])
        let (queries, keys, values) = (apart(query(x)), apart(key(x)), apart(value(x)))
        let size = queries.shape[2]
        func matrix(_ all: Tensor, _ index: Int) -> Tensor {
            slice(all, batch: index..<index + 1).reshaped([length, size])
        }
        let mixed = (0..<batch * heads).map { index -> Tensor in
            let scores = matmul(matrix(queries, index), matrix(keys, index), transposeB: true)
            let shares = softmax(add(scores, bias[index % heads]))
            return matmul(shares, matrix(values, index)).reshaped([1, length, size])
        }
        let together = permuted(
            concatenateBatch(mixed).reshaped([batch, heads, length, size]), [0, 2, 1, 3]
        ).reshaped([batch, length, heads * size])
        return out(together, adding: residual)
    }

    /// `[B, T, heads · size]` → `[B · heads, T, size]`.
    private func apart(_ x: Tensor) -> Tensor {
        let (batch, length, size) = (x.shape[0], x.shape[1], x.shape[2] / heads)
        return permuted(x.reshaped([batch, length, heads, size]), [0, 2, 1, 3])
            .reshaped([batch * heads, length, size])
    }

    /// What is added to the scores of each head: `[T, T]`, query by key.
    func distanceBias(length: Int) -> [Tensor] {
        guard let distances else { return [] }
        let ids = (0..<length).flatMap { query in (0..<length).map { Int32(bucket(of: $0 - query)) } }
        let columns = permuted(distances(ids), [1, 0])
        return (0..<heads).map { slice(columns, batch: $0..<$0 + 1).reshaped([length, length]) }
    }

    /// Near words have a class each, far ones share classes that widen with the distance.
    private func bucket(of distance: Int) -> Int {
        let half = buckets / 2
        let exact = half / 2
        let (base, size) = (distance > 0 ? half : 0, abs(distance))
        guard size >= exact else { return base + size }
        // In f32, as the reference: the classes' borders depend on it.
        let steps = Float(log(Float(size) / Float(exact))) / Float(log(Double(largestDistance) / Double(exact)))
        return base + min(exact + Int(steps * Float(half - exact)), half - 1)
    }
}
