import CKernels

/// y = x · (weight + up · down)ᵀ (+ bias) (+ residual), without the sum of the weights: the low-rank terms
/// are summed in the same passes as those of the weight, forward and backward.
///
/// - Parameters:
///   - x: `[..., in]`.
///   - weight: `[out, in]`.
///   - up: `[out, R]`.
///   - down: `[R, in]`.
///   - bias: `[out]`.
///   - residual: `[..., out]`.
/// - Returns: `[..., out]`.
/// - SeeAlso: Hu et al., “LoRA”, arXiv:2106.09685.
package func linear(
    _ x: Tensor, weight: Tensor, up: Tensor, down: Tensor, bias: Tensor? = nil, adding residual: Tensor? = nil
) -> Tensor {
    let (rows, inputs, outputs, rank) = (x.rowCount, x.channels, weight.shape[0], down.shape[0])
    precondition(
        weight.shape == [outputs, inputs] && up.shape == [outputs, rank] && down.shape == [rank, inputs],
        "linear of \(x.shape) by \(weight.shape) and \(up.shape) · \(down.shape)")
    // Rounded operands have kernels of their own.
    guard Precision.current == .f32, !weight.requiresGradient else {
        return linear(
            linear(x, weight: down), weight: up, adding: linear(x, weight: weight, bias: bias, adding: residual))
    }
    let y = Tensor(uninitialized: x.shape.dropLast() + [outputs])
    precondition(residual == nil || residual!.shape == y.shape, "residual \(residual!.shape) for \(y.shape)")
    precondition(bias == nil || bias!.shape == [outputs], "bias \(bias!.shape) for \(y.shape)")
    let ranks = Tensor(uninitialized: [rows, rank])
    Product.run(
        rows: rows, columns: rank, depth: inputs, x.matrix(), down.matrix(transposed: true), into: ranks.matrix())
    Product.run(
        rows: rows, columns: outputs, depth: inputs, x.matrix(),
        weight.matrix(transposed: true, keeper: weight.keeper), into: y.matrix(), add: residual?.pointer,
        bias: bias?.pointer,
        extra: (depth: rank, a: ranks.matrix(), b: up.matrix(transposed: true)))
    guard records(x, bias, residual, up, down) else { return y }
    let needs = (x: x.requiresGradient, up: up.requiresGradient, down: down.requiresGradient)
    let needsBias = bias?.requiresGradient == true
    let (shape, keeper) = (x.shape, weight.keeper)
    let saved = (x: x.kept(), weight: weight.detached(), up: up.detached(), down: down.detached())
    let node = Node(
        inputs: [x, up, down] + [bias, residual].compactMap { $0 },
        adding: { g, sum in
            // dL/d(down x) = dL/dy · up.
            let slope = Tensor(uninitialized: [rows, rank])
            // In the same pass as the sum with other uses of x.
            let dx = needs.x ? sum ?? Tensor(uninitialized: shape) : nil
            Product.run(rows: rows, columns: rank, depth: outputs, g.matrix(), saved.up.matrix(), into: slope.matrix())
            if let dx {
                Product.run(
                    rows: rows, columns: inputs, depth: outputs, g.matrix(), saved.weight.matrix(keeper: keeper),
                    into: dx.matrix(), add: sum?.pointer,
                    extra: (depth: rank, a: slope.matrix(), b: saved.down.matrix()))
            }
            let (dUp, dDown) = (Tensor(uninitialized: saved.up.shape), Tensor(uninitialized: saved.down.shape))
            lowRankGradients(
                g: g, ranks: ranks, x: saved.x(), slope: slope, rows: rows, intoUp: needs.up ? dUp : nil,
                intoDown: needs.down ? dDown : nil)
            var gradients = [dx, needs.up ? dUp : nil, needs.down ? dDown : nil]
            if bias != nil { gradients.append(needsBias ? columnSums(g) : nil) }
            if residual != nil { gradients.append(g) }
            return gradients
        })
    return y.recorded(by: node)
}

/// dUp = gᵀ · ranks and dDown = slopeᵀ · x, both with the rank as the short side of tiles, in parts of their
/// columns.
private func lowRankGradients(
    g: Tensor, ranks: Tensor, x: Tensor, slope: Tensor, rows: Int, intoUp dUp: Tensor?, intoDown dDown: Tensor?
) {
    let (rank, part) = (ranks.channels, 128)
    let turned = Tensor(uninitialized: [rank, g.channels])
    var jobs: [(left: Tensor, right: Tensor, result: Tensor, first: Int)] = []
    if dUp != nil { jobs += stride(from: 0, to: g.channels, by: part).map { (ranks, g, turned, $0) } }
    if let dDown { jobs += stride(from: 0, to: x.channels, by: part).map { (slope, x, dDown, $0) } }
    let operations = 2 * rows * rank * ((dUp == nil ? 0 : g.channels) + (dDown == nil ? 0 : x.channels))
    OperationTimes.measure(.weightGradient, operations: operations) {
        Compute.parallel(jobs.count) { [jobs] in
            let (left, right, result, first) = jobs[$0]
            let width = right.channels
            let count = min(part, width - first)
            ck_product_of_transpose(
                rank, count, left.pointer, rank, right.pointer + first, width, nil, 0, 0, rows, 0,
                result.pointer + first, width)
            guard result === turned, let dUp else { return }
            let (from, to) = (turned.pointer, dUp.pointer)
            for output in first..<first + count {
                for r in 0..<rank { to[output * rank + r] = from[r * width + output] }
            }
        }
    }
}
