import CoreTensor
import Testing

/// How gradients travel: what is recorded, where they add up, when the graph is released.
struct GradientTests {
    private func leaf(_ values: [Float]) -> Tensor {
        let tensor = Tensor(values, [values.count])
        tensor.requiresGradient = true
        return tensor
    }

    @Test("a tensor used twice gets the sum of both gradients")
    func sumsUses() {
        let x = leaf([1, -2, 3])
        sum(add(multiply(x, x), x)).backward()
        #expect(x.gradient?.values == [3, -3, 7])
    }

    @Test("gradients of successive backward passes add up until they are reset")
    func accumulates() {
        let x = leaf([1, 2])
        for _ in 0..<3 { sum(scaled(x, by: 2)).backward() }
        #expect(x.gradient?.values == [6, 6])
        x.gradient = nil
        sum(x).backward()
        #expect(x.gradient?.values == [1, 1])
    }

    @Test("an operation that hands one gradient to two leaves does not tie them together")
    func separatesLeaves() throws {
        let (a, b) = (leaf([1, 2]), leaf([3, 4]))
        sum(add(a, b)).backward()
        try #require(a.gradient).withMutableBuffer { $0[0] = 100 }
        #expect(b.gradient?.values == [1, 1])
    }

    @Test("frozen inputs, detached tensors and withoutGradients record nothing")
    func recordsOnlyWhatIsNeeded() {
        let (x, frozen) = (leaf([1, 2]), Tensor([3, 4], [2]))
        #expect(!multiply(frozen, frozen).requiresGradient)
        #expect(!square(x.detached()).requiresGradient)
        #expect(!withoutGradients { square(x) }.requiresGradient)
        #expect(square(x).requiresGradient)
        sum(multiply(x, frozen)).backward()
        #expect(frozen.gradient == nil)
        #expect(x.gradient?.values == [3, 4])
    }

    @Test("a checkpointed body runs again backwards and gives all gradients, also of leaves it reads by itself")
    func checkpoints() {
        let (x, weight, frozen) = (leaf([1, -2, 3]), leaf([0.5, 2, -1]), Tensor([2, 3, 4], [3]))
        var runs = 0
        func body(_ inputs: [Tensor]) -> Tensor {
            runs += 1
            return multiply(square(inputs[0]), add(weight, inputs[1]))
        }
        // The input is a recorded tensor with another use, as a block's is.
        let h = scaled(x, by: 2)
        sum(add(checkpointed([h, frozen], body), h)).backward()
        #expect(runs == 2)
        let (onX, onWeight) = (x.gradient?.values, weight.gradient?.values)
        (x.gradient, weight.gradient) = (nil, nil)
        let again = scaled(x, by: 2)
        sum(add(body([again, frozen]), again)).backward()
        #expect(onX == x.gradient?.values && onWeight == weight.gradient?.values)

        weight.gradient = nil
        sum(checkpointed([frozen, frozen], body)).backward()
        #expect(weight.gradient?.values == [4, 9, 16])
        #expect(!checkpointed([frozen]) { square($0[0]) }.requiresGradient)
    }

    @Test("a custom operation takes part like any other, also when it records inside its backward")
    func customOperation() {
        let x = leaf([1, 2, 3])
        // y = x³, with the inner graph rebuilt in the backward pass, as checkpointing does.
        let cubes = withoutGradients { multiply(square(x), x) }
        let y = Tensor.custom(cubes, inputs: [x]) { g in
            let inner = x.detached()
            inner.requiresGradient = true
            multiply(square(inner), inner).backward(seed: g)
            return [inner.gradient]
        }
        sum(scaled(y, by: 2)).backward()
        #expect(x.gradient?.values == [6, 24, 54])
    }

    @Test("a reshaped tensor shares storage; in-place changes are seen and counted")
    func sharesStorage() {
        let x = Tensor([1, 2, 3, 4], [4])
        let view = x.reshaped([2, 2])
        let before = view.version
        x.withMutableBuffer { $0[3] = 9 }
        #expect(view.values == [1, 2, 3, 9])
        #expect(view.version != before)
    }

    @Test("graphs of a hundred thousand operations are released without recursion, used or not")
    func releasesLongChains() {
        for used in [true, false] {
            let x = leaf([1])
            var y = x
            for _ in 0..<100_000 { y = adding(y, constant: 1) }
            if used { y.backward() }
            #expect(x.gradient?.values == (used ? [1] : nil))
        }
    }

    @Test("steps after the first take their buffers from the pool")
    func reusesBuffers() {
        let (x, w) = (Tensor.filled(0.5, [512, 96]), Tensor.filled(0.1, [96, 96]))
        w.requiresGradient = true
        func step() {
            w.gradient = nil
            mean(square(gelu(linear(x, weight: w)))).backward()
        }
        step()
        let held = Compute.bufferBytes
        for _ in 0..<200 { step() }
        // Other tests run beside this one; two hundred steps without reuse would hold 200 MB more.
        #expect(Compute.bufferBytes - held < 64 << 20)
    }
}
