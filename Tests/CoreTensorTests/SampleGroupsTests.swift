import CoreTensor
import Testing

/// A batch in groups beside the same batch as a whole.
@Suite(.serialized)
struct SampleGroupsTests {
    private static let samples = 5

    private struct Network {
        var filter, scale, shift, projection: Tensor
        var trained: [Tensor] { [filter, scale, shift, projection] }

        init() {
            var random = RandomStream(seed: 11, purpose: "sample groups")
            func tensor(_ shape: [Int]) -> Tensor {
                let tensor = Tensor(uninitialized: shape)
                random.fillNormal(tensor)
                tensor.requiresGradient = true
                return tensor
            }
            (filter, scale, shift, projection) = (tensor([16, 3, 3, 8]), tensor([16]), tensor([16]), tensor([16, 16]))
        }

        /// Uses the projection twice, so that a group finds two gradients of one leaf.
        func callAsFunction(_ x: Tensor, checkpoints: Bool) -> Tensor {
            func body(_ inputs: [Tensor]) -> Tensor {
                let y = conv2d(inputs[0], weight: filter, padding: Padding(1))
                let z = groupNorm(y, groups: 4, weight: scale, bias: shift, epsilon: 1e-5, activation: .silu)
                let tokens = z.reshaped([z.shape[0], 36, 16])
                let key = linear(tokens, weight: projection)
                return attention(query: linear(key, weight: projection), key: key, value: tokens, heads: 2)
            }
            return checkpoints ? checkpointed([x], body) : body([x])
        }
    }

    /// Result, then the gradients of the input and of all that is trained.
    private func step(_ groups: [Range<Int>], checkpoints: Bool = false, precision: Precision = .f32) -> [Tensor] {
        let network = Network()
        var random = RandomStream(seed: 12, purpose: "sample groups' input")
        let x = Tensor(uninitialized: [Self.samples, 6, 6, 8])
        random.fillNormal(x)
        x.requiresGradient = true
        let y = precision.apply {
            inSampleGroups([x], groups) { network($1[0], checkpoints: checkpoints) }
        }
        mean(square(y)).backward()
        return [y] + ([x] + network.trained).map { $0.gradient ?? .zeros($0.shape) }
    }

    private func distance(_ a: Tensor, _ b: Tensor) -> Float {
        let most = b.values.map(abs).max() ?? 0
        return zip(a.values, b.values).map { abs($0 - $1) }.max().map { $0 / most } ?? 0
    }

    @Test(
        "result and input gradient have the same bits, sums over samples agree to rounding",
        arguments: [Precision.f32, .bf16], [false, true])
    func agrees(precision: Precision, checkpoints: Bool) {
        let threads = Compute.threads
        defer { Compute.configure(threads: threads) }
        Compute.configure(threads: 2)
        let whole = step([0..<5], checkpoints: checkpoints, precision: precision)
        let parts = step([0..<2, 2..<5], checkpoints: checkpoints, precision: precision)
        #expect(parts[0].values == whole[0].values)
        #expect(parts[1].values == whole[1].values)
        for (part, all) in zip(parts, whole).dropFirst(2) { #expect(distance(part, all) < 2e-6) }
        let again = step([0..<2, 2..<5], checkpoints: checkpoints, precision: precision)
        #expect(again.map(\.values) == parts.map(\.values))
    }

    @Test("nothing is recorded where gradients are paused")
    func paused() {
        let threads = Compute.threads
        defer { Compute.configure(threads: threads) }
        Compute.configure(threads: 2)
        let network = Network()
        let x = Tensor.filled(0.5, [4, 6, 6, 8])
        let y = withoutGradients { inSampleGroups([x], [0..<2, 2..<4]) { network($1[0], checkpoints: false) } }
        #expect(!y.requiresGradient)
        #expect(y.shape == [4, 36, 16])
    }

    @Test("groups cover a batch, as even as can be")
    func ranges() {
        #expect(Compute.sampleGroups(8, threads: 3) == [0..<2, 2..<5, 5..<8])
        #expect(Compute.sampleGroups(2, threads: 3) == [0..<1, 1..<2])
        #expect(Compute.sampleGroups(1, threads: 3) == [0..<1])
        #expect(Compute.sampleGroups(8, threads: 1) == [0..<8])
    }
}
