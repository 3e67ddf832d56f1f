import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec
import Testing

/// `predictBatch` on two threads beside `predict`: the same network, adapter and batch.
@Suite(.serialized)
struct BatchGroupTests {
    private struct Scene {
        let unet: UNet2DConditionModel
        let adapters: AdapterSet
        let latents, context: Tensor

        init(_ algorithm: Algorithm) throws {
            var random = RandomStream(seed: 21, purpose: "batch groups")
            func noise(_ shape: [Int]) -> Tensor {
                let tensor = Tensor(uninitialized: shape)
                random.fillNormal(tensor)
                return tensor
            }
            unet = UNet2DConditionModel(
                configuration: UNetConfiguration(
                    blockOutChannels: [16, 32], layersPerBlock: 1, heads: 2, crossAttentionWidth: 16, normGroups: 4))
            unet.initialize(seed: 4)
            (latents, context) = (noise([5, 16, 16, 4]), noise([5, 7, 16]))
            adapters = try AdapterSet.create(
                unet: unet, textEncoder: nil,
                adapter: AdapterSpec(
                    algorithm: algorithm, layers: LayerSelection(.full),
                    size: AdapterSize(dim: 4, alpha: 2, convDim: 4, convAlpha: 2)))
            for trainable in adapters.trainables {
                trainable.tensor.withMutableBuffer { values in
                    for i in values.indices { values[i] += 0.1 * random.normal() }
                }
            }
            adapters.attach()
        }

        /// The answer, and the gradients of everything trained.
        func step(inGroups: Bool) -> (answer: [Float], gradients: [[Float]]) {
            for trainable in adapters.trainables { trainable.tensor.gradient = nil }
            let answer = unet.predictBatch(
                latents, times: [1, 200, 400, 600, 990], condition: TextCondition(states: context),
                actsBySample: inGroups)
            if answer.requiresGradient { mean(square(answer)).backward() }
            return (answer.values, adapters.trainables.map { $0.tensor.gradient?.values ?? [] })
        }
    }

    // How an update is applied depends on the rows of a call, so that in training the last bits may differ.
    @Test(
        "answers and gradients agree in training; in drawing the bits are the same",
        arguments: [Algorithm.lora, .loha, .lokr, .full], Precision.allCases)
    func agrees(algorithm: Algorithm, precision: Precision) throws {
        let threads = Compute.threads
        defer { Compute.configure(threads: threads) }
        Compute.configure(threads: 2)
        let scene = try Scene(algorithm)
        let exact = scene.step(inGroups: false)
        let whole = precision.apply { scene.step(inGroups: false) }
        let groups = precision.apply { scene.step(inGroups: true) }
        let bound = precision == .f32 ? 1e-5 : 2e-2
        #expect(relativeError(groups.answer, whole.answer) < bound)
        // Operands are rounded at other places: gradients in bf16 agree as well as they do with f32.
        for (index, found) in groups.gradients.enumerated() {
            let rounding = relativeError(whole.gradients[index], exact.gradients[index])
            #expect(!found.isEmpty && relativeError(found, exact.gradients[index]) < bound + 3 * rounding)
        }
        scene.adapters.isTraining = false
        let still = precision.apply { withoutGradients { scene.step(inGroups: false).answer } }
        #expect(precision.apply { withoutGradients { scene.step(inGroups: true).answer } } == still)
    }
}
