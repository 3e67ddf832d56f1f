import CKernels

/// A 3×3 convolution of stride 1 by Winograd's F(4×4, 3×3): a quarter of the multiplications, and twice the
/// rounding error of the direct sum (about 1e-6 of the largest value at 320 channels).
///
/// Every split depends on the sizes only, so results do not depend on the number of threads.
///
/// - SeeAlso: Lavin and Gray, “Fast algorithms for convolutional neural networks”, arXiv:1509.09308.
struct WinogradConvolution {
    let geometry: ConvolutionGeometry

    /// Tiles transformed at a time when the filter is wide.
    private static let chunk = 256
    /// Up to this many floats a transformed filter is made once, and tiles are split among the threads.
    private static let narrowFilter = 1 << 20
    /// With fewer tiles, a block of a wide filter is kept small enough for the second-level cache; with more,
    /// wide enough that the tiles are not read too often.
    private static let manyTiles = 96

    /// Nil where the direct sum is better: other filters, few channels, or tiles that mostly lie outside the
    /// image.
    init?(_ geometry: ConvolutionGeometry) {
        guard geometry.kernelHeight == 3, geometry.kernelWidth == 3, geometry.stride == 1,
            geometry.inputs >= 8, geometry.outputs >= 8
        else { return nil }
        self.geometry = geometry
        let pixels = geometry.samples * geometry.outputHeight * geometry.outputWidth
        guard pixels > 0, 8 * Self.tiles(geometry.outputShape) <= pixels else { return nil }
    }

    private static func tiles(_ shape: [Int]) -> Int { shape[0] * ((shape[1] + 3) / 4) * ((shape[2] + 3) / 4) }

    private var operations: Int { 2 * geometry.outputShape.product * 9 * geometry.inputs }

    func forward(_ x: Tensor, _ weight: Tensor, bias: Tensor?, into y: Tensor) {
        OperationTimes.measure(.convolution, operations: operations) {
            withForward(x, weight, bias: bias, into: y) { run($0, tiles: Self.tiles(y.shape)) }
        }
    }

    /// dL/dx: the convolution of g by the filter turned around, inputs and outputs swapped.
    func inputGradient(_ g: Tensor, _ weight: Tensor, into dx: Tensor) {
        let (n, inputs) = (geometry, geometry.inputs)
        (0..<9).map { (8 - $0) * inputs }.withUnsafeBufferPointer { taps in
            let pass = CKWinograd(
                samples: n.samples, height: n.outputHeight, width: n.outputWidth, inputs: n.outputs,
                outHeight: n.height, outWidth: n.width, outputs: inputs, top: 2 - n.padding.top,
                left: 2 - n.padding.left, x: g.pointer, weight: weight.address, half: weight.halves,
                taps: taps.baseAddress!,
                depthStride: 9 * inputs, columnStride: 1, y: dx.pointer, bias: nil)
            OperationTimes.measure(.convolution, operations: operations) {
                withUnsafePointer(to: pass) { run($0, tiles: Self.tiles(dx.shape)) }
            }
        }
    }

    private func withForward(
        _ x: Tensor, _ weight: Tensor, bias: Tensor?, into y: Tensor, _ body: (UnsafePointer<CKWinograd>) -> Void
    ) {
        let n = geometry
        (0..<9).map { $0 * n.inputs }.withUnsafeBufferPointer { taps in
            let pass = CKWinograd(
                samples: n.samples, height: n.height, width: n.width, inputs: n.inputs, outHeight: n.outputHeight,
                outWidth: n.outputWidth, outputs: n.outputs, top: n.padding.top, left: n.padding.left, x: x.pointer,
                weight: weight.address, half: weight.halves, taps: taps.baseAddress!, depthStride: 1,
                columnStride: 9 * n.inputs,
                y: y.pointer, bias: bias.map { UnsafePointer($0.pointer) })
            withUnsafePointer(to: pass, body)
        }
    }

    private func run(_ pass: UnsafePointer<CKWinograd>, tiles: Int) {
        let (inputs, outputs) = (pass.pointee.inputs, pass.pointee.outputs)
        let panel = ck_winograd_panel()
        if ck_winograd_filter_floats(pass) <= Self.narrowFilter {
            let filter = Tensor(uninitialized: [ck_winograd_filter_floats(pass)])
            let base = filter.pointer
            Compute.blocks(outputs, of: panel) { ck_winograd_filter(pass, $1.lowerBound, $1.upperBound, base) }
            // Inputs and results of a part fill half of a second-level cache.
            let most = max(12, min(48, 100_000 / (36 * (inputs + outputs))))
            split(tiles, atMost: most) { ck_winograd_tiles(pass, base, $0, $1) }
            return
        }
        // Blocks of inputs are summed in order.
        let (columns, mostDepth) = tiles >= Self.manyTiles ? (roundUp(80, to: panel), 640) : (panel, 320)
        let blocks = (inputs + mostDepth - 1) / mostDepth
        let depth = (inputs + blocks - 1) / blocks
        let transformed = Tensor(uninitialized: [ck_winograd_floats(min(tiles, Self.chunk), inputs)])
        let base = transformed.pointer
        for first in stride(from: 0, to: tiles, by: Self.chunk) {
            let count = min(Self.chunk, tiles - first)
            split(count, atMost: 16) { ck_winograd_input(pass, first, count, $0, $1, base) }
            Compute.blocks(outputs, of: columns) {
                ck_winograd_columns(pass, base, first, count, $1.lowerBound, $1.upperBound, depth)
            }
        }
    }

    /// `body(first, last)` over an even number of nearly equal parts of 0..<count.
    private func split(_ count: Int, atMost size: Int, _ body: (Int, Int) -> Void) {
        let parts = min(count, ((count + size - 1) / size + 1) / 2 * 2)
        Compute.parallel(parts) { body(count * $0 / parts, count * ($0 + 1) / parts) }
    }

    /// dL/dweight.
    func weightGradient(_ g: Tensor, _ x: Tensor) -> Tensor {
        let dw = Tensor(uninitialized: geometry.weightShape)
        let tiles = Self.tiles(geometry.outputShape)
        // The weight itself is not read here.
        withForward(x, dw, bias: nil, into: g) { pass in
            if dw.count <= 1 << 18 {
                gradientInPieces(pass, g, tiles: tiles, into: dw)
            } else {
                gradientByRows(pass, g, tiles: tiles, into: dw)
            }
        }
        return dw
    }

    /// Every piece of the tiles gives a sum of its own; they are added in order.
    private func gradientInPieces(_ pass: UnsafePointer<CKWinograd>, _ g: Tensor, tiles: Int, into dw: Tensor) {
        let pieces = min(tiles, max(1, min(16, tiles / 16)))
        let partial = Tensor(uninitialized: [pieces, dw.count])
        let (base, size, slope) = (partial.pointer, dw.count, g.pointer)
        Compute.parallel(pieces) { piece in
            ck_winograd_piece(
                pass, slope, tiles * piece / pieces, tiles * (piece + 1) / pieces,
                pieces == 1 ? dw.pointer : base + piece * size)
        }
        guard pieces > 1 else { return }
        Compute.blocks(size, of: Elementwise.block) { _, range in
            let (start, count) = (range.lowerBound, range.count)
            for piece in 1..<pieces {
                let target = piece == pieces - 1 ? dw.pointer : base
                ck_add(count, base + start, base + piece * size + start, target + start)
            }
        }
    }

    /// Splits the result's rows; all tiles of a chunk are transformed first.
    private func gradientByRows(_ pass: UnsafePointer<CKWinograd>, _ g: Tensor, tiles: Int, into dw: Tensor) {
        let most = min(tiles, Self.chunk)
        let inputs = Tensor(uninitialized: [ck_winograd_floats(most, geometry.inputs)])
        let slopes = Tensor(uninitialized: [ck_winograd_floats(most, geometry.outputs)])
        let (v, z, slope, rows) = (inputs.pointer, slopes.pointer, g.pointer, 9 * geometry.inputs)
        for first in stride(from: 0, to: tiles, by: Self.chunk) {
            let count = min(Self.chunk, tiles - first)
            split(count, atMost: 16) {
                ck_winograd_input(pass, first, count, $0, $1, v)
                ck_winograd_slope(pass, slope, first, count, $0, $1, z)
            }
            Compute.blocks(geometry.outputs, of: 42) {
                ck_winograd_gradient(
                    pass, z, v, count, $1.lowerBound, $1.upperBound, first > 0 ? 1 : 0,
                    dw.pointer + $1.lowerBound * rows)
            }
        }
    }
}
