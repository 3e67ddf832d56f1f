package import CoreTensor

/// LoHa weight, the entry-wise product of two rank-r products: W + scale · (up1·down1) ⊙ (up2·down2).
///
/// The backward pass computes the two halves again unless they are small, so that a step keeps only W + ΔW.
/// - Parameters:
///   - base: `[out, columns]`, frozen; nil gives ΔW alone.
///   - up1, up2: `[out, r]`.
///   - down1, down2: `[r, columns]`.
/// - Returns: `[out, columns]`, ΔW of rank r² at most.
/// - SeeAlso: Hyeon-Woo et al., “FedPara”, ICLR 2022, arXiv:2108.06098; Yeh et al., arXiv:2309.14859.
package func lohaWeight(
    base: Tensor?, _ up1: Tensor, _ down1: Tensor, _ up2: Tensor, _ down2: Tensor, scale: Float
) -> Tensor {
    precondition(up1.shape == up2.shape && down1.shape == down2.shape, "\(up1.shape) \(up2.shape) \(down1.shape)")
    let (u1, d1, u2, d2) = (up1.detached(), down1.detached(), up2.detached(), down2.detached())
    let (left, right) = withoutGradients { (matmul(u1, d1), matmul(u2, d2)) }
    let result = Tensor(uninitialized: left.shape)
    fusedProduct(into: result, left, right, scale: scale, plus: base)
    // Small halves are kept: building them again costs more than the memory.
    let kept = left.count <= 1 << 18 ? (left, right) : nil
    return Tensor.custom(result, inputs: [up1, down1, up2, down2]) { gradient in
        withoutGradients {
            let (left, right) = kept ?? (matmul(u1, d1), matmul(u2, d2))
            let (onLeft, onRight) = (Tensor(uninitialized: left.shape), Tensor(uninitialized: left.shape))
            fusedProduct(into: onLeft, gradient, right, scale: scale, plus: nil)
            fusedProduct(into: onRight, gradient, left, scale: scale, plus: nil)
            return [
                matmul(onLeft, d1, transposeB: true), matmul(u1, onLeft, transposeA: true),
                matmul(onRight, d2, transposeB: true), matmul(u2, onRight, transposeA: true),
            ]
        }
    }
}

/// Row-wise Kronecker product of two down factors: row `i·r + j` is `down1[i] ⊙ down2[j]`.
///
/// - Parameter down1, down2: `[r, columns]`.
/// - Returns: `[r², columns]`.
package func pairedRows(_ down1: Tensor, _ down2: Tensor) -> Tensor {
    let (rank, columns) = (down1.shape[0], down1.shape[1])
    let result = Tensor(uninitialized: [rank * rank, columns])
    let (first, second) = (down1.detached(), down2.detached())
    withElements(first.reading, second.reading, result.writing) { a, b, out in
        inBlocks(columns, each: rank * rank) { range in
            for i in 0..<rank {
                for j in 0..<rank {
                    let (x, y, z) = (a + i * columns, b + j * columns, out + (i * rank + j) * columns)
                    for k in range { z[k] = x[k] * y[k] }
                }
            }
        }
    }
    return Tensor.custom(result, inputs: [down1, down2]) { gradient in
        let (onFirst, onSecond) = (Tensor.zeros(first.shape), Tensor.zeros(second.shape))
        withElements(gradient.reading, first.reading, second.reading, onFirst.writing, onSecond.writing) {
            g, a, b, da, db in
            inBlocks(columns, each: rank * rank) { range in
                for i in 0..<rank {
                    for j in 0..<rank {
                        let row = g + (i * rank + j) * columns
                        let (x, y) = (a + i * columns, b + j * columns)
                        let (dx, dy) = (da + i * columns, db + j * columns)
                        for k in range {
                            dx[k] += row[k] * y[k]
                            dy[k] += row[k] * x[k]
                        }
                    }
                }
            }
        }
        return [onFirst, onSecond]
    }
}

/// Column-wise counterpart of `pairedRows` for the up factors: column `i·r + j` is
/// `scale · up1[:, i] ⊙ up2[:, j]`.
///
/// - Parameter up1, up2: `[out, r]`.
/// - Returns: `[out, r²]`.
package func pairedColumns(_ up1: Tensor, _ up2: Tensor, scale: Float) -> Tensor {
    let (outputs, rank) = (up1.shape[0], up1.shape[1])
    let result = Tensor(uninitialized: [outputs, rank * rank])
    let (first, second) = (up1.detached(), up2.detached())
    withElements(first.reading, second.reading, result.writing) { a, b, out in
        inBlocks(outputs, each: rank * rank) { range in
            for o in range {
                for i in 0..<rank {
                    let factor = scale * a[o * rank + i]
                    for j in 0..<rank { out[(o * rank + i) * rank + j] = factor * b[o * rank + j] }
                }
            }
        }
    }
    return Tensor.custom(result, inputs: [up1, up2]) { gradient in
        let (onFirst, onSecond) = (Tensor.zeros(first.shape), Tensor.zeros(second.shape))
        withElements(gradient.reading, first.reading, second.reading, onFirst.writing, onSecond.writing) {
            g, a, b, da, db in
            inBlocks(outputs, each: rank * rank) { range in
                for o in range {
                    for i in 0..<rank {
                        var sum: Float = 0
                        for j in 0..<rank {
                            let slope = scale * g[(o * rank + i) * rank + j]
                            sum += slope * b[o * rank + j]
                            db[o * rank + j] += slope * a[o * rank + i]
                        }
                        da[o * rank + i] = sum
                    }
                }
            }
        }
        return [onFirst, onSecond]
    }
}

/// result = scale · a ⊙ b + base
private func fusedProduct(into result: Tensor, _ a: Tensor, _ b: Tensor, scale: Float, plus base: Tensor?) {
    let count = result.count
    guard let base else {
        return withElements(a.reading, b.reading, result.writing) { x, y, z in
            inChunks(count) { range in
                for i in range { z[i] = scale * (x[i] * y[i]) }
            }
        }
    }
    withElements(a.reading, b.reading, base.reading, result.writing) { x, y, w, z in
        inChunks(count) { range in
            for i in range { z[i] = w[i] + scale * (x[i] * y[i]) }
        }
    }
}

/// Runs `body` over fixed parts of `0..<count` in parallel, an index standing for `work` elements.
private func inBlocks(_ count: Int, each work: Int, _ body: (Range<Int>) -> Void) {
    let block = max(16, (1 << 15) / max(1, work))
    guard count > block else { return body(0..<count) }
    Compute.parallel((count + block - 1) / block) { part in
        body(part * block..<min(count, (part + 1) * block))
    }
}
