import CKernels

/// a + b, element by element.
package func add(_ a: Tensor, _ b: Tensor) -> Tensor {
    let y = combine(a, b, ck_add)
    guard records(a, b) else { return y }
    return y.recorded(by: Node(inputs: [a, b]) { g in [g, g] })
}

/// a + b into the memory of a, where no gradient is recorded.
///
/// - Parameter a: a result that the caller alone holds; afterwards it is the sum.
package func add(into a: Tensor, _ b: Tensor) -> Tensor {
    guard !records(a, b) else { return add(a, b) }
    precondition(a.shape == b.shape, "shapes \(a.shape) and \(b.shape) differ")
    let (target, right) = (a.pointer, b.pointer)
    Elementwise.ranges(a.count) { ck_add($1, target + $0, right + $0, target + $0) }
    return a
}

/// a − b, element by element.
package func subtract(_ a: Tensor, _ b: Tensor) -> Tensor {
    let y = combine(a, b, ck_subtract)
    guard records(a, b) else { return y }
    let needsB = b.requiresGradient
    return y.recorded(by: Node(inputs: [a, b]) { g in [g, needsB ? scaled(g, by: -1) : nil] })
}

/// a · b, element by element.
package func multiply(_ a: Tensor, _ b: Tensor) -> Tensor {
    let y = combine(a, b, ck_multiply)
    guard records(a, b) else { return y }
    let saved = (a: b.requiresGradient ? a.detached() : nil, b: a.requiresGradient ? b.detached() : nil)
    return y.recorded(
        by: Node(inputs: [a, b]) { g in
            [saved.b.map { combine(g, $0, ck_multiply) }, saved.a.map { combine(g, $0, ck_multiply) }]
        })
}

/// factor · x.
package func scaled(_ x: Tensor, by factor: Float) -> Tensor {
    let y = affine(x, scale: factor, offset: 0)
    guard records(x) else { return y }
    return y.recorded(by: Node(inputs: [x]) { g in [affine(g, scale: factor, offset: 0)] })
}

/// x + constant.
package func adding(_ x: Tensor, constant: Float) -> Tensor {
    let y = affine(x, scale: 1, offset: constant)
    guard records(x) else { return y }
    return y.recorded(by: Node(inputs: [x]) { g in [g] })
}

private typealias Combination = (
    Int, UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>
) -> Void

private func combine(_ a: Tensor, _ b: Tensor, _ kernel: Combination) -> Tensor {
    precondition(a.shape == b.shape, "shapes \(a.shape) and \(b.shape) differ")
    let y = Tensor(uninitialized: a.shape)
    let (left, right, target) = (a.pointer, b.pointer, y.pointer)
    Elementwise.ranges(a.count) { kernel($1, left + $0, right + $0, target + $0) }
    return y
}

private func affine(_ x: Tensor, scale: Float, offset: Float) -> Tensor {
    let y = Tensor(uninitialized: x.shape)
    let (source, target) = (x.pointer, y.pointer)
    Elementwise.ranges(x.count) { ck_affine($1, source + $0, scale, offset, target + $0) }
    return y
}
