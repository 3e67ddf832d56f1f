import CoreAdapters
import CoreDiffusion
import CoreTensor
import Testing

/// Truth: lycoris-lora's own forward pass in f64 (`Fixtures/generate.py`).
@Suite("Adapter files of lycoris-lora")
struct ReferenceForwardTests {
    static let cases = [
        "lora", "lora_tucker", "loha", "lokr_full", "lokr_low", "lokr_both", "full", "ia3", "glora", "diag_oft", "boft",
        "dora",
        "dora_input",
    ]
    /// Options off the beaten track, with a file of outputs of their own.
    static let variants = [
        "lora_rs", "lora_scalar", "loha_tucker", "loha_scalar", "lokr_tucker", "lokr_unbalanced", "lokr_matrix",
        "lokr_scalar", "lokr_dora", "loha_dora", "ia3_input", "glora_scalar", "diag_oft_plain", "boft_rescaled",
        "dylora", "lora_dora_input", "lokr_dora_input",
    ]

    static func expected(_ name: String) throws -> SafetensorsFile {
        try SafetensorsFile(
            path: Fixtures.path(variants.contains(name) ? "forward-variants.safetensors" : "forward.safetensors"))
    }

    @Test("give the reference's output when attached", arguments: ["base"] + cases + variants, [true, false])
    func forwardMatches(name: String, training: Bool) throws {
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        if name != "base" {
            let adapters = try AdapterSet.load(
                Fixtures.path("adapter-\(name).safetensors"), unet: unet, textEncoder: text)
            adapters.isTraining = training
            adapters.attach()
        }
        let expected = try Self.expected(name)
        let (sample, hidden) = try Self.outputs(unet, text)
        #expect(relativeError(sample, try expected.floats("\(name).sample")) < 5e-6)
        #expect(relativeError(hidden, try expected.floats("\(name).hidden")) < 5e-6)
    }

    @Test("add up with strengths, and leave the network as it was when detached")
    func severalAtOnce() throws {
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        let before = try Self.outputs(unet, text).sample
        func load(_ name: String) throws -> AdapterSet {
            try AdapterSet.load(Fixtures.path("adapter-\(name).safetensors"), unet: unet, textEncoder: text)
        }
        let once = try load("full")
        once.attach()
        let single = try Self.outputs(unet, text).sample
        // A half and a half of the same ΔW are the whole, norms included.
        AdapterSet.attach([(try load("full"), 0.5), (try load("full"), 0.5)])
        #expect(relativeError(try Self.outputs(unet, text).sample, single) < 5e-6)
        once.detach()
        #expect(try Self.outputs(unet, text).sample == before)
    }

    /// The U-Net's answer in the reference's order (NCHW), and the text encoder's states.
    static func outputs(_ unet: UNet2DConditionModel, _ text: CLIPTextModel) throws -> (
        sample: [Float], hidden: [Float]
    ) {
        let inputs = try SafetensorsFile(path: Fixtures.path("inputs.safetensors"))
        let ids = try inputs.integers("input_ids").map { Int32($0) }
        return try withoutGradients {
            let answer = unet(
                sample: permuted(try inputs.tensor("sample"), [0, 2, 3, 1]),
                timesteps: try inputs.integers("timestep").map { Float($0) },
                context: try inputs.tensor("encoder_hidden_states"))
            let rows = [Array(ids[..<10]), Array(ids[10...])]
            return (permuted(answer, [0, 3, 1, 2]).values, text(ids: rows).hidden.values)
        }
    }
}
