import CKernels

/// exp(x) / Σ exp(x) over the last axis.
package func softmax(_ x: Tensor) -> Tensor {
    let (width, rows) = (x.channels, x.rowCount)
    let y = Tensor(uninitialized: x.shape)
    y.pointer.update(from: x.pointer, count: x.count)
    let target = y.pointer
    Elementwise.rows(rows, width: width, kind: .activation) {
        ck_softmax_rows($1, width, width, 1, 0, 0, target + $0 * width, nil)
    }
    guard records(x) else { return y }
    let saved = y.detached()
    return y.recorded(
        by: Node(inputs: [x]) { g in
            let dx = Tensor(uninitialized: g.shape)
            let (share, slope, target) = (saved.pointer, g.pointer, dx.pointer)
            Elementwise.rows(rows, width: width, kind: .activation) {
                ck_softmax_backward($1, width, share + $0 * width, slope + $0 * width, target + $0 * width)
            }
            return [dx]
        })
}
