package import CoreTensor

/// What every block of the U-Net reads besides the image.
package struct UNetConditions {
    /// silu of the time embedding, `[N, T]`.
    package let time: Tensor
    /// The prompt's states, `[N, S, D]`.
    package let context: Tensor
    package let cache: ContextCache?
}
