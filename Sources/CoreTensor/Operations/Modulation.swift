import CKernels

/// Layer normalisation without weights of its own, then a scale and a shift for each sample:
/// LN(x) · (1 + scale) + shift, as transformers that read the time in their norms do.
///
/// - Parameters:
///   - x: `[N, ..., C]`.
///   - scale, shift: `[N, C]`.
/// - SeeAlso: Peebles and Xie, “Scalable diffusion models with transformers”, arXiv:2212.09748.
package func modulatedLayerNorm(_ x: Tensor, scale: Tensor, shift: Tensor, epsilon: Float) -> Tensor {
    let (samples, width) = (x.shape[0], x.channels)
    precondition(
        x.shape.count >= 2 && scale.shape == [samples, width] && shift.shape == scale.shape,
        "modulatedLayerNorm \(x.shape) by \(scale.shape) and \(shift.shape)")
    let rows = x.rowCount / max(1, samples)
    let statistics = Tensor(uninitialized: [2, samples * rows])
    let whole = adding(scale.detached(), constant: 1)
    let y = modulatedPass(x, whole, shift, epsilon, statistics)
    guard records(x, scale, shift) else { return y }
    let (saved, savedShift) = (x.detached(), shift.detached())
    let recomputed = Recomputed.ifLarge(y) { modulatedPass(saved, whole, savedShift, epsilon, statistics) }
    let needs = (x: x.requiresGradient, scale: scale.requiresGradient, shift: shift.requiresGradient)
    return y.recorded(
        by: Node(inputs: [x, scale, shift]) { g in
            recomputed?.drop()
            let dx = needs.x ? Tensor(uninitialized: g.shape) : nil
            let (source, slope, factor, target) = (saved.pointer, g.pointer, whole.pointer, dx?.pointer)
            let (mean, rstd) = (statistics.pointer, statistics.pointer + samples * rows)
            let sums = Elementwise.sampleSums(samples, rows: rows, width: width, sums: 2 * width, kind: .normalization)
            { sample, first, count, sums in
                let at = sample * rows + first
                ck_layer_norm_backward(
                    count, width, source + at * width, slope + at * width, factor + sample * width, mean + at,
                    rstd + at,
                    target.map { $0 + at * width }, needs.scale ? sums : nil, needs.shift ? sums + width : nil)
            }
            let dScale = needs.scale ? slice(sums, channels: 0..<width) : nil
            let dShift = needs.shift ? slice(sums, channels: width..<2 * width) : nil
            return [dx, dScale, dShift]
        }, recomputed: recomputed)
}

private func modulatedPass(
    _ x: Tensor, _ factors: Tensor, _ shift: Tensor, _ epsilon: Float, _ statistics: Tensor
) -> Tensor {
    let (samples, width) = (x.shape[0], x.channels)
    let (rows, y) = (x.rowCount / max(1, samples), Tensor(uninitialized: x.shape))
    let (source, target, mean, rstd) = (
        x.pointer, y.pointer, statistics.pointer, statistics.pointer + samples * rows
    )
    let (factor, offset) = (factors.pointer, shift.pointer)
    Elementwise.samples(samples, rows: rows, width: width, kind: .normalization) { sample, first, count in
        let (at, row) = (sample * rows + first, sample * width)
        ck_layer_norm(
            count, width, epsilon, source + at * width, factor + row, offset + row, target + at * width, mean + at,
            rstd + at)
    }
    return y
}

/// residual + gate · x, with a gate for each sample and channel.
///
/// - Parameters:
///   - x, residual: `[N, ..., C]`.
///   - gate: `[N, C]`.
package func gated(_ x: Tensor, by gate: Tensor, adding residual: Tensor) -> Tensor {
    let (samples, width) = (x.shape[0], x.channels)
    precondition(
        x.shape == residual.shape && gate.shape == [samples, width],
        "gated \(x.shape) by \(gate.shape) added to \(residual.shape)")
    let rows = x.rowCount / max(1, samples)
    let y = Tensor(uninitialized: x.shape)
    let (source, row, other, target) = (x.pointer, gate.pointer, residual.pointer, y.pointer)
    Elementwise.samples(samples, rows: rows, width: width) { sample, first, count in
        let at = (sample * rows + first) * width
        ck_gate_rows(count, width, source + at, row + sample * width, other + at, target + at)
    }
    guard records(x, gate, residual) else { return y }
    let saved = (x: gate.requiresGradient ? x.detached() : nil, gate: x.requiresGradient ? gate.detached() : nil)
    let needsResidual = residual.requiresGradient
    return y.recorded(
        by: Node(inputs: [x, gate, residual]) { g in
            let dx = saved.gate.map { scaledSamples(g, $0, rows: rows) }
            let dGate = saved.x.map { x in
                let (source, slope) = (x.pointer, g.pointer)
                return Elementwise.sampleSums(samples, rows: rows, width: width, sums: width) {
                    sample, first, count, sums in
                    let at = (sample * rows + first) * width
                    ck_column_dots(count, width, source + at, slope + at, sums)
                }
            }
            return [dx, dGate, needsResidual ? g : nil]
        })
}

private func scaledSamples(_ x: Tensor, _ gate: Tensor, rows: Int) -> Tensor {
    let width = x.channels
    let y = Tensor(uninitialized: x.shape)
    let (source, row, target) = (x.pointer, gate.pointer, y.pointer)
    Elementwise.samples(x.shape[0], rows: rows, width: width) { sample, first, count in
        let at = (sample * rows + first) * width
        ck_scale_row(count, width, source + at, row + sample * width, target + at)
    }
    return y
}
