package import CoreNets
package import CoreTensor

/// Word vectors plus position vectors.
package final class CLIPTextEmbeddings: Module {
    let token: Embedding
    let position: Embedding

    package init(_ configuration: CLIPTextConfiguration) {
        token = Embedding(count: configuration.vocabularySize, channels: configuration.sizes.width)
        position = Embedding(count: configuration.positions, channels: configuration.sizes.width)
    }

    package var className: String { "CLIPTextEmbeddings" }
    package var children: [(name: String, module: any Module)] {
        [("token_embedding", token), ("position_embedding", position)]
    }

    /// - Parameter ids: rows of equal length, at most the configured positions.
    /// - Returns: `[B, T, C]`.
    package func callAsFunction(_ ids: [[Int32]]) -> Tensor {
        let (rows, length) = (ids.count, ids.first?.count ?? 0)
        precondition(ids.allSatisfy { $0.count == length }, "prompts of different lengths")
        let places = (0..<rows).flatMap { _ in (0..<length).map(Int32.init) }
        let sum = add(token(ids.flatMap { $0 }), position(places))
        return sum.reshaped([rows, length, sum.shape[1]])
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        token.weight.fillNormal(deviation: 0.02, seed: seed, path: path + ".token_embedding.weight")
        position.weight.fillNormal(deviation: 0.02, seed: seed, path: path + ".position_embedding.weight")
    }
}
