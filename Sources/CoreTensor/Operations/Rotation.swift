import CKernels

/// Turns each pair of neighbouring channels of every head by the angle of its place and pair: rotary
/// embeddings.
///
/// - Parameters:
///   - x: `[B, T, C]`, heads side by side in the last axis.
///   - cosines, sines: `[T, C / heads / 2]`; constants.
/// - SeeAlso: Su et al., “RoFormer”, arXiv:2104.09864.
package func rotated(_ x: Tensor, heads: Int, cosines: Tensor, sines: Tensor) -> Tensor {
    precondition(
        x.shape.count == 3 && x.channels % (2 * heads) == 0 && cosines.shape == [x.shape[1], x.channels / heads / 2]
            && sines.shape == cosines.shape, "rotated \(x.shape) in \(heads) heads by \(cosines.shape)")
    let y = turned(x, heads, cosines, sines, direction: 1)
    guard records(x) else { return y }
    return y.recorded(by: Node(inputs: [x]) { g in [turned(g, heads, cosines, sines, direction: -1)] })
}

private func turned(_ x: Tensor, _ heads: Int, _ cosines: Tensor, _ sines: Tensor, direction: Float) -> Tensor {
    let (places, width) = (x.shape[1], x.channels)
    let (size, y) = (width / heads, Tensor(uninitialized: x.shape))
    let (source, target, cosine, sine) = (x.pointer, y.pointer, cosines.pointer, sines.pointer)
    Elementwise.samples(x.shape[0], rows: places, width: width) { sample, first, count in
        let (at, angle) = ((sample * places + first) * width, first * size / 2)
        ck_rotate_pairs(count, heads, size, direction, source + at, cosine + angle, sine + angle, target + at)
    }
    return y
}
