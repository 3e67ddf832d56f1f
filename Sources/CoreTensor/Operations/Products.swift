import CKernels

/// a · b for 2-D tensors: `[m, k]` × `[k, n]` → `[m, n]`; a flag reads that operand transposed.
package func matmul(_ a: Tensor, _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false) -> Tensor {
    precondition(a.shape.count == 2 && b.shape.count == 2, "matmul of \(a.shape) and \(b.shape)")
    let m = a.shape[transposeA ? 1 : 0]
    let k = a.shape[transposeA ? 0 : 1]
    let n = b.shape[transposeB ? 0 : 1]
    precondition(k == b.shape[transposeB ? 1 : 0], "matmul of \(a.shape) and \(b.shape)")
    let y = Tensor(uninitialized: [m, n])
    Product.run(
        rows: m, columns: n, depth: k, a.matrix(transposed: transposeA), b.matrix(transposed: transposeB),
        into: y.matrix())
    guard records(a, b) else { return y }
    let saved = (a: b.requiresGradient ? a.detached() : nil, b: a.requiresGradient ? b.detached() : nil)
    return y.recorded(
        by: Node(inputs: [a, b]) { g in
            // y = op(a) op(b): dop(a) = g op(b)ᵀ, dop(b) = op(a)ᵀ g; a transposed operand swaps the factors.
            let da = saved.b.map { b in
                transposeA
                    ? matmul(b, g, transposeA: transposeB, transposeB: true) : matmul(g, b, transposeB: !transposeB)
            }
            let db = saved.a.map { a in
                transposeB
                    ? matmul(g, a, transposeA: true, transposeB: transposeA) : matmul(a, g, transposeA: !transposeA)
            }
            return [da, db]
        })
}

/// y = x · weightᵀ (+ bias) (+ residual).
///
/// - Parameters:
///   - x: `[..., in]`.
///   - weight: `[out, in]`.
///   - bias: `[out]`.
///   - residual: `[..., out]`, added to the result in the same pass.
/// - Returns: `[..., out]`.
package func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil, adding residual: Tensor? = nil) -> Tensor {
    precondition(weight.shape.count == 2 && x.channels == weight.shape[1], "linear of \(x.shape) by \(weight.shape)")
    let (rows, inputs, outputs) = (x.rowCount, x.channels, weight.shape[0])
    let (y, precision) = (Tensor(uninitialized: x.shape.dropLast() + [outputs]), Precision.current)
    precondition(residual == nil || residual!.shape == y.shape, "residual \(residual!.shape) for \(y.shape)")
    precondition(bias == nil || bias!.shape == [outputs], "bias \(bias!.shape) for \(y.shape)")
    Product.run(
        rows: rows, columns: outputs, depth: inputs, x.matrix(),
        weight.matrix(transposed: true, keeper: weight.keeper), into: y.matrix(), add: residual?.pointer,
        bias: bias?.pointer, in: precision)
    guard records(x, weight, bias, residual) else { return y }
    let needs = (x: x.requiresGradient, weight: weight.requiresGradient, bias: bias?.requiresGradient == true)
    // Only what a wanted gradient reads is kept.
    let saved = (x: needs.weight ? x.kept() : nil, weight: needs.x ? weight.detached() : nil)
    let (shape, keeper) = (x.shape, weight.keeper)
    let node = Node(inputs: [x, weight] + [bias, residual].compactMap { $0 }) { g in
        let dx = saved.weight.map { weight in
            let dx = Tensor(uninitialized: shape)
            Product.run(
                rows: rows, columns: inputs, depth: outputs, g.matrix(), weight.matrix(keeper: keeper),
                into: dx.matrix(), in: precision)
            return dx
        }
        let dWeight = saved.x.map { x in
            let dWeight = Tensor(uninitialized: [outputs, inputs])
            Product.run(
                rows: outputs, columns: inputs, depth: rows, g.matrix(transposed: true), x().matrix(),
                into: dWeight.matrix(), in: precision)
            return dWeight
        }
        var gradients: [Tensor?] = [dx, dWeight]
        if bias != nil { gradients.append(needs.bias ? columnSums(g) : nil) }
        if residual != nil { gradients.append(g) }
        return gradients
    }
    return y.recorded(by: node)
}

/// Σ over all axes but the last.
func columnSums(_ x: Tensor) -> Tensor {
    let (base, width) = (x.pointer, x.channels)
    return Elementwise.columns(x.rowCount, width: width) { ck_column_sums($1, width, base + $0 * width, $2) }
}

extension Tensor {
    /// The tensor as rows of its last axis.
    func matrix(transposed: Bool = false, keeper: Storage? = nil) -> Product.Matrix {
        Product.Matrix(base: address, stride: channels, transposed: transposed, halves: halves, keeper: keeper)
    }
}
