import CKernels

/// y = conv(x, weight) (+ bias), channels last.
///
/// - Parameters:
///   - x: `[N, H, W, I]`.
///   - weight: `[O, KH, KW, I]`.
///   - bias: `[O]`.
/// - Returns: `[N, (H + top + bottom − KH) / stride + 1, (W + left + right − KW) / stride + 1, O]`.
package func conv2d(_ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Padding) -> Tensor {
    let geometry = ConvolutionGeometry(
        x: x.shape, weight: weight.shape, stride: stride, padding: padding, precision: .current)
    precondition(bias == nil || bias!.shape == [geometry.outputs], "bias \(bias!.shape) for \(geometry.outputShape)")
    let y = Tensor(uninitialized: geometry.outputShape)
    geometry.forward(x, weight, bias: bias, into: y)
    guard records(x, weight, bias) else { return y }
    let needs = (x: x.requiresGradient, weight: weight.requiresGradient, bias: bias?.requiresGradient == true)
    // Only what a wanted gradient reads is kept.
    let saved = (x: needs.weight ? x.kept() : nil, weight: needs.x ? weight.detached() : nil)
    let node = Node(inputs: [x, weight] + [bias].compactMap { $0 }) { g in
        var gradients: [Tensor?] = [
            saved.weight.map { geometry.inputGradient(g, $0) }, saved.x.map { geometry.weightGradient(g, $0()) },
        ]
        if bias != nil { gradients.append(needs.bias ? columnSums(g) : nil) }
        return gradients
    }
    return y.recorded(by: node)
}
