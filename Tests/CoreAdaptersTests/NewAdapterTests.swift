import CoreAdapters
import CoreNets
import CoreTensor
import RunSpec
import Testing

/// Every algorithm with every option that changes its tensors, on a linear layer, a 1×1 and a k×k
/// convolution.
@Suite("A new adapter")
struct NewAdapterTests {
    static func make(_ variant: Variant, _ network: TwoLayers) throws -> AdapterSet {
        var adapter = AdapterSpec(
            algorithm: variant.algorithm, layers: LayerSelection(classes: ["Block"], names: [], exclude: []),
            size: AdapterSize(dim: variant.dim, alpha: 1, convDim: variant.dim, convAlpha: 1))
        adapter.trainNorm = true
        variant.configure(&adapter)
        return try AdapterSet.create(unet: network, textEncoder: nil, adapter: adapter, seed: 5)
    }

    @Test("changes nothing, and its zero tensors are the first to move", arguments: variants, kernels)
    func startsAtZero(variant: Variant, kernel: Int) throws {
        let network = TwoLayers(outputs: 12, inputs: 16, kernel: kernel)
        let (x, image) = (randomTensor([5, 16], seed: 1), randomTensor([2, 4, 4, 16], seed: 2))
        let plain = withoutGradients { (network.linear(x).values, network.convolution(image).values) }
        let adapters = try Self.make(variant, network)
        adapters.attach()
        #expect(relativeError(network.linear(x).values, plain.0) < 1e-6)
        #expect(relativeError(network.convolution(image).values, plain.1) < 1e-6)

        add(sum(square(network.linear(x))), sum(square(network.convolution(image)))).backward()
        for tensor in adapters.trainables where !tensor.name.contains("_norm.") {
            let suffix = String(tensor.name.split(separator: ".", maxSplits: 1)[1])
            // A convolution may be below the size at which w2 is low rank.
            let moves = tensor.tensor.gradient?.values.contains { $0 != 0 } ?? false
            let isWhole = suffix.hasSuffix("lokr_w2") && !variant.moving.contains("scalar")
            #expect(moves == (variant.moving.contains(suffix) || isWhole), "\(tensor.name)")
        }
    }

    @Test("adds to the output what its rebuilt ΔW adds, wherever there are both ways", arguments: variants, kernels)
    func bypassMatchesRebuild(variant: Variant, kernel: Int) throws {
        let network = TwoLayers(outputs: 12, inputs: 16, kernel: kernel, stride: 2)
        let adapters = try Self.make(variant, network)
        randomise(adapters)
        for layer in adapters.layers {
            guard case .weight(_, let update) = layer.content else { continue }
            let geometry = layer.target.geometry
            let isLinear = geometry.kind == .linear
            if !variant.bypasses {
                let x = isLinear ? randomTensor([6, 16], seed: 8) : randomTensor([2, 4, 4, 16], seed: 9)
                let y = isLinear ? Tensor.zeros([6, 12]) : Tensor.zeros([2, 2, 2, 12])
                #expect(update.bypass(BypassCall(x: x, y: y, geometry: geometry, stride: 2)) == nil)
                continue
            }
            let base = (isLinear ? network.linear.weight : network.convolution.weight).tensor.detached()
                .reshaped([geometry.outputs, geometry.columns])
            let mask: [Float]? = variant.algorithm == .lokr ? nil : (0..<12).map { Float($0 % 3) }
            func run(_ bypass: Bool, _ x: Tensor) throws -> ([Float], [[Float]]) {
                for tensor in update.tensors { tensor.tensor.gradient = nil }
                x.gradient = nil
                let delta = mask.map { scaleSamples(update.delta(base: base), $0) } ?? update.delta(base: base)
                let y: Tensor
                if isLinear {
                    let zero = Tensor.zeros([6, 12])
                    let call = BypassCall(x: x, y: zero, geometry: geometry, rowScale: mask)
                    y = bypass ? try #require(update.bypass(call)) : linear(x, weight: delta)
                } else {
                    let call = BypassCall(
                        x: x, y: Tensor.zeros([2, 2, 2, 12]), geometry: geometry, stride: 2,
                        padding: Padding(kernel / 2), rowScale: mask)
                    y =
                        bypass
                        ? try #require(update.bypass(call))
                        : conv2d(
                            x, weight: delta.reshaped([12, kernel, kernel, 16]), stride: 2, padding: Padding(kernel / 2)
                        )
                }
                sum(square(y)).backward()
                return (y.values, (update.tensors.map(\.tensor) + [x]).map { $0.gradient?.values ?? [] })
            }
            let x = isLinear ? randomTensor([6, 16], seed: 8) : randomTensor([2, 4, 4, 16], seed: 9)
            x.requiresGradient = true
            let (rebuilt, bypassed) = (try run(false, x), try run(true, x))
            #expect(relativeError(bypassed.0, rebuilt.0) < 1e-5)
            for (found, wanted) in zip(bypassed.1, rebuilt.1) { #expect(relativeError(found, wanted) < 1e-5) }
        }
    }

    @Test(
        "has the same gradients from the merged weight's low-rank products",
        arguments: variants.filter { $0.algorithm.hasDim })
    func mergedMatchesRebuild(variant: Variant) throws {
        let network = TwoLayers(outputs: 12, inputs: 16, stride: 2)
        let adapters = try Self.make(variant, network)
        randomise(adapters)
        for layer in adapters.layers where layer.target.path == "conv" {
            guard case .weight(_, let update) = layer.content, update.factors() != nil else { continue }
            let x = randomTensor([2, 4, 4, 16], seed: 9)
            x.requiresGradient = true
            let base = network.convolution.weight.tensor.detached().reshaped([12, 9 * 16])
            func output(_ weight: Tensor) -> Tensor {
                conv2d(x, weight: weight.reshaped([12, 3, 3, 16]), stride: 2, padding: Padding(1))
            }
            func gradients(_ y: Tensor) -> [[Float]] {
                for tensor in update.tensors.map(\.tensor) + [x] { tensor.gradient = nil }
                sum(square(y)).backward()
                return (update.tensors.map(\.tensor) + [x]).map { $0.gradient?.values ?? [] }
            }
            let wanted = gradients(output(update.weight(base: base, strength: 1)))
            let (up, down) = try #require(update.factors())
            let y = output(withoutGradients { update.weight(base: base, strength: 1) })
            let call = BypassCall(x: x, y: y, geometry: layer.target.geometry, stride: 2, padding: Padding(1))
            for (found, wanted) in zip(gradients(call.lowRankGradient(up: up, down: down)), wanted) {
                #expect(relativeError(found, wanted) < 1e-5)
            }
        }
    }

    @Test("has the same gradients on a linear layer computed with W + ΔW", arguments: variants.prefix(11))
    func mergedLinearMatchesRebuild(variant: Variant) throws {
        let network = TwoLayers(outputs: 12, inputs: 16)
        let adapters = try Self.make(variant, network)
        randomise(adapters)
        let layer = try #require(adapters.layers.first { $0.target.path == "lin" })
        guard case .weight(_, let update) = layer.content else { return }
        let x = randomTensor([6, 16], seed: 8)
        x.requiresGradient = true
        let base = network.linear.weight.tensor.detached()
        func gradients(_ y: Tensor) -> [[Float]] {
            for tensor in update.tensors.map(\.tensor) + [x] { tensor.gradient = nil }
            sum(square(y)).backward()
            return (update.tensors.map(\.tensor) + [x]).map { $0.gradient?.values ?? [] }
        }
        let wanted = gradients(linear(x, weight: update.weight(base: base, strength: 1)))
        let finish = try #require(update.mergedGradient(stride: 1))
        let y = linear(x, weight: withoutGradients { update.weight(base: base, strength: 1) })
        for (found, wanted) in zip(gradients(finish(BypassCall(x: x, y: y, geometry: layer.target.geometry))), wanted) {
            #expect(relativeError(found, wanted) < 1e-5)
        }
    }

    @Test("has gradients that finite differences confirm", arguments: variants, kernels)
    func gradients(variant: Variant, kernel: Int) throws {
        let network = TwoLayers(outputs: 12, inputs: 16, kernel: kernel, bias: true)
        let adapters = try Self.make(variant, network)
        randomise(adapters)
        adapters.attach()
        let (x, image) = (randomTensor([5, 16], seed: 1), randomTensor([2, 4, 4, 16], seed: 2))
        func loss() -> Tensor {
            add(mean(square(network.norm(network.linear(x)))), mean(square(network.convolution(image))))
        }
        loss().backward()
        for trainable in adapters.trainables {
            let direction = randomTensor(trainable.tensor.shape, seed: 77)
            let gradient = trainable.tensor.gradient?.values ?? Array(repeating: 0, count: trainable.tensor.count)
            let slope = zip(gradient, direction.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            func value(_ step: Float) -> Double {
                let before = trainable.tensor.values
                trainable.tensor.withMutableBuffer { values in
                    direction.withBuffer { for i in values.indices { values[i] += step * $0[i] } }
                }
                defer { trainable.tensor.withMutableBuffer { _ = $0.update(fromContentsOf: before) } }
                return withoutGradients { Double(loss().item()) }
            }
            let step: Float = 5e-3
            let measured = (value(step) - value(-step)) / Double(2 * step)
            #expect(abs(slope - measured) < 1e-2 * max(abs(measured), 0.1), "\(trainable.name): \(slope) \(measured)")
        }
    }

    @Test("of DyLoRA trains one block of ranks a step over those before it, and uses all when still")
    func blocks() throws {
        let network = TwoLayers(outputs: 12, inputs: 16)
        var adapter = AdapterSpec(
            algorithm: .dylora, layers: LayerSelection(classes: [], names: ["lin"], exclude: []),
            size: AdapterSize(dim: 6, alpha: 3))
        adapter.options.blockSize = 2
        let adapters = try AdapterSet.create(unet: network, textEncoder: nil, adapter: adapter, seed: 5)
        randomise(adapters)
        adapters.attach()
        let down = try #require(adapters.trainables.first { $0.name.hasSuffix("lora_down.weight") }).tensor
        let x = randomTensor([5, 16], seed: 1)
        var trained: Set<Int> = []
        for step in 0..<24 {
            adapters.step = step
            down.gradient = nil
            sum(square(network.linear(x))).backward()
            let gradient = try #require(down.gradient?.values)
            let rows = (0..<6).filter { row in gradient[row * 16..<(row + 1) * 16].contains { $0 != 0 } }
            let first = try #require(rows.first)
            #expect(rows == [first, first + 1] && first % 2 == 0)
            trained.insert(first / 2)
        }
        #expect(trained == [0, 1, 2])
        let whole = try #require(adapters.layers.first)
        guard case .weight(_, let update) = whole.content else { return }
        adapters.isTraining = false
        let base = network.linear.weight.tensor.values
        let change = zip(effectiveWeight(network.linear), base).map { $0 - $1 }
        let up = try #require(adapters.trainables.first { $0.name.hasSuffix("lora_up.weight") }).tensor
        // α / r = 0.5: what a reader of the file computes.
        let wanted = withoutGradients { scaled(matmul(up, down), by: 0.5).values }
        #expect(relativeError(change, wanted) < 1e-5)
        #expect(update.alpha == 3)
    }

    @Test("is the same for the same seed, and another for another")
    func seeds() throws {
        let network = TwoLayers(outputs: 12, inputs: 16)
        func values(_ seed: UInt64) throws -> [[Float]] {
            let adapter = AdapterSpec(
                algorithm: .loha, layers: LayerSelection(classes: ["Block"], names: [], exclude: []),
                size: AdapterSize(dim: 2))
            return try AdapterSet.create(unet: network, textEncoder: nil, adapter: adapter, seed: seed).trainables.map(
                \.tensor.values)
        }
        #expect(try values(1) == values(1))
        #expect(try values(1) != values(2))
    }

    private func randomise(_ adapters: AdapterSet) {
        for (index, trainable) in adapters.trainables.enumerated() {
            let noise = randomTensor(trainable.tensor.shape, seed: UInt64(100 + index))
            trainable.tensor.withMutableBuffer { values in
                noise.withBuffer { for i in values.indices { values[i] += 0.3 * $0[i] } }
            }
        }
    }
}
