import CKernels

/// a · b for 2-D tensors: `[m, k]` × `[k, n]` → `[m, n]`; a flag reads that operand transposed.
package func matmul(_ a: Tensor, _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false) -> Tensor {
    precondition(a.shape.count == 2 && b.shape.count == 2, "matmul of \(a.shape) and \(b.shape)")
    let m = a.shape[transposeA ? 1 : 0]
    let k = a.shape[transposeA ? 0 : 1]
    let n = b.shape[transposeB ? 0 : 1]
    precondition(k == b.shape[transposeB ? 1 : 0], "matmul of \(a.shape) and \(b.shape)")
    let y = Tensor(uninitialized: [m, n])
    BLAS.multiply(
        m: m, n: n, k: k, a.matrix(transposed: transposeA), b.matrix(transposed: transposeB), into: y.matrix())
    guard records(a, b) else { return y }
    let inputs = [a, b]
    let (a, b, needsA, needsB) = (a.detached(), b.detached(), a.requiresGradient, b.requiresGradient)
    return y.recorded(
        by: Node(inputs: inputs) { g in
            // y = op(a) op(b): dop(a) = g op(b)ᵀ, dop(b) = op(a)ᵀ g; a transposed operand swaps the factors.
            let da =
                needsA
                ? transposeA
                    ? matmul(b, g, transposeA: transposeB, transposeB: true) : matmul(g, b, transposeB: !transposeB)
                : nil
            let db =
                needsB
                ? transposeB
                    ? matmul(g, a, transposeA: true, transposeB: transposeA) : matmul(a, g, transposeA: !transposeA)
                : nil
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
    let y = Tensor(uninitialized: x.shape.dropLast() + [outputs])
    precondition(residual == nil || residual!.shape == y.shape, "residual \(residual!.shape) for \(y.shape)")
    var beta: Float = 0
    if let residual {
        copy(residual, plus: bias, into: y)
        beta = 1
    } else if let bias {
        fillRows(y, with: bias)
        beta = 1
    }
    BLAS.multiply(
        m: rows, n: outputs, k: inputs, x.matrix(), weight.matrix(transposed: true), beta: beta, into: y.matrix())
    guard records(x, weight, bias, residual) else { return y }
    let saved = (x: x.detached(), weight: weight.detached())
    let needs = (x: x.requiresGradient, weight: weight.requiresGradient, bias: bias?.requiresGradient == true)
    let node = Node(inputs: [x, weight] + [bias, residual].compactMap { $0 }) { g in
        var gradients: [Tensor?] = [nil, nil]
        if needs.x {
            let dx = Tensor(uninitialized: saved.x.shape)
            BLAS.multiply(m: rows, n: inputs, k: outputs, g.matrix(), saved.weight.matrix(), into: dx.matrix())
            gradients[0] = dx
        }
        if needs.weight {
            let dw = Tensor(uninitialized: [outputs, inputs])
            BLAS.multiply(
                m: outputs, n: inputs, k: rows, g.matrix(transposed: true), saved.x.matrix(), into: dw.matrix())
            gradients[1] = dw
        }
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

func fillRows(_ y: Tensor, with row: Tensor) {
    let (width, source, target) = (y.channels, row.pointer, y.pointer)
    precondition(row.count == width, "bias \(row.shape) for \(y.shape)")
    Elementwise.rows(y.rowCount, width: width) { first, count in
        for index in first..<first + count { (target + index * width).update(from: source, count: width) }
    }
}

private func copy(_ x: Tensor, plus bias: Tensor?, into y: Tensor) {
    let (width, source, target) = (y.channels, x.pointer, y.pointer)
    guard let row = bias?.pointer else {
        Elementwise.ranges(y.count) { (target + $0).update(from: source + $0, count: $1) }
        return
    }
    Elementwise.rows(y.rowCount, width: width) {
        ck_add_row($1, width, source + $0 * width, row, target + $0 * width)
    }
}

extension Tensor {
    /// The tensor as rows of its last axis.
    func matrix(transposed: Bool = false) -> BLAS.Matrix {
        BLAS.Matrix(base: pointer, stride: channels, transposed: transposed)
    }
}
