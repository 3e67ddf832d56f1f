import CKernels

/// One AdamW update of a tensor, in a single pass over parameter, gradient and both moments:
/// m ← m + rest1 (g − m), v ← beta2 v + rest2 g², p ← p · decay − rate · m / (√v · scale + ε).
package struct AdamWUpdate {
    package let rest1, beta2, rest2, epsilon, decay, rate, scale: Float

    package init(
        rest1: Float, beta2: Float, rest2: Float, epsilon: Float, decay: Float, rate: Float, scale: Float
    ) {
        (self.rest1, self.beta2, self.rest2, self.epsilon) = (rest1, beta2, rest2, epsilon)
        (self.decay, self.rate, self.scale) = (decay, rate, scale)
    }

    /// Changes the parameter and both moments in place; all four tensors have one shape.
    package func apply(to parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor) {
        precondition(
            gradient.count == parameter.count && first.count == parameter.count && second.count == parameter.count,
            "an update of \(parameter.shape) by \(gradient.shape)")
        let constants = CKAdamW(
            rest1: rest1, beta2: beta2, rest2: rest2, epsilon: epsilon, decay: decay, rate: rate, scale: scale)
        withUnsafePointer(to: constants) { constants in
            withElements(gradient.reading, parameter.writing, first.writing, second.writing) { slope, p, m, v in
                Elementwise.ranges(parameter.count, kind: .optimizer) {
                    ck_adamw($1, constants, slope + $0, p + $0, m + $0, v + $0)
                }
            }
        }
    }
}
