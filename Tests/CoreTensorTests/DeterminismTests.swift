import CoreTensor
import Testing

/// One training step of a small network; serialised, because it changes the thread count of the process.
@Suite(.serialized)
struct DeterminismTests {
    /// Loss and all gradients as bits.
    private func step() -> [UInt32] {
        var random = RandomStream(seed: 3, purpose: "determinism")
        func tensor(_ shape: [Int], trainable: Bool = true) -> Tensor {
            let tensor = Tensor(uninitialized: shape)
            random.fillNormal(tensor)
            tensor.requiresGradient = trainable
            return tensor
        }
        let x = tensor([4, 24, 24, 16], trainable: false)
        let filter = tensor([32, 3, 3, 16])
        let (scale, shift) = (tensor([32]), tensor([32]))
        let projections = (0..<3).map { _ in tensor([32, 32]) }
        var y = conv2d(x, weight: filter, padding: Padding(1))
        y = groupNorm(y, groups: 8, weight: scale, bias: shift, epsilon: 1e-5, activation: .silu)
        let tokens = y.reshaped([4, 576, 32])
        let parts = projections.map { linear(tokens, weight: $0) }
        y = attention(query: parts[0], key: parts[1], value: parts[2], heads: 4)
        let loss = mean(square(layerNorm(y, weight: scale, bias: shift, epsilon: 1e-5)))
        loss.backward()
        return ([filter, scale, shift] + projections).reduce([loss.item().bitPattern]) { bits, tensor in
            bits + tensor.gradient!.values.map(\.bitPattern)
        }
    }

    @Test("a step gives the same bits every time, on one, two and three threads")
    func sameBits() {
        let threads = Compute.threads
        defer { Compute.configure(threads: threads) }
        Compute.configure(threads: 1)
        let reference = step()
        for count in [1, 2, 2, 3] {
            Compute.configure(threads: count)
            #expect(Compute.threads == count)
            #expect(step() == reference, "\(count) threads")
        }
    }

    @Test("a linear layer with low-rank terms gives the same bits on one, two and three threads")
    func sameLowRankBits() {
        var random = RandomStream(seed: 4, purpose: "low-rank bits")
        let inputs = [[8, 88, 192], [800, 192], [800, 8], [8, 192]].map { shape in
            let tensor = Tensor(uninitialized: shape)
            random.fillNormal(tensor)
            return tensor
        }
        for index in [0, 2, 3] { inputs[index].requiresGradient = true }
        func bits() -> [[UInt32]] {
            for tensor in inputs { tensor.gradient = nil }
            let y = linear(inputs[0], weight: inputs[1], up: inputs[2], down: inputs[3])
            y.backward(seed: y.detached())
            return ([y] + inputs.compactMap(\.gradient)).map { $0.values.map(\.bitPattern) }
        }
        let threads = Compute.threads
        defer { Compute.configure(threads: threads) }
        Compute.configure(threads: 1)
        let reference = bits()
        #expect(reference.count == 4)
        for count in [2, 3] {
            Compute.configure(threads: count)
            #expect(bits() == reference, "\(count) threads")
        }
    }

    @Test(
        "3×3 convolutions of all sizes give the same bits on one, two and three threads", arguments: WinogradTests.cases
    )
    func sameConvolutionBits(c: WinogradTests.Case) {
        var random = RandomStream(seed: 12, purpose: "winograd bits")
        let x = Tensor(uninitialized: [c.samples, c.height, c.width, c.inputs])
        let weight = Tensor(uninitialized: [c.outputs, 3, 3, c.inputs])
        for tensor in [x, weight] {
            random.fillNormal(tensor)
            tensor.requiresGradient = true
        }
        func bits() -> [[UInt32]] {
            (x.gradient, weight.gradient) = (nil, nil)
            let y = conv2d(x, weight: weight, padding: c.padding)
            y.backward(seed: y.detached())
            return [y, x.gradient!, weight.gradient!].map { $0.values.map(\.bitPattern) }
        }
        let threads = Compute.threads
        defer { Compute.configure(threads: threads) }
        Compute.configure(threads: 1)
        let reference = bits()
        for count in [2, 3] {
            Compute.configure(threads: count)
            #expect(bits() == reference, "\(count) threads")
        }
    }

    @Test("every part runs exactly once, also nested and on changing pools")
    func runsEachPartOnce() {
        let threads = Compute.threads
        defer { Compute.configure(threads: threads) }
        for count in [1, 3, 2, 4] {
            Compute.configure(threads: count)
            for parts in [0, 1, 2, 7, 100] {
                let counts = Tensor.zeros([max(parts, 1) * 3])
                counts.withMutableBuffer { buffer in
                    let base = buffer.baseAddress!
                    Compute.parallel(parts) { part in Compute.parallel(3) { base[part * 3 + $0] += 1 } }
                }
                #expect(counts.values.allSatisfy { $0 == (parts == 0 ? 0 : 1) })
            }
        }
    }

    @Test("the description names library, kernel, threads and instruction set")
    func description() {
        let description = Compute.description
        #expect(description.openBLASVersion.contains("."))
        #expect(!description.kernel.isEmpty && !description.isa.isEmpty)
        #expect(description.threads >= 1)
    }
}
