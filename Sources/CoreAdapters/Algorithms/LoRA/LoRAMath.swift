package import CoreTensor

/// LoRA weight update ΔW = scale · up · down.
///
/// - Parameters:
///   - up: `[out, r]`, zero at the start.
///   - down: `[r, columns]`.
///   - scale: α / r.
/// - Returns: `[out, columns]`, of rank r at most.
/// - SeeAlso: Hu et al., “LoRA”, ICLR 2022, arXiv:2106.09685.
package func loraDelta(up: Tensor, down: Tensor, scale: Float) -> Tensor {
    matmul(scale == 1 ? up : scaled(up, by: scale), down)
}

/// A factor of a k×k convolution kept as a Tucker product, as one matrix: `[r, taps, in]` = core · down.
///
/// - Parameters:
///   - core: `[r, taps, r]`: `lora_mid`, `hada_t*`, `lokr_t2`.
///   - down: `[r, in]`.
/// - Returns: `[r, taps · in]`.
package func tuckerDown(core: Tensor, down: Tensor) -> Tensor {
    let (rank, taps) = (core.shape[0], core.shape[1])
    let product = matmul(core.reshaped([rank * taps, core.shape[2]]), down)  // [r·taps, in]
    return product.reshaped([rank, taps * down.shape[1]])
}
