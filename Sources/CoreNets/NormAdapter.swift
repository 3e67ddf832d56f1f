package import CoreTensor

/// Something that changes the scale and shift of a normalisation layer; set as the layer's `adapter`.
package protocol NormAdapter: AnyObject {
    /// The scale and shift to use in place of the layer's own; both `[C]`.
    func affine(weight: Tensor, bias: Tensor) -> (weight: Tensor, bias: Tensor)
}
