import CKernels

/// x · σ(x).
package func silu(_ x: Tensor) -> Tensor { unary(CK_SILU, x) }
/// x · Φ(x), with the exact normal distribution function.
package func gelu(_ x: Tensor) -> Tensor { unary(CK_GELU, x) }
/// ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), which others call new, approximate or tanh GELU.
package func geluTanh(_ x: Tensor) -> Tensor { unary(CK_GELU_TANH, x) }
/// x · σ(1.702 x).
package func quickGelu(_ x: Tensor) -> Tensor { unary(CK_QUICK_GELU, x) }
/// max(x, 0).
package func relu(_ x: Tensor) -> Tensor { unary(CK_RELU, x) }
/// eˣ.
package func exponential(_ x: Tensor) -> Tensor { unary(CK_EXPONENTIAL, x) }
/// x².
package func square(_ x: Tensor) -> Tensor { unary(CK_SQUARE, x) }
/// |x|, with slope 0 at 0.
package func absolute(_ x: Tensor) -> Tensor { unary(CK_ABSOLUTE, x) }

/// min(max(x, low), high), with slope 1 inside and on the bounds.
package func clamp(_ x: Tensor, _ low: Float, _ high: Float) -> Tensor {
    let y = Tensor(uninitialized: x.shape)
    let (source, target) = (x.pointer, y.pointer)
    Elementwise.ranges(x.count, kind: .activation) { ck_clamp($1, source + $0, low, high, target + $0) }
    guard records(x) else { return y }
    let saved = x.detached()
    return y.recorded(
        by: Node(inputs: [x]) { g in
            let dx = Tensor(uninitialized: g.shape)
            let (source, slope, target) = (saved.pointer, g.pointer, dx.pointer)
            Elementwise.ranges(g.count, kind: .activation) {
                ck_clamp_backward($1, source + $0, slope + $0, low, high, target + $0)
            }
            return [dx]
        })
}

/// value · gelu(gate), where x `[..., 2c]` holds value before gate → `[..., c]`.
package func geglu(_ x: Tensor) -> Tensor {
    precondition(x.channels % 2 == 0, "geglu of \(x.shape)")
    let (width, rows) = (x.channels / 2, x.rowCount)
    let y = gegluPass(x)
    guard records(x) else { return y }
    let saved = x.detached()
    let recomputed = Recomputed.ifLarge(y) { gegluPass(saved) }
    return y.recorded(
        by: Node(inputs: [x]) { g in
            recomputed?.drop()
            let dx = Tensor(uninitialized: saved.shape)
            let (source, slope, target) = (saved.pointer, g.pointer, dx.pointer)
            Elementwise.rows(rows, width: 2 * width, kind: .activation) {
                ck_geglu_backward($1, width, source + $0 * 2 * width, slope + $0 * width, target + $0 * 2 * width)
            }
            return [dx]
        }, recomputed: recomputed)
}

private func gegluPass(_ x: Tensor) -> Tensor {
    let (width, rows) = (x.channels / 2, x.rowCount)
    let y = Tensor(uninitialized: x.shape.dropLast() + [width])
    let (source, target) = (x.pointer, y.pointer)
    Elementwise.rows(rows, width: 2 * width, kind: .activation) {
        ck_geglu($1, width, source + $0 * 2 * width, target + $0 * width)
    }
    return y
}

private func unary(_ kind: Int, _ x: Tensor) -> Tensor {
    let kind = Int32(kind)
    let y = unaryPass(kind, x)
    guard records(x) else { return y }
    let saved = x.detached()
    let recomputed = Recomputed.ifLarge(y) { unaryPass(kind, saved) }
    return y.recorded(
        by: Node(inputs: [x]) { g in
            recomputed?.drop()
            let dx = Tensor(uninitialized: g.shape)
            let (source, slope, target) = (saved.pointer, g.pointer, dx.pointer)
            Elementwise.ranges(g.count, kind: .activation) {
                ck_unary_backward(kind, $1, source + $0, slope + $0, target + $0)
            }
            return [dx]
        }, recomputed: recomputed)
}

private func unaryPass(_ kind: Int32, _ x: Tensor) -> Tensor {
    let y = Tensor(uninitialized: x.shape)
    let (source, target) = (x.pointer, y.pointer)
    Elementwise.ranges(x.count, kind: .activation) { ck_unary(kind, $1, source + $0, target + $0) }
    return y
}
