package import CoreTensor

/// Tensors that share a learning rate and a weight decay.
package struct ParameterGroup {
    package let tensors: [Tensor]
    /// One name for each tensor: they name the optimiser's state in a checkpoint.
    package let names: [String]
    package var learningRate: Float
    package var weightDecay: Float

    /// - Parameter names: without them, a tensor is named by its place in the optimiser's groups.
    package init(tensors: [Tensor], names: [String]? = nil, learningRate: Float, weightDecay: Float = 0) {
        precondition(names == nil || names?.count == tensors.count, "one name for each tensor")
        self.tensors = tensors
        self.names = names ?? []
        self.learningRate = learningRate
        self.weightDecay = weightDecay
    }
}
