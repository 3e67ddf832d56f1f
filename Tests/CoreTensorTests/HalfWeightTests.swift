import CoreTensor
import Testing

/// Weights stored as half floats against the same values in f32.
struct HalfWeightTests {
    private func tensor(_ shape: [Int], _ purpose: String, scale: Float = 1, trains: Bool = true) -> Tensor {
        var random = RandomStream(seed: 5, purpose: purpose)
        let tensor = Tensor(uninitialized: shape)
        random.fillNormal(tensor)
        tensor.withMutableBuffer { buffer in for i in buffer.indices { buffer[i] *= scale } }
        tensor.requiresGradient = trains
        return tensor
    }

    @Test("conversion follows IEEE rounding, keeps what it can and says what it cannot")
    func conversion() {
        let exact: [Float] = [0, -0, 1, -2.5, 65504, 6.103515625e-5, 5.960464477539063e-8, -1.1920928955078125e-7]
        let kept = Tensor(exact, [2, 4]).halved()
        #expect(kept?.isHalf == true)
        #expect(kept?.values.map(\.bitPattern) == exact.map(\.bitPattern))
        #expect(Tensor([1, 0.1], [2]).halved() == nil)
        #expect(Tensor([1, 65520], [2]).halved() == nil)
        #expect(Tensor([1, .nan], [2]).halved() == nil)
        #expect(Tensor([1, 1e-9], [2]).halved() == nil)
        let many = tensor([70, 500], "conversion", scale: 0.01, trains: false)
        let rounded = many.halved(rounding: true)!.values
        let wanted = many.values.map { HalfFloat.value(ofHalf: HalfFloat.half($0)) }
        #expect(rounded.map(\.bitPattern) == wanted.map(\.bitPattern))
        #expect(many.halved() == nil)
    }

    @Test("linear", arguments: [(5, 37, 19), (300, 64, 8), (700, 530, 270), (64, 1030, 600)])
    func linearLayer(rows: Int, inputs: Int, outputs: Int) {
        let half = tensor([outputs, inputs], "linear", trains: false).halved(rounding: true)!
        let x = tensor([rows, inputs], "linear x", scale: 0.01)
        let results = [half, half.widened()].map { weight in
            x.gradient = nil
            let y = linear(x, weight: weight)
            y.backward(seed: y.detached())
            return (y, x.gradient!)
        }
        #expect(deviation(results[0].0, results[1].0) < 2e-6)
        #expect(deviation(results[0].1, results[1].1) < 2e-6)
    }

    @Test(
        "conv2d",
        arguments: [
            (9, 20, 3, 1), (12, 24, 3, 1), (17, 5, 3, 2), (40, 170, 3, 1), (33, 21, 1, 1), (16, 16, 5, 1),
        ])
    func convolution(inputs: Int, outputs: Int, kernel: Int, stride: Int) {
        let half = tensor([outputs, kernel, kernel, inputs], "conv", trains: false).halved(rounding: true)!
        let x = tensor([2, 11, 9, inputs], "conv x")
        let results = [half, half.widened()].map { weight in
            x.gradient = nil
            let y = conv2d(x, weight: weight, stride: stride, padding: Padding(kernel / 2))
            y.backward(seed: y.detached())
            return (y, x.gradient!)
        }
        #expect(deviation(results[0].0, results[1].0) < 2e-6)
        #expect(deviation(results[0].1, results[1].1) < 2e-6)
    }
}
