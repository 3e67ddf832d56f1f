import CKernels

/// x / √(mean(x²) + ε) over the last axis, times a weight for each channel.
///
/// - Parameters:
///   - x: `[..., C]`.
///   - weight: `[C]`.
/// - SeeAlso: Zhang and Sennrich, “Root mean square layer normalization”, arXiv:1910.07467.
package func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor {
    let (width, rows) = (x.channels, x.rowCount)
    precondition(weight.shape == [width], "rmsNorm \(x.shape) by \(weight.shape)")
    let y = Tensor(uninitialized: x.shape)
    let statistics = Tensor(uninitialized: [rows])
    let (source, target, rstd, scale) = (x.pointer, y.pointer, statistics.pointer, weight.pointer)
    Elementwise.rows(rows, width: width, kind: .normalization) {
        ck_rms_norm($1, width, epsilon, source + $0 * width, scale, target + $0 * width, rstd + $0)
    }
    guard records(x, weight) else { return y }
    let saved = (x: x.detached(), weight: weight.detached())
    let needs = (x: x.requiresGradient, weight: weight.requiresGradient)
    return y.recorded(
        by: Node(inputs: [x, weight]) { g in
            let dx = needs.x ? Tensor(uninitialized: g.shape) : nil
            let (source, slope, scale) = (saved.x.pointer, g.pointer, saved.weight.pointer)
            let (rstd, target) = (statistics.pointer, dx?.pointer)
            let dWeight = Elementwise.columns(rows, width: width) { first, count, sums in
                ck_rms_norm_backward(
                    count, width, source + first * width, slope + first * width, scale, rstd + first,
                    target.map { $0 + first * width }, needs.weight ? sums : nil)
            }
            return [dx, needs.weight ? dWeight : nil]
        })
}
