import CKernels

/// Group normalisation over a sample's positions and the channels of a group, then an affine map per channel
/// and optionally SiLU, in one pass. The backward pass recomputes from x, mean and 1/σ.
///
/// - Parameters:
///   - x: `[N, ..., C]`.
///   - weight, bias: `[C]`.
/// - SeeAlso: Wu and He, “Group Normalization”, ECCV 2018.
package func groupNorm(
    _ x: Tensor, groups: Int, weight: Tensor, bias: Tensor, epsilon: Float, activation: Activation = .none
) -> Tensor {
    let (samples, channels) = (x.shape[0], x.channels)
    precondition(channels % groups == 0, "\(channels) channels in \(groups) groups")
    precondition(weight.shape == [channels] && bias.shape == [channels], "groupNorm \(x.shape) by \(weight.shape)")
    let norm = GroupNormPass(
        samples: samples, positions: x.count / max(1, samples * channels), channels: channels, groups: groups,
        silu: activation == .silu ? 1 : 0)
    let y = Tensor(uninitialized: x.shape)
    let statistics = Tensor(uninitialized: [2, samples, groups])
    OperationTimes.measure(.normalization) {
        norm.measure(x, epsilon, into: statistics)
        norm.apply(x, weight, bias, statistics, into: y)
    }
    guard records(x, weight, bias) else { return y }
    let saved = (x: x.detached(), weight: weight.detached(), bias: bias.detached())
    let recomputed = Recomputed.ifLarge(y) {
        let y = Tensor(uninitialized: saved.x.shape)
        OperationTimes.measure(.normalization) { norm.apply(saved.x, saved.weight, saved.bias, statistics, into: y) }
        return y
    }
    let needs = (x: x.requiresGradient, weight: weight.requiresGradient, bias: bias.requiresGradient)
    return y.recorded(
        by: Node(inputs: [x, weight, bias]) { g in
            recomputed?.drop()
            let dx = needs.x ? Tensor(uninitialized: g.shape) : nil
            let (dWeight, dBias) = OperationTimes.measure(.normalization) {
                norm.backward(saved.x, saved.weight, saved.bias, g, statistics, into: dx)
            }
            return [dx, needs.weight ? dWeight : nil, needs.bias ? dBias : nil]
        }, recomputed: recomputed)
}

/// Layer normalisation over the last axis, then an affine map.
///
/// - Parameters:
///   - x: `[..., C]`.
///   - weight, bias: `[C]`.
package func layerNorm(_ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Float) -> Tensor {
    let (width, rows) = (x.channels, x.rowCount)
    precondition(weight.shape == [width] && bias.shape == [width], "layerNorm \(x.shape) by \(weight.shape)")
    let statistics = Tensor(uninitialized: [2, rows])
    let y = layerNormPass(x, weight, bias, epsilon, statistics)
    guard records(x, weight, bias) else { return y }
    let saved = (x: x.detached(), weight: weight.detached(), bias: bias.detached())
    let recomputed = Recomputed.ifLarge(y) { layerNormPass(saved.x, saved.weight, saved.bias, epsilon, statistics) }
    let needs = (x: x.requiresGradient, weight: weight.requiresGradient, bias: bias.requiresGradient)
    return y.recorded(
        by: Node(inputs: [x, weight, bias]) { g in
            recomputed?.drop()
            let dx = needs.x ? Tensor(uninitialized: g.shape) : nil
            let (source, slope, scale) = (saved.x.pointer, g.pointer, saved.weight.pointer)
            let (mean, target) = (statistics.pointer, dx?.pointer)
            let sums = Elementwise.columnPairs(rows, width: width, kind: .normalization) {
                first, count, dWeight, dBias in
                ck_layer_norm_backward(
                    count, width, source + first * width, slope + first * width, scale, mean + first,
                    mean + rows + first, target.map { $0 + first * width }, needs.weight ? dWeight : nil,
                    needs.bias ? dBias : nil)
            }
            return [dx, needs.weight ? sums.0 : nil, needs.bias ? sums.1 : nil]
        }, recomputed: recomputed)
}

private func layerNormPass(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor, _ epsilon: Float, _ statistics: Tensor
) -> Tensor {
    let (width, rows, y) = (x.channels, x.rowCount, Tensor(uninitialized: x.shape))
    let (source, target, mean) = (x.pointer, y.pointer, statistics.pointer)
    let (scale, shift) = (weight.pointer, bias.pointer)
    Elementwise.rows(rows, width: width, kind: .normalization) {
        ck_layer_norm(
            $1, width, epsilon, source + $0 * width, scale, shift, target + $0 * width, mean + $0, mean + rows + $0)
    }
    return y
}

/// The sizes of one group normalisation and its passes.
struct GroupNormPass {
    let samples, positions, channels, groups: Int
    let silu: Int32

    private var sampleSize: Int { positions * channels }

    func measure(_ x: Tensor, _ epsilon: Float, into statistics: Tensor) {
        let source = x.pointer
        let (mean, rstd) = (statistics.pointer, statistics.pointer + samples * groups)
        Compute.parallel(samples) { sample in
            ck_group_statistics(
                positions, channels, groups, epsilon, source + sample * sampleSize, mean + sample * groups,
                rstd + sample * groups)
        }
    }

    func apply(_ x: Tensor, _ weight: Tensor, _ bias: Tensor, _ statistics: Tensor, into y: Tensor) {
        let (source, target, scale, shift) = (x.pointer, y.pointer, weight.pointer, bias.pointer)
        let (mean, rstd) = (statistics.pointer, statistics.pointer + samples * groups)
        Compute.parallel(samples) { sample in
            let x = source + sample * sampleSize
            let (mean, rstd) = (mean + sample * groups, rstd + sample * groups)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * channels) { rows in
                // (x − mean) · rstd · weight + bias as one product and one sum.
                for channel in 0..<channels {
                    let group = channel / (channels / groups)
                    rows[channel] = rstd[group] * scale[channel]
                    rows[channels + channel] = shift[channel] - mean[group] * rows[channel]
                }
                let base = rows.baseAddress!
                ck_channel_affine(positions, channels, x, base, base + channels, silu, target + sample * sampleSize)
            }
        }
    }

    /// - Returns: dL/dweight and dL/dbias; writes dL/dx where it is wanted.
    func backward(
        _ x: Tensor, _ weight: Tensor, _ bias: Tensor, _ g: Tensor, _ statistics: Tensor, into dx: Tensor?
    ) -> (weight: Tensor, bias: Tensor) {
        let (source, slope, scale, shift) = (x.pointer, g.pointer, weight.pointer, bias.pointer)
        let (means, rstds) = (statistics.pointer, statistics.pointer + samples * groups)
        let target = dx?.pointer
        let (dWeight, dBias) = (Tensor(uninitialized: [channels]), Tensor(uninitialized: [channels]))
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * samples * channels) { sums in
            let base = sums.baseAddress!
            Compute.parallel(samples) { sample in
                let (x, g) = (source + sample * sampleSize, slope + sample * sampleSize)
                let (mean, rstd) = (means + sample * groups, rstds + sample * groups)
                let (sumG, sumGX) = (base + sample * channels, base + (samples + sample) * channels)
                ck_group_backward_sums(
                    positions, channels, groups, x, g, mean, rstd, scale, shift, silu, sumG, sumGX)
                guard let target else { return }
                ck_group_backward(
                    positions, channels, groups, x, g, mean, rstd, scale, shift, silu, sumG, sumGX,
                    target + sample * sampleSize)
            }
            for channel in 0..<channels {
                var (total, totalX) = (0.0, 0.0)
                for sample in 0..<samples {
                    total += base[sample * channels + channel]
                    totalX += base[(samples + sample) * channels + channel]
                }
                dBias.pointer[channel] = Float(total)
                dWeight.pointer[channel] = Float(totalX)
            }
        }
        return (dWeight, dBias)
    }
}
