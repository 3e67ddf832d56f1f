package import CoreTensor

/// Scales all gradients so that their common norm is at most `maxNorm`, as `torch.nn.utils.clip_grad_norm_`.
///
/// - Parameter maxNorm: 0 or less does not clip.
/// - Returns: the norm before clipping, over all tensors that have a gradient.
@discardableResult
package func clipGradients(_ tensors: [Tensor], maxNorm: Float) -> Float {
    let gradients = tensors.compactMap(\.gradient)
    let norm = Float(gradients.reduce(0.0) { $0 + sumOfSquares($1) }.squareRoot())
    // The same guard against a zero norm as torch's.
    let factor = maxNorm / (norm + 1e-6)
    guard maxNorm > 0, factor < 1 else { return norm }
    for gradient in gradients {
        gradient.withMutableBuffer { buffer in
            for i in buffer.indices { buffer[i] *= factor }
        }
    }
    return norm
}

/// In Double and in a fixed order, so that the result does not depend on threads.
private func sumOfSquares(_ tensor: Tensor) -> Double {
    tensor.withBuffer { buffer in
        var lanes = SIMD8<Double>.zero
        let whole = buffer.count / 8 * 8
        for i in stride(from: 0, to: whole, by: 8) {
            var eight = SIMD8<Double>()
            for lane in 0..<8 { eight[lane] = Double(buffer[i + lane]) }
            lanes += eight * eight
        }
        var sum = lanes.sum()
        for i in whole..<buffer.count { sum += Double(buffer[i]) * Double(buffer[i]) }
        return sum
    }
}
