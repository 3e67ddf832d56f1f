package import CoreTensor

/// What an update needs to add its share to a layer's output without building ΔW.
package struct BypassCall {
    /// `[..., in]`, or `[N, H, W, I]` for a convolution.
    package let x: Tensor
    /// The layer's output so far.
    package let y: Tensor
    package let geometry: LayerGeometry
    package let stride: Int
    package let padding: Padding
    /// Factor of each output row of ΔW; nil for 1.
    package let rowScale: [Float]?
    /// Applied to the rank activations (dropout); nil for none.
    package let onRank: ((Tensor) -> Tensor)?

    package init(
        x: Tensor, y: Tensor, geometry: LayerGeometry, stride: Int = 1, padding: Padding = Padding(0),
        rowScale: [Float]? = nil, onRank: ((Tensor) -> Tensor)? = nil
    ) {
        self.x = x
        self.y = y
        self.geometry = geometry
        self.stride = stride
        self.padding = padding
        self.rowScale = rowScale
        self.onRank = onRank
    }

    /// The layer's geometry applied to another weight `[outputs, columns]`, added to `residual` if there is
    /// one.
    func apply(_ weight: Tensor, to x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        Self.apply(weight, to: x, geometry, stride, padding, adding: residual)
    }

    private static func apply(
        _ weight: Tensor, to x: Tensor, _ geometry: LayerGeometry, _ stride: Int, _ padding: Padding,
        adding residual: Tensor? = nil
    ) -> Tensor {
        if geometry.kind == .linear || (geometry.kernel == 1 && stride == 1 && padding == Padding(0)) {
            return linear(x, weight: weight, adding: residual)
        }
        let side = geometry.kernel
        let filter = weight.reshaped([weight.shape[0], side, side, weight.shape[1] / (side * side)])
        let result = conv2d(x, weight: filter, stride: stride, padding: padding)
        return residual.map { add($0, result) } ?? result
    }

    /// y + up · (down x).
    ///
    /// - Parameters:
    ///   - up: `[outputs, R]`.
    ///   - down: `[R, columns]`.
    func lowRank(up: Tensor, down: Tensor) -> Tensor {
        let activations = apply(down, to: x)  // [..., R]
        let kept = onRank.map { $0(activations) } ?? activations
        return linear(kept, weight: rowScale.map { scaleSamples(up, $0) } ?? up, adding: y)
    }

    /// y itself, which was computed with W + ΔW: only the gradients of the factors are left to take, as
    /// rank-R products instead of the gradient of the whole weight.
    package func lowRankGradient(up: Tensor, down: Tensor) -> Tensor {
        let (input, upper) = (x.kept(), up.detached())
        // `self` would keep x and y until then.
        let (geometry, stride, padding) = (geometry, stride, padding)
        return Tensor.custom(y.detached(), inputs: [y, up, down]) { gradient in
            // A graph of its own for the one product with `down`; dL/d(down x) = dL/dy · up.
            let lower = down.ownLeaf()
            let activations = Self.apply(lower, to: input(), geometry, stride, padding)
            let rows = gradient.count / upper.shape[0]
            let (slope, onUp) = withoutGradients {
                let flat = gradient.reshaped([rows, upper.shape[0]])
                return (
                    matmul(flat, upper),
                    matmul(flat, activations.detached().reshaped([rows, upper.shape[1]]), transposeA: true)
                )
            }
            activations.backward(seed: slope.reshaped(activations.shape))
            return [gradient, onUp, lower.gradient]
        }
    }
}
