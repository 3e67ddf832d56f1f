package import CoreTensor

/// What every block of the U-Net reads besides the image.
package struct UNetConditions {
    /// silu of the time embedding, `[N, T]`.
    package let time: Tensor
    /// The prompt's states, `[N, S, D]`.
    package let context: Tensor
    package let cache: ContextCache?
    /// Whether a training step keeps only the blocks' inputs and computes the rest anew in its backward pass.
    package var checkpoints = false

    /// The block of the images side by side.
    func apply(_ block: ResnetBlock2D, _ x: Tensor, beside skip: Tensor? = nil) -> Tensor {
        run([x, time] + [skip].compactMap { $0 }) { inputs in
            block(skip == nil ? inputs[0] : concatenate(inputs[0], inputs[2]), time: inputs[1])
        }
    }

    func apply(_ transformer: Transformer2DModel, _ x: Tensor) -> Tensor {
        run([x, context]) { [cache] in transformer($0[0], context: $0[1], cache: cache) }
    }

    private func run(_ inputs: [Tensor], _ body: @escaping ([Tensor]) -> Tensor) -> Tensor {
        checkpoints ? checkpointed(inputs, body) : body(inputs)
    }
}
