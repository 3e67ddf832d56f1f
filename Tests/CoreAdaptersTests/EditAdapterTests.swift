import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import RunSpec
import TestSupport
import Testing

/// A U-Net that reads an edit's source, against diffusers; see Fixtures/generate_edit.py.
@Suite("Editing by channels against diffusers")
struct EditAdapterTests {
    private struct Cases {
        private let file: SafetensorsFile

        init() throws { file = try SafetensorsFile(path: Fixtures.path("edit/cases.safetensors")) }

        func tensor(_ name: String) throws -> Tensor { try file.tensor(name) }
        /// From NCHW to NHWC.
        func image(_ name: String) throws -> Tensor { permuted(try file.tensor(name), [0, 2, 3, 1]) }

        func condition() throws -> TextCondition {
            var condition = TextCondition(states: try tensor("step.context"))
            condition.source = try image("step.source")
            return condition
        }

        func answer(_ unet: UNet2DConditionModel, _ condition: TextCondition) throws -> Tensor {
            unet.predict(
                try image("step.sample"), times: try tensor("step.timestep").values, condition: condition, cache: nil)
        }
    }

    private func unet(_ name: String = "unet") throws -> UNet2DConditionModel {
        try DiffusionPipeline.loadUNet(Fixtures.path("edit/\(name)"))
    }

    private func spec(_ algorithm: Algorithm, layers: LayerPreset = .attnMLP) -> AdapterSpec {
        // A block of DyLoRA has four ranks.
        let dim = algorithm == .dylora ? 4 : 2
        return AdapterSpec(
            algorithm: algorithm, layers: LayerSelection(layers), size: AdapterSize(dim: dim, alpha: Double(dim)))
    }

    @Test("a widened first layer answers, loses and learns as diffusers' does", arguments: [Algorithm.lora, .full])
    func step(algorithm: Algorithm) throws {
        let (cases, unet) = (try Cases(), try unet())
        unet.readSource()
        #expect(unet.sourceChannels == 4 && unet.latentChannels == 4 && unet.inputs == 8)
        let set = try AdapterSet.create(
            unet: unet, textEncoder: nil, adapter: spec(algorithm, layers: algorithm == .full ? .full : .attnMLP))
        set.attach()
        let answer = try cases.answer(unet, try cases.condition())
        #expect(relativeError(answer.values, try cases.image("step.answer").values) < 1e-5)
        let loss = meanSquaredError(answer, try cases.image("step.target"))
        #expect(abs(loss.item() - (try cases.tensor("step.loss").values[0])) < 1e-5)
        loss.backward()
        let own = set.trainables.filter { $0.name.hasPrefix("lora_unet_conv_in.") }
        #expect(own.map(\.name) == ["lora_unet_conv_in.diff", "lora_unet_conv_in.diff_b"])
        let gradients = try own.map { try #require($0.tensor.gradient).values }
        #expect(relativeError(gradients[0], try cases.image("step.gradient").values) < 1e-4)
        #expect(relativeError(gradients[1], try cases.tensor("step.bias_gradient").values) < 1e-4)
    }

    @Test("an adapter with a trained first layer makes a U-Net read sources, as the whole U-Net in diffusers does")
    func adapted() throws {
        let (cases, plain, wide) = (try Cases(), try unet(), try unet("wide"))
        #expect(wide.sourceChannels == 4 && wide.latentChannels == 4)
        let set = try AdapterSet.load(Fixtures.path("edit/adapter.safetensors"), unet: plain, textEncoder: nil)
        set.attach()
        set.isTraining = false
        var without = try cases.condition()
        without.source = nil
        for network in [plain, wide] {
            let found = try cases.answer(network, try cases.condition())
            #expect(relativeError(found.values, try cases.image("adapted.answer").values) < 1e-5)
            let zero = try cases.answer(network, without)
            #expect(relativeError(zero.values, try cases.image("adapted.without").values) < 1e-5)
        }
    }

    @Test("a base whose first layer reads no source cannot take it in, and the fault says why")
    func merged() throws {
        let folder = try TemporaryFolder()
        #expect {
            try AdapterMerge(
                base: Fixtures.path("edit/unet"), adapters: [(Fixtures.path("edit/adapter.safetensors"), 1)],
                out: folder.path + "/merged"
            ).run()
        } throws: {
            "\($0)".contains("conv_in") && "\($0)".contains("trained on pairs")
        }
    }

    @Test(
        "whole paths with two guidances are the pipeline's, whichever passes can be left out",
        arguments: [("both", Float(4), Float(1.5)), ("text", 3, 1), ("equal", 2, 2), ("none", 1, 1.5)])
    func sampling(name: String, guidance: Float, sourceGuidance: Float) throws {
        let (cases, unet) = (try Cases(), try unet("wide"))
        let schedule = try NoiseSchedule(path: Fixtures.path("edit/scheduler/scheduler_config.json"))
        let empty = try cases.tensor("pipeline.empty")
        let found = SamplerKind.ddim.sampler(schedule, steps: 4).sample(
            unet: unet, latents: try cases.image("step.sample"), conditional: try cases.condition(),
            unconditional: TextCondition(states: concatenateBatch([empty, empty])), guidance: guidance,
            sourceGuidance: sourceGuidance)
        #expect(relativeError(found.values, try cases.image("pipeline.\(name)").values) < 1e-4)
    }

    @Test(
        "adapters of every algorithm keep the widened layer in their file, and a plain U-Net reads it back",
        arguments: Algorithm.allCases)
    func files(algorithm: Algorithm) throws {
        let (cases, trained) = (try Cases(), try unet())
        trained.readSource()
        let set = try AdapterSet.create(unet: trained, textEncoder: nil, adapter: spec(algorithm), seed: 5)
        set.attach()
        set.isTraining = false
        var random = RandomStream(seed: 6, purpose: "edit")
        for trainable in set.trainables {
            let noise = Tensor(uninitialized: trainable.tensor.shape)
            random.fillNormal(noise)
            let values = noise.values
            trainable.tensor.withMutableBuffer { for place in $0.indices { $0[place] += 0.05 * values[place] } }
        }
        let path = FileManager.default.temporaryDirectory.appending(path: "edit-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try set.save(to: path, type: .f32)
        let wanted = try cases.answer(trained, try cases.condition())
        let fresh = try unet()
        let read = try AdapterSet.load(path, unet: fresh, textEncoder: nil)
        read.attach()
        read.isTraining = false
        #expect(fresh.sourceChannels == 4)
        let found = try cases.answer(fresh, try cases.condition())
        #expect(relativeError(found.values, wanted.values) < 1e-4)
        // The source says something.
        var without = try cases.condition()
        without.source = nil
        #expect(relativeError(try cases.answer(fresh, without).values, wanted.values) > 1e-3)
    }

    @Test("a whole path of Flux.1 with a source as tokens is FluxKontextPipeline's; see Fixtures/generate_kontext.py")
    func kontext() throws {
        let network = try DiffusionPipeline.loadTransformer(Fixtures.path("kontext/transformer"))
        #expect(network.sourceReading == .tokens)
        let file = try SafetensorsFile(path: Fixtures.path("kontext/cases.safetensors"))
        func image(_ name: String) throws -> Tensor { permuted(try file.tensor(name), [0, 2, 3, 1]) }
        var condition = TextCondition(states: try file.tensor("context"), pooled: try file.tensor("pooled"))
        condition.guidance = 2.5
        func path(_ condition: TextCondition) throws -> Tensor {
            FlowEulerSampler(levels: [1, 0.6, 0.3, 0]).sample(
                unet: network, latents: try image("noise"), conditional: condition, unconditional: nil, guidance: 1)
        }
        let without = try path(condition)
        condition.source = try image("source")
        let wanted = try image("end").values
        #expect(relativeError(try path(condition).values, wanted) < 1e-4)
        // The source says something: ten times what the paths may differ.
        #expect(relativeError(without.values, wanted) > 1e-3)
    }

    @Test("the relative norm counts the widened layer, whose new inputs are in no base")
    func norm() throws {
        let path = Fixtures.path("edit/adapter.safetensors")
        let file = try SafetensorsFile(path: path)
        let unet = try unet()
        let weight = try #require(unet.children.first { $0.name == "conv_in" }?.module as? Conv2d).weight.tensor.values
        func squares(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) * Double($1) } }
        let wanted = (squares(try file.floats("lora_unet_conv_in.diff")) / squares(weight)).squareRoot()
        let found = try AdapterNorm.relative(path: path, base: Fixtures.path("edit"))
        #expect(abs(found - wanted) < 1e-6 * wanted)
    }
}
