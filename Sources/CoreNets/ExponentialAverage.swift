package import CoreTensor

/// A slowly moving copy of weights: a ← a + (1 − decay)(w − a). Samples from it are better than from the last
/// step.
package final class ExponentialAverage {
    private let tensors: [Tensor]
    private let averages: [Tensor]
    /// Updates done; restored with the state.
    package var updateCount = 0

    /// Starts with the weights as they are.
    package init(_ tensors: [Tensor]) {
        self.tensors = tensors
        self.averages = tensors.map { tensor in
            let copy = Tensor(uninitialized: tensor.shape)
            withElements(tensor.reading, copy.writing) { $1.update(from: $0, count: tensor.count) }
            return copy
        }
    }

    /// The averages, in the order of the weights given to `init`: for a checkpoint.
    package var values: [Tensor] { averages }

    /// The decay that starts low and rises to `limit`, so that the first weights are forgotten: (1 + n) / (10
    /// + n).
    package static func decay(update: Int, limit: Float) -> Float {
        min(limit, Float(1 + update) / Float(10 + update))
    }

    /// Moves the averages towards the weights.
    ///
    /// - Parameter limit: the largest decay.
    package func update(limit: Float = 0.999) {
        let share = 1 - Self.decay(update: updateCount, limit: limit)
        updateCount += 1
        for (tensor, average) in zip(tensors, averages) {
            withElements(tensor.reading, average.writing) { weights, slow in
                for i in 0..<average.count { slow[i] += share * (weights[i] - slow[i]) }
            }
        }
    }

    /// Exchanges weights and averages: call once to evaluate with the averages, and again to go on training.
    package func swap() {
        for (tensor, average) in zip(tensors, averages) {
            withElements(tensor.writing, average.writing) { weights, slow in
                for i in 0..<average.count { (weights[i], slow[i]) = (slow[i], weights[i]) }
            }
        }
    }
}
