package import CoreTensor

/// Something that changes what a linear or convolution layer computes; set as the layer's `adapter`.
///
/// The adapter calls `layer.base(x)` for the frozen part, or computes the whole from `layer.weight`.
package protocol LayerAdapter: AnyObject {
    /// - Parameters:
    ///   - x: `[..., in]`.
    ///   - residual: `[..., out]`, added to the result.
    /// - Returns: `[..., out]`.
    func forward(_ x: Tensor, through layer: Linear, adding residual: Tensor?) -> Tensor
    /// - Parameters:
    ///   - x: `[N, H, W, I]`.
    ///   - residual: `[N, H', W', O]`, added to the result.
    /// - Returns: `[N, H', W', O]`.
    func forward(_ x: Tensor, through layer: Conv2d, adding residual: Tensor?) -> Tensor
}
