import CKernels

/// y = conv(x, weight) (+ bias), channels last.
///
/// - Parameters:
///   - x: `[N, H, W, I]`.
///   - weight: `[O, KH, KW, I]`.
///   - bias: `[O]`.
/// - Returns: `[N, (H + top + bottom − KH) / stride + 1, (W + left + right − KW) / stride + 1, O]`.
package func conv2d(_ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Padding) -> Tensor {
    let geometry = ConvolutionGeometry(x: x.shape, weight: weight.shape, stride: stride, padding: padding)
    let y = Tensor(uninitialized: geometry.outputShape)
    if let bias { fillRows(y, with: bias) }
    geometry.forward(x.pointer, weight.pointer, beta: bias == nil ? 0 : 1, into: y.pointer)
    guard records(x, weight, bias) else { return y }
    let saved = (x: x.detached(), weight: weight.detached())
    let needs = (x: x.requiresGradient, weight: weight.requiresGradient, bias: bias?.requiresGradient == true)
    let node = Node(inputs: [x, weight] + [bias].compactMap { $0 }) { g in
        var gradients: [Tensor?] = [nil, nil]
        if needs.x {
            let dx = Tensor.zeros(saved.x.shape)
            geometry.backwardData(g.pointer, saved.weight.pointer, into: dx.pointer)
            gradients[0] = dx
        }
        if needs.weight {
            let dw = Tensor.zeros(saved.weight.shape)
            geometry.backwardWeights(g.pointer, saved.x.pointer, into: dw.pointer)
            gradients[1] = dw
        }
        if bias != nil { gradients.append(needs.bias ? columnSums(g) : nil) }
        return gradients
    }
    return y.recorded(by: node)
}

/// The sizes of one convolution and its three products.
struct ConvolutionGeometry {
    let samples, height, width, inputs: Int
    let outputs, kernelHeight, kernelWidth: Int
    let outputHeight, outputWidth: Int
    let stride: Int
    let padding: Padding

    init(x: [Int], weight: [Int], stride: Int, padding: Padding) {
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
    }

    var outputShape: [Int] { [samples, outputHeight, outputWidth, outputs] }
    /// Length of a patch.
    private var patch: Int { kernelHeight * kernelWidth * inputs }
    private var isPointwise: Bool { kernelHeight == 1 && kernelWidth == 1 && stride == 1 && padding == Padding(0) }

    func forward(
        _ x: UnsafeMutablePointer<Float>, _ weight: UnsafeMutablePointer<Float>, beta: Float,
        into y: UnsafeMutablePointer<Float>
    ) {
        let filter = BLAS.Matrix(base: weight, stride: patch, transposed: true)
        if isPointwise {
            return BLAS.multiply(
                m: samples * height * width, n: outputs, k: inputs, .init(base: x, stride: inputs), filter, beta: beta,
                into: .init(base: y, stride: outputs))
        }
        forEachTile { sample, rows, columns in
            im2col(x, sample: sample, rows: rows, into: columns)
            let first = (sample * outputHeight + rows.lowerBound) * outputWidth
            BLAS.serial(
                m: rows.count * outputWidth, n: outputs, k: patch, .init(base: columns, stride: patch), filter,
                beta: beta, into: .init(base: y + first * outputs, stride: outputs))
        }
    }

    func backwardData(
        _ g: UnsafeMutablePointer<Float>, _ weight: UnsafeMutablePointer<Float>, into dx: UnsafeMutablePointer<Float>
    ) {
        Compute.parallel(samples) { sample in
            let columns = ck_scratch(Int32(CK_SCRATCH_CALLER), tileRows * outputWidth * patch * 4)
            for begin in Swift.stride(from: 0, to: outputHeight, by: tileRows) {
                let rows = begin..<min(begin + tileRows, outputHeight)
                let first = (sample * outputHeight + begin) * outputWidth
                BLAS.serial(
                    m: rows.count * outputWidth, n: patch, k: outputs,
                    .init(base: g + first * outputs, stride: outputs), .init(base: weight, stride: patch),
                    into: .init(base: columns, stride: patch))
                ck_col2im(
                    columns, height, width, inputs, kernelHeight, kernelWidth, stride, padding.top, padding.left,
                    outputWidth, rows.lowerBound, rows.upperBound, dx + sample * height * width * inputs)
            }
        }
    }

    func backwardWeights(
        _ g: UnsafeMutablePointer<Float>, _ x: UnsafeMutablePointer<Float>, into dw: UnsafeMutablePointer<Float>
    ) {
        let columns = ck_scratch(Int32(CK_SCRATCH_CALLER), tileRows * outputWidth * patch * 4)
        for sample in 0..<samples {
            for begin in Swift.stride(from: 0, to: outputHeight, by: tileRows) {
                let rows = begin..<min(begin + tileRows, outputHeight)
                im2col(x, sample: sample, rows: rows, into: columns)
                let first = (sample * outputHeight + begin) * outputWidth
                BLAS.multiply(
                    m: outputs, n: patch, k: rows.count * outputWidth,
                    .init(base: g + first * outputs, stride: outputs, transposed: true),
                    .init(base: columns, stride: patch), beta: 1, into: .init(base: dw, stride: patch))
            }
        }
    }

    /// Output rows whose patches fill about half a megabyte.
    private var tileRows: Int { max(1, min(outputHeight, 131072 / max(1, patch * outputWidth))) }

    private func im2col(
        _ x: UnsafeMutablePointer<Float>, sample: Int, rows: Range<Int>, into columns: UnsafeMutablePointer<Float>
    ) {
        ck_im2col(
            x + sample * height * width * inputs, height, width, inputs, kernelHeight, kernelWidth, stride, padding.top,
            padding.left, outputWidth, rows.lowerBound, rows.upperBound, columns)
    }

    private func forEachTile(
        _ body: (_ sample: Int, _ rows: Range<Int>, _ columns: UnsafeMutablePointer<Float>) -> Void
    ) {
        let tiles = (outputHeight + tileRows - 1) / tileRows
        Compute.parallel(samples * tiles) { part in
            let columns = ck_scratch(Int32(CK_SCRATCH_CALLER), tileRows * outputWidth * patch * 4)
            let begin = part % tiles * tileRows
            body(part / tiles, begin..<min(begin + tileRows, outputHeight), columns)
        }
    }
}
