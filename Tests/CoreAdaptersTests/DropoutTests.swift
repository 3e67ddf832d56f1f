import CoreAdapters
import CoreNets
import CoreTensor
import RunSpec
import Testing

@Suite("Dropouts")
struct DropoutTests {
    private func make(_ configure: (inout AdapterSpec) -> Void) throws -> (TwoLayers, AdapterSet) {
        let network = TwoLayers(outputs: 64, inputs: 16)
        var adapter = AdapterSpec(
            algorithm: .lora, layers: LayerSelection(classes: ["Block"], names: [], exclude: []),
            size: AdapterSize(dim: 4))
        configure(&adapter)
        let adapters = try AdapterSet.create(unet: network, textEncoder: nil, adapter: adapter, seed: 9)
        for trainable in adapters.trainables {
            let noise = randomTensor(trainable.tensor.shape, seed: 4)
            trainable.tensor.withMutableBuffer { values in
                noise.withBuffer { for i in values.indices { values[i] = $0[i] } }
            }
        }
        adapters.attach()
        return (network, adapters)
    }

    @Test("repeat for the same step, change with the step, and are off outside training")
    func perStep() throws {
        let (network, adapters) = try make {
            $0.dropout.rank = 0.5
            $0.dropout.activations = 0.5
        }
        let x = randomTensor([3, 16], seed: 1)
        adapters.step = 1
        let first = network.linear(x).values
        #expect(network.linear(x).values == first)
        adapters.step = 2
        #expect(network.linear(x).values != first)
        adapters.isTraining = false
        let still = network.linear(x).values
        adapters.step = 3
        #expect(network.linear(x).values == still)
    }

    @Test("of ranks leave out whole output rows and do not scale the others")
    func rows() throws {
        let (network, adapters) = try make { $0.dropout.rank = 0.25 }
        let x = randomTensor([3, 16], seed: 1)
        let base = withoutGradients { network.linear.base(x).values }
        adapters.isTraining = false
        let whole = network.linear(x).values
        adapters.isTraining = true
        var kept = 0
        let steps = 40
        for step in 0..<steps {
            adapters.step = step
            let y = network.linear(x).values
            for row in 0..<64 {
                let dropped = abs(y[row] - base[row]) < 1e-5
                #expect(dropped || abs(y[row] - whole[row]) < 1e-4)
                kept += dropped ? 0 : 1
            }
        }
        #expect(abs(Double(kept) / Double(steps * 64) - 0.75) < 0.05)
    }

    @Test("of modules skip the whole adapter of a layer now and then")
    func modules() throws {
        let (network, adapters) = try make { $0.dropout.module = 0.5 }
        let x = randomTensor([3, 16], seed: 1)
        let base = withoutGradients { network.linear.base(x).values }
        var skipped = 0
        for step in 0..<200 {
            adapters.step = step
            if network.linear(x).values == base { skipped += 1 }
        }
        #expect(70...130 ~= skipped)
    }

    @Test("of activations are refused where an algorithm has none")
    func refused() {
        let network = TwoLayers(outputs: 4, inputs: 4)
        var adapter = AdapterSpec(
            algorithm: .lokr, layers: LayerSelection(classes: ["Block"], names: [], exclude: []))
        adapter.dropout.activations = 0.1
        #expect(throws: AdapterError.self) {
            try AdapterSet.create(unet: network, textEncoder: nil, adapter: adapter, seed: 9)
        }
    }
}
