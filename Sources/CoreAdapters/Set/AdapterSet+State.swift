import CoreTensor

extension AdapterSet {
    /// The trainable tensors as they are, for an exact resume: full precision, memory layout, scalars and
    /// absolute weights included.
    package func exportState() -> [(name: String, shape: [Int], floats: [Float])] {
        trainables.map { ($0.name, $0.tensor.shape, $0.tensor.values) }
    }

    /// Takes over what `exportState` gave.
    ///
    /// - Parameter read: the shape and values of a name; nil if the state has no such name.
    /// - Throws: `AdapterError.wrongState` if anything is missing or of another shape; then nothing was
    ///   changed.
    package func importState(_ read: (String) throws -> (shape: [Int], floats: [Float])?) throws {
        var found: [(Tensor, [Float])] = []
        for trainable in trainables {
            guard let state = try read(trainable.name) else {
                throw AdapterError(.wrongState, "the state has no \(trainable.name)")
            }
            guard state.shape == trainable.tensor.shape else {
                throw AdapterError(
                    .wrongState, "\(trainable.name): found shape \(state.shape), wanted \(trainable.tensor.shape)")
            }
            found.append((trainable.tensor, state.floats))
        }
        for (tensor, floats) in found { tensor.withMutableBuffer { _ = $0.update(fromContentsOf: floats) } }
        control.weightsChanged()
    }
}
