import CKernels

/// The sizes of one convolution and its three products. Where `WinogradConvolution` does not take them, the
/// kernels read the rows of the left operand from the image, tap by tap, without copying patches.
struct ConvolutionGeometry {
    let samples, height, width, inputs: Int
    let outputs, kernelHeight, kernelWidth: Int
    let outputHeight, outputWidth: Int
    let stride: Int
    let padding: Padding
    let precision: Precision

    init(x: [Int], weight: [Int], stride: Int, padding: Padding, precision: Precision = .f32) {
        precondition(x.count == 4 && weight.count == 4 && x[3] == weight[3], "conv2d of \(x) by \(weight)")
        (samples, height, width, inputs) = (x[0], x[1], x[2], x[3])
        (outputs, kernelHeight, kernelWidth) = (weight[0], weight[1], weight[2])
        let roomHeight = height + padding.top + padding.bottom - kernelHeight
        let roomWidth = width + padding.left + padding.right - kernelWidth
        precondition(stride > 0 && roomHeight >= 0 && roomWidth >= 0, "conv2d of \(x) by \(weight) with \(padding)")
        outputHeight = roomHeight / stride + 1
        outputWidth = roomWidth / stride + 1
        self.stride = stride
        self.padding = padding
        self.precision = precision
    }

    var inputShape: [Int] { [samples, height, width, inputs] }
    var weightShape: [Int] { [outputs, kernelHeight, kernelWidth, inputs] }
    var outputShape: [Int] { [samples, outputHeight, outputWidth, outputs] }
    private var isPointwise: Bool { kernelHeight == 1 && kernelWidth == 1 && stride == 1 && padding == Padding(0) }
    private var taps: Int { kernelHeight * kernelWidth }
    /// Whether operands are rounded to bf16: then no product is Winograd's.
    var isNarrow: Bool { precision.narrows(columns: min(inputs, outputs), depth: min(inputs, outputs)) }
    private var outputPixels: Int { samples * outputHeight * outputWidth }

    /// Output pixel (y, x) reads input pixel (y · stride + ky − top, x · stride + kx − left) for each tap
    /// (ky, kx).
    func forward(_ x: Tensor, _ weight: Tensor, bias: Tensor?, into y: Tensor) {
        if isPointwise {
            return Product.run(
                rows: outputPixels, columns: outputs, depth: inputs, .init(base: x.pointer, stride: inputs),
                weight.reshaped([outputs, inputs]).matrix(transposed: true, keeper: weight.keeper),
                into: .init(base: y.pointer, stride: outputs), bias: bias?.pointer, in: precision)
        }
        if !isNarrow, let fast = WinogradConvolution(self) { return fast.forward(x, weight, bias: bias, into: y) }
        let narrow = isNarrow && inputs % 2 == 0 ? Precision.narrowed(x) : nil
        withForwardPixels { pixels in
            (0..<taps).map { $0 * inputs }.withUnsafeBufferPointer { weightOffsets in
                let product = CKProduct(
                    columns: outputs, taps: taps, depth: inputs, a: x.pointer, aNarrow: narrow?.halves,
                    aStride: inputs, pixels: pixels,
                    b: weight.address, bHalf: weight.halves, bPacked: nil, bPanels: nil,
                    bTaps: weightOffsets.baseAddress,
                    bDepthStride: 1, bColumnStride: taps * inputs, c: y.pointer, cStride: outputs, add: nil,
                    bias: bias?.pointer)
                OperationTimes.measure(.convolution, operations: 2 * outputPixels * taps * inputs * outputs) {
                    Product.run(product, rows: outputPixels, isNarrow: isNarrow, keeper: weight.keeper)
                }
            }
        }
    }

    /// dL/dx: for each phase of the stride, a convolution of g by the taps that reach it, outputs and inputs
    /// swapped.
    func inputGradient(_ g: Tensor, _ weight: Tensor) -> Tensor {
        let dx = Tensor(uninitialized: inputShape)
        if isPointwise {
            Product.run(
                rows: outputPixels, columns: inputs, depth: outputs, .init(base: g.pointer, stride: outputs),
                weight.reshaped([outputs, inputs]).matrix(),
                into: .init(base: dx.pointer, stride: inputs), in: precision)
            return dx
        }
        if !isNarrow, let fast = WinogradConvolution(self) {
            fast.inputGradient(g, weight, into: dx)
            return dx
        }
        let narrow = isNarrow && outputs % 2 == 0 ? Precision.narrowed(g) : nil
        for phaseY in 0..<min(stride, height) {
            for phaseX in 0..<min(stride, width) {
                inputGradient(g, narrow, weight, phaseY, phaseX, into: dx)
            }
        }
        return dx
    }

    private func inputGradient(
        _ g: Tensor, _ narrow: Storage?, _ weight: Tensor, _ phaseY: Int, _ phaseX: Int, into dx: Tensor
    ) {
        // Input pixel y = phase + stride · y' gets tap ky from output pixel y' + (phase + top − ky) / stride.
        var (offsetsY, offsetsX, weightOffsets): ([Int], [Int], [Int]) = ([], [], [])
        for ky in 0..<kernelHeight where (phaseY + padding.top - ky) % stride == 0 {
            for kx in 0..<kernelWidth where (phaseX + padding.left - kx) % stride == 0 {
                offsetsY.append((phaseY + padding.top - ky) / stride)
                offsetsX.append((phaseX + padding.left - kx) / stride)
                weightOffsets.append((ky * kernelWidth + kx) * inputs)
            }
        }
        if weightOffsets.isEmpty {
            // No tap reaches this phase: a tap that only ever reads zeros.
            (offsetsY, offsetsX, weightOffsets) = ([outputHeight + height], [0], [0])
        }
        let (gridHeight, gridWidth) = ((height - phaseY - 1) / stride + 1, (width - phaseX - 1) / stride + 1)
        let count = weightOffsets.count
        (offsetsY + offsetsX + weightOffsets).withUnsafeBufferPointer { offsets in
            let first = offsets.baseAddress!
            let pixels = CKPixels(
                gridHeight: gridHeight, gridWidth: gridWidth, height: outputHeight, width: outputWidth, step: 1,
                offsetY: first, offsetX: first + count, targetHeight: height, targetWidth: width, targetStep: stride,
                targetY: phaseY, targetX: phaseX)
            withUnsafePointer(to: pixels) { pixels in
                let product = CKProduct(
                    columns: inputs, taps: count, depth: outputs, a: g.pointer, aNarrow: narrow?.halves,
                    aStride: outputs, pixels: pixels,
                    b: weight.address, bHalf: weight.halves, bPacked: nil, bPanels: nil, bTaps: first + 2 * count,
                    bDepthStride: taps * inputs, bColumnStride: 1, c: dx.pointer, cStride: inputs, add: nil, bias: nil)
                let rows = samples * gridHeight * gridWidth
                OperationTimes.measure(.convolution, operations: 2 * rows * count * inputs * outputs) {
                    Product.run(product, rows: rows, isNarrow: isNarrow)
                }
            }
        }
    }

    /// dL/dweight: per tap, gᵀ times the input pixels that the tap read.
    func weightGradient(_ g: Tensor, _ x: Tensor) -> Tensor {
        OperationTimes.measure(.weightGradient, operations: 2 * outputPixels * taps * inputs * outputs) {
            products(g, x)
        }
    }

    private func products(_ g: Tensor, _ x: Tensor) -> Tensor {
        if let fast = WinogradConvolution(self) { return fast.weightGradient(g, x) }
        let dw = Tensor(uninitialized: weightShape)
        if isPointwise {
            TransposedProduct(
                m: outputs, n: inputs, rows: outputPixels, a: g.pointer, b: x.pointer, pixels: nil, taps: 1,
                isNarrow: isNarrow
            ).run(into: dw)
            return dw
        }
        withForwardPixels { pixels in
            TransposedProduct(
                m: outputs, n: inputs, rows: outputPixels, a: g.pointer, b: x.pointer, pixels: pixels, taps: taps
            ).run(into: dw)
        }
        return dw
    }

    private func withForwardPixels(_ body: (UnsafePointer<CKPixels>) -> Void) {
        let offsetsY = (0..<taps).map { $0 / kernelWidth - padding.top }
        let offsetsX = (0..<taps).map { $0 % kernelWidth - padding.left }
        (offsetsY + offsetsX).withUnsafeBufferPointer { offsets in
            let first = offsets.baseAddress!
            let pixels = CKPixels(
                gridHeight: outputHeight, gridWidth: outputWidth, height: height, width: width, step: stride,
                offsetY: first, offsetX: first + taps, targetHeight: outputHeight, targetWidth: outputWidth,
                targetStep: 1, targetY: 0, targetX: 0)
            withUnsafePointer(to: pixels, body)
        }
    }
}
