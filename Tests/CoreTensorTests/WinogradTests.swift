import CoreTensor
import Testing

/// 3×3 convolutions of stride 1 against plain loops in f64: every result, and gradients at places drawn by a
/// seed.
struct WinogradTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let samples, height, width, inputs, outputs: Int
        var padding = Padding(1)
        var scale: Float = 1

        var testDescription: String {
            "\(samples)×\(height)×\(width), \(inputs) → \(outputs), scale \(scale), padding \(padding)"
        }
        var outputHeight: Int { height + padding.top + padding.bottom - 2 }
        var outputWidth: Int { width + padding.left + padding.right - 2 }

        func image(_ n: Int, _ y: Int, _ x: Int) -> Int? {
            y >= 0 && y < height && x >= 0 && x < width ? ((n * height + y) * width + x) * inputs : nil
        }
        func result(_ n: Int, _ y: Int, _ x: Int) -> Int? {
            y >= 0 && y < outputHeight && x >= 0 && x < outputWidth
                ? ((n * outputHeight + y) * outputWidth + x) * outputs : nil
        }
    }

    static let cases = [
        Case(samples: 3, height: 13, width: 10, inputs: 9, outputs: 17),
        Case(samples: 2, height: 12, width: 15, inputs: 24, outputs: 8, scale: 0.01),
        Case(samples: 1, height: 9, width: 11, inputs: 16, outputs: 40, padding: Padding(0)),
        Case(
            samples: 2, height: 10, width: 9, inputs: 8, outputs: 33,
            padding: Padding(top: 0, left: 2, bottom: 1, right: 0)),
        // Wide filters: few tiles, several blocks of depth, more tiles than are transformed at a time.
        Case(samples: 1, height: 7, width: 6, inputs: 200, outputs: 170),
        Case(samples: 1, height: 28, width: 28, inputs: 330, outputs: 100, scale: 0.01),
        Case(samples: 5, height: 30, width: 29, inputs: 130, outputs: 250),
    ]

    @Test("result and gradients equal sums in f64", arguments: cases)
    func equalsSums(c: Case) {
        var random = RandomStream(seed: 11, purpose: "winograd \(c)")
        func tensor(_ shape: [Int], scale: Float = 1) -> Tensor {
            let tensor = Tensor(uninitialized: shape)
            random.fillNormal(tensor)
            tensor.withMutableBuffer { buffer in for i in buffer.indices { buffer[i] = (buffer[i] + 0.5) * scale } }
            tensor.requiresGradient = true
            return tensor
        }
        let x = tensor([c.samples, c.height, c.width, c.inputs], scale: c.scale)
        let weight = tensor([c.outputs, 3, 3, c.inputs])
        let bias = tensor([c.outputs], scale: c.scale)
        let y = conv2d(x, weight: weight, bias: bias, padding: c.padding)
        #expect(y.shape == [c.samples, c.outputHeight, c.outputWidth, c.outputs])
        let seed = tensor(y.shape, scale: c.scale)
        seed.requiresGradient = false
        y.backward(seed: seed)

        let values = (x: x.values, w: weight.values, b: bias.values, g: seed.values)
        compare(y.values, count: 600, &random) { at in
            let (pixel, o) = (at / c.outputs, at % c.outputs)
            let (n, row, column) = (
                pixel / (c.outputHeight * c.outputWidth), pixel / c.outputWidth % c.outputHeight, pixel % c.outputWidth
            )
            var sum = Double(values.b[o])
            for tap in 0..<9 {
                guard let from = c.image(n, row + tap / 3 - c.padding.top, column + tap % 3 - c.padding.left)
                else { continue }
                for i in 0..<c.inputs {
                    sum += Double(values.x[from + i]) * Double(values.w[(o * 9 + tap) * c.inputs + i])
                }
            }
            return sum
        }
        compare(x.gradient!.values, count: 300, &random) { at in
            let (pixel, i) = (at / c.inputs, at % c.inputs)
            let (n, row, column) = (pixel / (c.height * c.width), pixel / c.width % c.height, pixel % c.width)
            var sum = 0.0
            for tap in 0..<9 {
                guard let from = c.result(n, row - tap / 3 + c.padding.top, column - tap % 3 + c.padding.left)
                else { continue }
                for o in 0..<c.outputs {
                    sum += Double(values.g[from + o]) * Double(values.w[(o * 9 + tap) * c.inputs + i])
                }
            }
            return sum
        }
        compare(weight.gradient!.values, count: 100, &random) { at in
            let (o, tap, i) = (at / (9 * c.inputs), at / c.inputs % 9, at % c.inputs)
            var sum = 0.0
            for n in 0..<c.samples {
                for row in 0..<c.outputHeight {
                    for column in 0..<c.outputWidth {
                        guard let from = c.image(n, row + tap / 3 - c.padding.top, column + tap % 3 - c.padding.left)
                        else { continue }
                        sum += Double(values.x[from + i]) * Double(values.g[c.result(n, row, column)! + o])
                    }
                }
            }
            return sum
        }
    }

    /// The first and last values and `count` others within 5e-6 of the largest value.
    private func compare(_ found: [Float], count: Int, _ random: inout RandomStream, _ wanted: (Int) -> Double) {
        let largest = Double(found.map(abs).max() ?? 0)
        #expect(largest > 0 && largest.isFinite)
        let places = [0, found.count - 1] + (0..<count).map { _ in random.integer(below: found.count) }
        let worst = places.map { abs(Double(found[$0]) - wanted($0)) }.max()!
        #expect(worst / largest < 5e-6)
    }
}
