package import CoreTensor

/// A table of vectors, as `torch.nn.Embedding`.
package final class Embedding: Module {
    /// `[V, C]`
    package let weight: Parameter

    package init(count: Int, channels: Int) {
        self.weight = Parameter(shape: [count, channels])
    }

    package var className: String { "Embedding" }
    package var parameters: [(name: String, parameter: Parameter)] { [("weight", weight)] }

    /// - Returns: `[ids.count, C]`.
    package func callAsFunction(_ ids: [Int32]) -> Tensor {
        embedding(ids, table: weight.tensor)
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        weight.fillNormal(deviation: 1, seed: seed, path: path + ".weight")
    }
}
