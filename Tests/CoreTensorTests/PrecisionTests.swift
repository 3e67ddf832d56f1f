import CoreTensor
import Testing

/// Layers under `Precision.bf16` against the f32 kernels on operands that were rounded before.
@Suite(.serialized)
struct PrecisionTests {
    private func tensor(_ shape: [Int], _ purpose: String) -> Tensor {
        var random = RandomStream(seed: 9, purpose: purpose)
        let tensor = Tensor(uninitialized: shape)
        random.fillNormal(tensor)
        return tensor
    }

    /// To nearest, ties to even; these numbers are all normal.
    private func rounded(_ x: Tensor) -> Tensor {
        Tensor(
            x.values.map { value in
                let bits = value.bitPattern
                return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
            }, x.shape)
    }

    private func trained(_ x: Tensor) -> Tensor {
        x.requiresGradient = true
        return x
    }

    /// A layer's result and both gradients, from operands as they are or rounded.
    private func results(
        _ x: Tensor, _ weight: Tensor, precision: Precision, _ layer: (Tensor, Tensor) -> Tensor
    ) -> [Tensor] {
        func operands() -> (Tensor, Tensor) {
            precision == .bf16 ? (x.detached(), weight.detached()) : (rounded(x), rounded(weight))
        }
        let (input, filter) = operands()
        return precision.apply {
            let y = layer(trained(input), trained(filter))
            let slope = tensor(y.shape, "slope")
            y.backward(seed: precision == .bf16 ? slope : rounded(slope))
            return [y.detached(), input.gradient ?? y, filter.gradient ?? y]
        }
    }

    @Test("linear", arguments: [(40, 37, 19), (300, 64, 32), (700, 530, 270), (64, 1030, 600), (1100, 96, 33)])
    func linearLayer(rows: Int, inputs: Int, outputs: Int) {
        let (x, weight) = (tensor([rows, inputs], "x"), tensor([outputs, inputs], "weight"))
        let residual = tensor([rows, outputs], "residual")
        let found = results(x, weight, precision: .bf16) { linear($0, weight: $1, adding: residual) }
        let wanted = results(x, weight, precision: .f32) { linear($0, weight: $1, adding: residual) }
        for (a, b) in zip(found, wanted) { #expect(deviation(a, b) < 3e-6) }
    }

    /// The filter's gradient is not rounded and has a bound of its own.
    @Test(
        "conv2d",
        arguments: [
            (32, 20, 3, 1), (24, 24, 3, 1), (17, 35, 3, 2), (40, 170, 3, 1), (33, 21, 1, 1), (16, 16, 5, 1),
            (18, 64, 3, 2),
        ])
    func convolution(inputs: Int, outputs: Int, kernel: Int, stride: Int) {
        let x = tensor([2, 11, 9, inputs], "x")
        let weight = tensor([outputs, kernel, kernel, inputs], "weight")
        let layer = { conv2d($0, weight: $1, stride: stride, padding: Padding(kernel / 2)) }
        let found = results(x, weight, precision: .bf16, layer)
        let wanted = results(x, weight, precision: .f32, layer)
        #expect(deviation(found[0], wanted[0]) < 6e-6)
        #expect(deviation(found[1], wanted[1]) < 6e-6)
        #expect(deviation(found[2], wanted[2]) < 6e-3)
    }

    /// Probabilities are rounded too, so the results are compared as a whole: bf16 keeps 8 bits.
    @Test(
        "attention",
        arguments: [
            (40, 77, 2, 40), (300, 300, 1, 80), (33, 45, 3, 32), (260, 600, 1, 160), (1, 1, 1, 64), (50, 70, 2, 16),
        ])
    func attentionLayer(queries: Int, keys: Int, heads: Int, size: Int) {
        let shapes = [queries, keys, keys].map { [2, $0, heads * size] }
        let inputs = zip(shapes, ["q", "k", "v"]).map { tensor($0, $1) }
        let slope = tensor(shapes[0], "slope")
        let results = [Precision.bf16, .f32].map { precision -> [Tensor] in
            let operands = inputs.map { trained($0.detached()) }
            return precision.apply {
                let y = attention(query: operands[0], key: operands[1], value: operands[2], heads: heads)
                y.backward(seed: slope)
                return [y.detached()] + operands.compactMap(\.gradient)
            }
        }
        #expect(results[0].count == 4)
        for (found, wanted) in zip(results[0], results[1]) {
            let (a, b) = (found.values, wanted.values)
            let squares = zip(a, b).reduce(into: (error: 0.0, all: 0.0)) {
                $0.error += Double(($1.0 - $1.1) * ($1.0 - $1.1))
                $0.all += Double($1.1 * $1.1)
            }
            // With one key the scores decide nothing.
            #expect(squares.error <= 6e-3 * 6e-3 * squares.all + (keys == 1 ? 1e-3 : 0))
        }
    }

    @Test("rounding happens, and only inside")
    func scope() {
        let (x, weight) = (tensor([64, 80], "x"), tensor([48, 80], "weight"))
        let before = linear(x, weight: weight)
        let inside = Precision.bf16.apply { () -> Tensor in
            #expect(Precision.f32.apply { linear(x, weight: weight) }.values == before.values)
            return linear(x, weight: weight)
        }
        #expect(linear(x, weight: weight).values == before.values)
        let difference = deviation(inside, before)
        #expect(difference > 1e-4 && difference < 2e-2)
    }

    @Test(
        "weights that stay packed give the same bits, packed anew when they change", arguments: [false, true],
        Precision.allCases)
    func keptPanels(halves: Bool, precision: Precision) {
        func weight(_ shape: [Int], _ purpose: String) -> Tensor {
            let weight = tensor(shape, purpose)
            return halves ? weight.halved(rounding: true)! : weight
        }
        let images = [tensor([1, 40, 40, 96], "x"), tensor([2, 9, 7, 96], "small x")]
        let rows = [tensor([1500, 200], "rows"), tensor([3, 200], "few rows"), tensor([64, 200], "some rows")]
        let (filter, point) = (weight([160, 3, 3, 96], "filter"), weight([160, 1, 1, 96], "point"))
        let matrices = [weight([330, 200], "matrix"), weight([40, 200], "short matrix")]
        // Deeper than one block of a product, with columns that fill no panel.
        let (deep, long) = (weight([75, 700], "deep"), tensor([90, 700], "long rows"))
        let (up, down) = (tensor([75, 8], "up"), tensor([8, 700], "down"))
        func results() -> [[UInt32]] {
            let convolved = images.flatMap { x in
                [conv2d(x, weight: filter, padding: Padding(1)), conv2d(x, weight: point, padding: Padding(0))]
            }
            let products = rows.flatMap { x in matrices.map { CoreTensor.linear(x, weight: $0) } }
            let gradients = [linear(_:), lowRank(_:)].map { layer in
                let x = long.ownLeaf()
                let y = layer(x)
                y.backward(seed: y.detached())
                return x.gradient ?? .zeros([])
            }
            func linear(_ x: Tensor) -> Tensor { CoreTensor.linear(x, weight: deep) }
            func lowRank(_ x: Tensor) -> Tensor { CoreTensor.linear(x, weight: deep, up: up, down: down) }
            return (convolved + products + gradients).map { $0.values.map(\.bitPattern) }
        }
        let wanted = precision.apply(results)
        precision.apply {
            Precision.keepingPanels {
                for _ in 0..<2 { #expect(results() == wanted) }
            }
        }
        guard !halves else { return }
        let all = [filter, point, deep] + matrices
        for tensor in all { tensor.withMutableBuffer { $0[$0.count / 2] += 1 } }
        let changed = precision.apply(results)
        #expect(changed != wanted)
        #expect(precision.apply { Precision.keepingPanels(results) } == changed)
        for tensor in all { tensor.dropPanels() }
        #expect(precision.apply { Precision.keepingPanels(results) } == changed)
    }

    @Test("sums do not depend on the number of threads")
    func threads() {
        let before = Compute.threads
        defer { Compute.configure(threads: before) }
        let (x, weight) = (tensor([1, 40, 40, 96], "x"), tensor([160, 3, 3, 96], "weight"))
        let (rows, matrix) = (tensor([1500, 200], "rows"), tensor([330, 200], "matrix"))
        let results = [1, 2, 3].map { threads -> [[Float]] in
            Compute.configure(threads: threads)
            return Precision.bf16.apply {
                [conv2d(x, weight: weight, padding: Padding(1)).values, linear(rows, weight: matrix).values]
            }
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }
}
