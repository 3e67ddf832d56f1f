import CKernels

/// `rmsNorm` of every head by itself, then `rotated`, of streams that become one sequence: in one pass.
///
/// - Parameters:
///   - streams: `[B, T, C]` each, heads side by side in the last axis, one after the other in the sequence;
///     each with the weight of its norm, `[C / heads]`, which takes no gradient.
///   - cosines, sines: `[ΣT, C / heads / 2]`, of the whole sequence; constants.
/// - Returns: `[B, ΣT, C]`.
package func normalizedAndRotated(
    _ streams: [(x: Tensor, weight: Tensor)], heads: Int, epsilon: Float, cosines: Tensor, sines: Tensor
) -> Tensor {
    let (batch, width) = (streams[0].x.shape[0], streams[0].x.channels)
    let lengths = streams.map { $0.x.shape[1] }
    let (places, size) = (lengths.reduce(0, +), width / heads)
    precondition(
        width % (2 * heads) == 0 && size <= 4096 && cosines.shape == [places, size / 2] && sines.shape == cosines.shape
            && streams.allSatisfy {
                $0.x.shape == [batch, $0.x.shape[1], width] && $0.weight.shape == [size] && !$0.weight.requiresGradient
            }, "normalizedAndRotated \(streams.map(\.x.shape)) in \(heads) heads by \(cosines.shape)")
    let y = Tensor(uninitialized: [batch, places, width])
    let factors = lengths.map { Tensor(uninitialized: [batch, $0, heads]) }
    var start = 0
    for (index, stream) in streams.enumerated() {
        let (length, offset) = (lengths[index], start)
        let (source, scale, target) = (stream.x.pointer, stream.weight.pointer, y.pointer)
        let (cosine, sine, rstd) = (cosines.pointer, sines.pointer, factors[index].pointer)
        Elementwise.samples(batch, rows: length, width: width, kind: .normalization) { sample, first, count in
            let (row, place) = (sample * length + first, offset + first)
            ck_norm_rotate(
                count, heads, size, epsilon, source + row * width, scale, cosine + place * size / 2,
                sine + place * size / 2, target + (sample * places + place) * width, rstd + row * heads)
        }
        start += length
    }
    guard streams.contains(where: { records($0.x) }) else { return y }
    let saved = streams.map { (x: $0.x.detached(), weight: $0.weight.detached(), needed: $0.x.requiresGradient) }
    return y.recorded(
        by: Node(inputs: streams.map(\.x)) { g in
            var start = 0
            return saved.enumerated().map { index, stream in
                let (length, offset) = (lengths[index], start)
                start += length
                guard stream.needed else { return nil }
                let dx = Tensor(uninitialized: stream.x.shape)
                let (source, scale, slope, target) = (
                    stream.x.pointer, stream.weight.pointer, g.pointer, dx.pointer
                )
                let (cosine, sine, rstd) = (cosines.pointer, sines.pointer, factors[index].pointer)
                Elementwise.samples(batch, rows: length, width: width, kind: .normalization) { sample, first, count in
                    let (row, place) = (sample * length + first, offset + first)
                    ck_norm_rotate_backward(
                        count, heads, size, source + row * width, slope + (sample * places + place) * width, scale,
                        rstd + row * heads, cosine + place * size / 2, sine + place * size / 2, target + row * width)
                }
                return dx
            }
        })
}
