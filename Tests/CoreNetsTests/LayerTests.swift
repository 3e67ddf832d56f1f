import CoreNets
import CoreTensor
import Testing

@Suite("Layers and module trees")
struct LayerTests {
    /// A pair of layers under a dotted name, as `to_out.0` is.
    private final class Pair: Module {
        let first = Linear(inputs: 3, outputs: 2)
        let second = Conv2d(inputs: 2, outputs: 2, kernel: 3, padding: Padding(1), bias: false)
        var className: String { "Pair" }
        var children: [(name: String, module: any Module)] { [("list.0", first), ("conv", second)] }
    }

    private final class Doubling: LayerAdapter, NormAdapter {
        func forward(_ x: Tensor, through layer: Linear, adding residual: Tensor?) -> Tensor {
            let y = scaled(layer.base(x), by: 2)
            return residual.map { add(y, $0) } ?? y
        }
        func forward(_ x: Tensor, through layer: Conv2d, adding residual: Tensor?) -> Tensor {
            let y = scaled(layer.base(x), by: 2)
            return residual.map { add(y, $0) } ?? y
        }
        func affine(weight: Tensor, bias: Tensor) -> (weight: Tensor, bias: Tensor) { (scaled(weight, by: 2), bias) }
    }

    @Test("paths, classes and modules are found in registration order")
    func tree() {
        let pair = Pair()
        #expect(pair.allParameters().map(\.path) == ["list.0.weight", "list.0.bias", "conv.weight"])
        #expect(pair.parameterCount == 6 + 2 + 36)
        #expect(pair.module(at: "list.0") === pair.first)
        #expect(pair.module(at: "list.1") == nil)
        var seen: [String] = []
        pair.visit { path, module in seen.append(path + ":" + module.className) }
        #expect(seen == [":Pair", "list.0:Linear", "conv:Conv2d"])
    }

    @Test("a convolution's weight goes to a file as [O, I, KH, KW] and comes back")
    func convolutionLayout() throws {
        let conv = Conv2d(inputs: 2, outputs: 3, kernel: 2, padding: Padding(0), bias: false)
        let file = (0..<24).map(Float.init)
        try conv.weight.load(fileShape: [3, 2, 2, 2], floats: file)
        #expect(conv.weight.fileValues().shape == [3, 2, 2, 2])
        #expect(conv.weight.fileValues().floats == file)
        // Output 1, row 0, column 1, input 1 stands at file index 1·8 + 1·4 + 0·2 + 1.
        #expect(conv.weight.tensor.values[8 + 2 + 1] == 13)
    }

    @Test("a matrix may come as a 1×1 convolution, and nothing else of another shape")
    func pointwiseShapes() throws {
        let linear = Linear(inputs: 2, outputs: 3, bias: false)
        let values = (0..<6).map(Float.init)
        try linear.weight.load(fileShape: [3, 2, 1, 1], floats: values)
        #expect(linear.weight.tensor.values == values)
        #expect(throws: NetsError.self) { try linear.weight.load(fileShape: [2, 3], floats: values) }
        #expect(throws: NetsError.self) { try linear.weight.load(fileShape: [3, 2, 1, 2], floats: values + values) }
    }

    @Test("an adapter stands between input and output; the residual is added once, after it")
    func adapters() {
        let linear = Linear(inputs: 3, outputs: 2)
        linear.initialize(seed: 1)
        let (x, residual) = (Tensor([1, 2, 3], [1, 3]), Tensor([10, 20], [1, 2]))
        let (plain, adapter) = (linear(x).values, Doubling())
        linear.adapter = adapter
        #expect(linear(x).values == plain.map { 2 * $0 })
        #expect(linear(x, adding: residual).values == zip(plain, residual.values).map { 2 * $0 + $1 })
        #expect(linear.base(x).values == plain)
        let norm = LayerNorm(channels: 3, epsilon: 1e-5)
        norm.initialize(seed: 1)
        let before = norm(x).values
        norm.adapter = adapter
        #expect(zip(norm(x).values, before).allSatisfy { abs($0 - 2 * $1) < 1e-6 })
    }

    @Test("a pointwise convolution is a matrix product for every pixel")
    func pointwiseConvolution() {
        let conv = Conv2d(inputs: 3, outputs: 2, kernel: 1, padding: Padding(0))
        conv.initialize(seed: 3)
        var stream = RandomStream(seed: 4, purpose: "test")
        let x = Tensor(uninitialized: [2, 2, 3, 3])
        stream.fillNormal(x)
        let fast = conv(x).values
        let general = conv2d(x, weight: conv.weight.tensor, bias: conv.bias?.tensor, padding: Padding(0)).values
        #expect(zip(fast, general).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test("only trainable weights get gradients; freezing drops them")
    func training() {
        let pair = Pair()
        pair.initialize(seed: 2)
        pair.setTrainable(true)
        sum(pair.first(Tensor([1, 2, 3], [1, 3]))).backward()
        #expect(pair.first.weight.tensor.gradient?.values == [1, 2, 3, 1, 2, 3])
        #expect(pair.second.weight.tensor.gradient == nil)
        pair.setTrainable(false)
        #expect(pair.first.weight.tensor.gradient == nil)
    }

    @Test("an average follows the weights slowly, and swapping twice restores both")
    func average() {
        let weights = Tensor([0, 0], [2])
        let average = ExponentialAverage([weights])
        weights.withMutableBuffer { $0.update(repeating: 1) }
        average.update(limit: 0.5)
        // The first update's decay is (1 + 0) / (10 + 0) = 0.1.
        #expect(average.values[0].values.allSatisfy { abs($0 - 0.9) < 1e-6 })
        average.swap()
        #expect(weights.values.allSatisfy { abs($0 - 0.9) < 1e-6 })
        average.swap()
        #expect(weights.values == [1, 1])
        #expect(ExponentialAverage.decay(update: 100_000, limit: 0.999) == 0.999)
    }
}
