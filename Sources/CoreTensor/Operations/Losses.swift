import CKernels

/// Σ x, a scalar; summed in f64.
package func sum(_ x: Tensor) -> Tensor { total(x, scale: 1) }

/// Σ x / count, a scalar; summed in f64.
package func mean(_ x: Tensor) -> Tensor { total(x, scale: 1 / Double(max(1, x.count))) }

/// Mean over all elements of wᵢ (prediction − target)², where i is the sample (first axis) and w is 1 if not
/// given.
package func meanSquaredError(_ prediction: Tensor, _ target: Tensor, sampleWeights: [Float]? = nil) -> Tensor {
    precondition(prediction.shape == target.shape, "meanSquaredError \(prediction.shape) \(target.shape)")
    let samples = sampleWeights?.count ?? 1
    precondition(
        sampleWeights == nil || prediction.shape.first == samples, "\(samples) weights for \(prediction.shape)")
    let size = prediction.count / max(1, samples)
    let (a, b) = (prediction.pointer, target.pointer)
    var total = 0.0
    for sample in 0..<samples {
        let start = sample * size
        let squares = Elementwise.sum(size) { ck_sum_squared_difference($1, a + start + $0, b + start + $0) }
        total += squares * Double(sampleWeights?[sample] ?? 1)
    }
    let y = Tensor.scalar(Float(total / Double(max(1, prediction.count))))
    guard records(prediction, target) else { return y }
    let saved = (prediction.detached(), target.detached())
    let needs = (prediction.requiresGradient, target.requiresGradient)
    return y.recorded(
        by: Node(inputs: [prediction, target]) { g in
            let slope = withoutGradients { subtract(saved.0, saved.1) }
            let factor = 2 * g.item() / Float(slope.count)
            for sample in 0..<samples {
                let base = slope.pointer + sample * size
                let scale = factor * (sampleWeights?[sample] ?? 1)
                Elementwise.ranges(size) { ck_affine($1, base + $0, scale, 0, base + $0) }
            }
            return [needs.0 ? slope : nil, needs.1 ? scaled(slope, by: -1) : nil]
        })
}

/// Mean over all elements of |prediction − target|.
package func meanAbsoluteError(_ prediction: Tensor, _ target: Tensor) -> Tensor {
    precondition(prediction.shape == target.shape, "meanAbsoluteError \(prediction.shape) \(target.shape)")
    let (a, b) = (prediction.pointer, target.pointer)
    let total = Elementwise.sum(prediction.count) { ck_sum_absolute_difference($1, a + $0, b + $0) }
    let y = Tensor.scalar(Float(total / Double(max(1, prediction.count))))
    guard records(prediction, target) else { return y }
    let saved = (prediction.detached(), target.detached())
    let needs = (prediction.requiresGradient, target.requiresGradient)
    return y.recorded(
        by: Node(inputs: [prediction, target]) { g in
            let slope = Tensor(uninitialized: saved.0.shape)
            let (a, b, out) = (saved.0.pointer, saved.1.pointer, slope.pointer)
            let factor = g.item() / Float(slope.count)
            Elementwise.ranges(slope.count) { ck_sign_difference($1, factor, a + $0, b + $0, out + $0) }
            return [needs.0 ? slope : nil, needs.1 ? scaled(slope, by: -1) : nil]
        })
}

/// Each vector of the last axis divided by its Euclidean length (at least 1e-12).
package func normalizeRows(_ x: Tensor) -> Tensor {
    let (width, count) = (x.channels, x.rowCount)
    let y = Tensor(uninitialized: x.shape)
    let inverse = Tensor(uninitialized: [count])
    for row in 0..<count {
        let source = x.pointer + row * width
        inverse.pointer[row] = Float(1 / max(ck_dot(width, source, source).squareRoot(), 1e-12))
        ck_affine(width, source, inverse.pointer[row], 0, y.pointer + row * width)
    }
    guard records(x) else { return y }
    let saved = y.detached()
    return y.recorded(
        by: Node(inputs: [x]) { g in
            // dx = (g − y ⟨y, g⟩) / |x|
            let dx = Tensor(uninitialized: g.shape)
            for row in 0..<count {
                let (unit, slope, out) = (
                    saved.pointer + row * width, g.pointer + row * width, dx.pointer + row * width
                )
                let length = inverse.pointer[row]
                ck_affine(width, slope, length, 0, out)
                ck_accumulate(width, -length * Float(ck_dot(width, unit, slope)), unit, out)
            }
            return [dx]
        })
}

/// Mean over rows of −log softmax(logits)[label].
///
/// - Parameters:
///   - logits: `[R, K]`.
///   - labels: R classes in 0..<K.
package func softmaxCrossEntropy(_ logits: Tensor, labels: [Int]) -> Tensor {
    precondition(logits.shape.count == 2 && labels.count == logits.shape[0], "\(labels.count) labels, \(logits.shape)")
    let (count, width) = (logits.shape[0], logits.shape[1])
    precondition(labels.allSatisfy { 0..<width ~= $0 }, "labels outside 0..<\(width)")
    let probabilities = logits.copied()
    let logSums = Tensor(uninitialized: [count])
    ck_softmax_rows(count, width, width, 1, 0, 0, probabilities.pointer, logSums.pointer)
    var total = 0.0
    for (row, label) in labels.enumerated() {
        total += Double(logSums.pointer[row]) - Double(logits.pointer[row * width + label])
    }
    let y = Tensor.scalar(Float(total / Double(max(1, count))))
    guard records(logits) else { return y }
    return y.recorded(
        by: Node(inputs: [logits]) { g in
            let slope = probabilities.copied()
            for (row, label) in labels.enumerated() { slope.pointer[row * width + label] -= 1 }
            return [scaled(slope, by: g.item() / Float(count))]
        })
}

private func total(_ x: Tensor, scale: Double) -> Tensor {
    let base = x.pointer
    let y = Tensor.scalar(Float(Elementwise.sum(x.count) { ck_sum($1, base + $0) } * scale))
    guard records(x) else { return y }
    let shape = x.shape
    return y.recorded(by: Node(inputs: [x]) { g in [.filled(g.item() * Float(scale), shape)] })
}
