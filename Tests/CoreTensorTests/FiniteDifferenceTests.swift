import CoreTensor
import Testing

/// Backward passes against a second oracle: the change of Σ seed · f(x) along a random direction.
struct FiniteDifferenceTests {
    struct Operation: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let shapes: [[Int]]
        let apply: @Sendable ([Tensor]) -> Tensor
    }

    static let operations = [
        Operation(testDescription: "linear with residual", shapes: [[300, 40], [8, 40], [8], [300, 8]]) {
            linear($0[0], weight: $0[1], bias: $0[2], adding: $0[3])
        },
        Operation(testDescription: "matmul, both transposed", shapes: [[70, 30], [50, 70]]) {
            matmul($0[0], $0[1], transposeA: true, transposeB: true)
        },
        Operation(testDescription: "conv2d 3×3", shapes: [[2, 20, 20, 12], [24, 3, 3, 12], [24]]) {
            conv2d($0[0], weight: $0[1], bias: $0[2], padding: Padding(1))
        },
        Operation(testDescription: "conv2d stride 2, asymmetric", shapes: [[2, 17, 16, 6], [9, 3, 3, 6]]) {
            conv2d($0[0], weight: $0[1], stride: 2, padding: Padding(top: 0, left: 0, bottom: 1, right: 1))
        },
        Operation(testDescription: "groupNorm with SiLU", shapes: [[2, 9, 9, 16], [16], [16]]) {
            groupNorm($0[0], groups: 4, weight: $0[1], bias: $0[2], epsilon: 1e-5, activation: .silu)
        },
        Operation(testDescription: "layerNorm", shapes: [[90, 24], [24], [24]]) {
            layerNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-5)
        },
        Operation(testDescription: "attention", shapes: [[2, 150, 32], [2, 140, 32], [2, 140, 32]]) {
            attention(query: $0[0], key: $0[1], value: $0[2], heads: 4)
        },
        Operation(testDescription: "causal attention", shapes: [[1, 150, 80], [1, 150, 80], [1, 150, 80]]) {
            attention(query: $0[0], key: $0[1], value: $0[2], heads: 2, causal: true)
        },
        Operation(testDescription: "geglu", shapes: [[33, 26]]) { geglu($0[0]) },
    ]

    @Test("gradients agree with central differences along random directions", arguments: operations)
    func agrees(operation: Operation) {
        var random = RandomStream(seed: 11, purpose: operation.testDescription)
        let inputs = operation.shapes.map { shape in
            let tensor = Tensor(uninitialized: shape)
            random.fillNormal(tensor)
            tensor.requiresGradient = true
            return tensor
        }
        let output = operation.apply(inputs)
        let seed = Tensor(uninitialized: output.shape)
        random.fillNormal(seed)
        output.backward(seed: seed)
        for (index, input) in inputs.enumerated() {
            let direction = Tensor(uninitialized: input.shape)
            random.fillNormal(direction)
            let step: Float = 2e-3
            func value(_ sign: Float) -> Double {
                var moved = inputs.map { $0.detached() }
                moved[index] = add(input.detached(), scaled(direction, by: sign * step))
                return dot(operation.apply(moved), seed)
            }
            let measured = (value(1) - value(-1)) / Double(2 * step)
            let claimed = dot(input.gradient!, direction)
            let size = max(abs(measured), dot(input.gradient!, input.gradient!).squareRoot() * 0.1)
            #expect(abs(measured - claimed) < 1e-2 * size, "input \(index): \(claimed), measured \(measured)")
        }
    }

    private func dot(_ a: Tensor, _ b: Tensor) -> Double {
        zip(a.values, b.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
}
