import CKernels

/// x + perSample, where x is `[N, ..., C]` and perSample `[N, C]`.
package func addChannels(_ x: Tensor, _ perSample: Tensor) -> Tensor {
    precondition(
        x.shape.count >= 2 && perSample.shape == [x.shape[0], x.channels], "addChannels \(x.shape) \(perSample.shape)")
    let (samples, width) = (x.shape[0], x.channels)
    let positions = x.count / max(1, samples * width)
    let y = Tensor(uninitialized: x.shape)
    let (source, row, target) = (x.pointer, perSample.pointer, y.pointer)
    Compute.parallel(samples) { sample in
        let start = sample * positions * width
        ck_add_row(positions, width, source + start, row + sample * width, target + start)
    }
    guard records(x, perSample) else { return y }
    let needsSums = perSample.requiresGradient
    return y.recorded(
        by: Node(inputs: [x, perSample]) { g in
            guard needsSums else { return [g, nil] }
            let sums = Tensor.zeros([samples, width])
            let (slope, target) = (g.pointer, sums.pointer)
            Compute.parallel(samples) { sample in
                ck_column_sums(positions, width, slope + sample * positions * width, target + sample * width)
            }
            return [g, sums]
        })
}

/// x + bias, where x is `[..., C]` and bias `[C]`.
package func addBias(_ x: Tensor, _ bias: Tensor) -> Tensor {
    precondition(bias.shape == [x.channels], "addBias \(x.shape) \(bias.shape)")
    let width = x.channels
    let y = Tensor(uninitialized: x.shape)
    let (source, row, target) = (x.pointer, bias.pointer, y.pointer)
    Elementwise.rows(x.rowCount, width: width) { ck_add_row($1, width, source + $0 * width, row, target + $0 * width) }
    guard records(x, bias) else { return y }
    let needsBias = bias.requiresGradient
    return y.recorded(by: Node(inputs: [x, bias]) { g in [g, needsBias ? columnSums(g) : nil] })
}

/// x · s, where x is `[..., C]` and s `[C]`.
package func scaleChannels(_ x: Tensor, _ s: Tensor) -> Tensor {
    precondition(s.shape == [x.channels], "scaleChannels \(x.shape) \(s.shape)")
    let (width, rows) = (x.channels, x.rowCount)
    let y = scaleRows(x, s)
    guard records(x, s) else { return y }
    let saved = (x: s.requiresGradient ? x.detached() : nil, s: x.requiresGradient ? s.detached() : nil)
    return y.recorded(
        by: Node(inputs: [x, s]) { g in
            let slope = g.pointer
            let ds = saved.x.map { x in
                let source = x.pointer
                return Elementwise.columns(rows, width: width) {
                    ck_column_dots($1, width, source + $0 * width, slope + $0 * width, $2)
                }
            }
            return [saved.s.map { scaleRows(g, $0) }, ds]
        })
}

private func scaleRows(_ x: Tensor, _ s: Tensor) -> Tensor {
    let width = x.channels
    let y = Tensor(uninitialized: x.shape)
    let (source, row, target) = (x.pointer, s.pointer, y.pointer)
    Elementwise.rows(x.rowCount, width: width) {
        ck_scale_row($1, width, source + $0 * width, row, target + $0 * width)
    }
    return y
}

/// Sample i of x `[N, ...]` times s[i].
package func scaleSamples(_ x: Tensor, _ s: [Float]) -> Tensor {
    precondition(x.shape.first == s.count, "scaleSamples \(x.shape) by \(s.count) factors")
    let y = Tensor(uninitialized: x.shape)
    let size = x.count / max(1, s.count)
    for (sample, factor) in s.enumerated() {
        ck_affine(size, x.pointer + sample * size, factor, 0, y.pointer + sample * size)
    }
    guard records(x) else { return y }
    return y.recorded(by: Node(inputs: [x]) { g in [scaleSamples(g, s)] })
}
