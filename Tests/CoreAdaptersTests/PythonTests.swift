import CoreAdapters
import CoreDiffusion
import CoreTensor
import Foundation
import RunSpec
import TestSupport
import Testing

/// The other direction of the parity: files written here, loaded by lycoris-lora, diffusers and PEFT. It
/// needs Python with those packages, named by `RADIATA_PYTHON`; `make test` runs without.
@Suite("Files for other programs", .enabled(if: ProcessInfo.processInfo.environment["RADIATA_PYTHON"] != nil))
struct PythonTests {
    /// As `Fixtures/generate.py` has them under the same names.
    static let cases: [(name: String, adapter: AdapterSpec)] = {
        func adapter(
            _ algorithm: Algorithm, _ dim: Int? = nil, _ alpha: Double? = nil, conv: Int? = nil,
            convAlpha: Double? = nil,
            _ configure: (inout AdapterSpec) -> Void = { _ in }
        ) -> AdapterSpec {
            var adapter = AdapterSpec(
                algorithm: algorithm, layers: LayerSelection(.full),
                size: AdapterSize(dim: dim, alpha: alpha, convDim: conv ?? dim, convAlpha: convAlpha ?? alpha))
            configure(&adapter)
            return adapter
        }
        return [
            ("lora", adapter(.lora, 4, 2, conv: 2, convAlpha: 2) { $0.trainNorm = true }),
            ("lora_tucker", adapter(.lora, 3, 3, convAlpha: 1.5) { $0.options.useTucker = true }),
            ("lora_rs", adapter(.lora, 4, 2) { $0.options.rsLoRA = true }),
            ("lora_scalar", adapter(.lora, 2, 1) { $0.options.useScalar = true }), ("loha", adapter(.loha, 2, 1)),
            ("loha_tucker", adapter(.loha, 2, 1) { $0.options.useTucker = true }),
            ("loha_scalar", adapter(.loha, 2, 1) { $0.options.useScalar = true }),
            ("loha_dora", adapter(.loha, 2, 1) { $0.options.dora = true }),
            ("lokr_full", adapter(.lokr) { $0.options.factor = 2 }),
            ("lokr_low", adapter(.lokr, 1, 0.5) { $0.options.factor = 2 }),
            (
                "lokr_both",
                adapter(.lokr, 1, 0.5) {
                    $0.options.factor = 4
                    $0.options.decomposeBoth = true
                }
            ),
            (
                "lokr_tucker",
                adapter(.lokr, 1, 0.5) {
                    $0.options.factor = 2
                    $0.options.useTucker = true
                }
            ),
            (
                "lokr_unbalanced",
                adapter(.lokr, 1, 1) {
                    $0.options.factor = 2
                    $0.options.unbalancedFactorization = true
                }
            ),
            (
                "lokr_matrix",
                adapter(.lokr, 2, 1) {
                    $0.options.factor = 4
                    $0.options.fullMatrix = true
                }
            ),
            (
                "lokr_scalar",
                adapter(.lokr, 1, 0.5) {
                    $0.options.factor = 2
                    $0.options.useScalar = true
                }
            ),
            (
                "lokr_dora",
                adapter(.lokr, 1, 0.5) {
                    $0.options.factor = 2
                    $0.options.dora = true
                }
            ),
            ("full", adapter(.full) { $0.trainNorm = true }), ("ia3", adapter(.ia3)),
            ("ia3_input", adapter(.ia3) { $0.options.trainOnInput = true }), ("glora", adapter(.glora, 2, 1)),
            ("glora_scalar", adapter(.glora, 2, 1) { $0.options.useScalar = true }),
            (
                "diag_oft",
                adapter(.diagOFT, 4) {
                    $0.options.rescaled = true
                    $0.options.constraint = 0.05
                }
            ), ("diag_oft_plain", adapter(.diagOFT, 4)), ("boft", adapter(.boft, 6)),
            ("boft_rescaled", adapter(.boft, 6) { $0.options.rescaled = true }),
            ("dora", adapter(.lora, 2, 1) { $0.options.dora = true }),
            (
                "dora_input",
                adapter(.loha, 2, 1) {
                    $0.options.dora = true
                    $0.options.weightDecomposeOnOutput = false
                }
            ),
            (
                "lora_dora_input",
                adapter(.lora, 2, 1) {
                    $0.options.dora = true
                    $0.options.weightDecomposeOnOutput = false
                }
            ),
            (
                "lokr_dora_input",
                adapter(.lokr, 1, 0.5) {
                    $0.options.factor = 2
                    $0.options.dora = true
                    $0.options.weightDecomposeOnOutput = false
                }
            ), ("dylora", adapter(.dylora, 4, 2) { $0.options.blockSize = 2 }),
        ]
    }()

    @Test("load in lycoris-lora, diffusers and PEFT and give the same outputs there")
    func accepted() throws {
        let python = try #require(ProcessInfo.processInfo.environment["RADIATA_PYTHON"])
        let folder = try TemporaryFolder()
        for (name, adapter) in Self.cases { try write(name, adapter, to: folder.path) }
        for name in ["lora", "lokr"] { try writeLarge(name, to: folder.path + "/xl") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [Fixtures.path("verify.py"), folder.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(output.suffix(4000))")
        print(
            output.split(separator: "\n").filter { $0.contains("e-") && !$0.contains("INFO") }.joined(separator: "\n"))
        #expect(output.contains("worst"), "the comparison ran to its end")
    }

    private func write(_ name: String, _ adapter: AdapterSpec, to folder: String) throws {
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        let adapters = try AdapterSet.create(unet: unet, textEncoder: text, adapter: adapter, seed: 3)
        randomise(adapters)
        let path = "\(folder)/\(name).safetensors"
        try adapters.save(to: path, type: .f32)
        adapters.isTraining = false
        adapters.attach()
        let outputs = try ReferenceForwardTests.outputs(unet, text)
        try write(
            [("sample", outputs.sample), ("hidden", outputs.hidden)], to: "\(folder)/\(name).outputs.safetensors")
        guard ["lora_tucker", "lora_rs", "lora_scalar", "dora", "dylora"].contains(name) else { return }
        for (format, out) in [
            (AdapterConversion.Format.diffusers, "\(folder)/\(name).diffusers.safetensors"),
            (.peft, "\(folder)/\(name).peft"),
        ] {
            var conversion = AdapterConversion(path: path, out: out, format: format)
            conversion.type = .f32
            _ = try conversion.run()
        }
    }

    /// An adapter of SDXL's U-Net and both its text encoders.
    private func writeLarge(_ name: String, to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let pipeline = try DiffusionPipeline(directory: LargeModelTests.pipeline)
        var adapter = AdapterSpec(
            algorithm: name == "lora" ? .lora : .lokr, layers: LayerSelection(.full),
            size: AdapterSize(dim: name == "lora" ? 2 : 1, alpha: name == "lora" ? 1 : 0.5))
        adapter.options.factor = 2
        let adapters = try AdapterSet.create(
            unet: pipeline.unet, textEncoder: pipeline.textEncoder, secondTextEncoder: pipeline.textEncoder2,
            adapter: adapter, seed: 3)
        randomise(adapters)
        try adapters.save(to: "\(folder)/\(name).safetensors", type: .f32)
        adapters.isTraining = false
        adapters.attach()
        let outputs = try LargeModelTests.outputs(pipeline)
        try write(
            [("sample", outputs.sample), ("states", outputs.states), ("pooled", outputs.pooled)],
            to: "\(folder)/\(name).outputs.safetensors")
    }

    private func write(_ outputs: [(name: String, floats: [Float])], to path: String) throws {
        var writer = SafetensorsWriter()
        for (name, floats) in outputs { writer.add(name, shape: [floats.count], floats: floats) }
        try writer.write(to: path)
    }

    private func randomise(_ adapters: AdapterSet) {
        for (index, trainable) in adapters.trainables.enumerated() {
            let noise = randomTensor(trainable.tensor.shape, seed: UInt64(50 + index))
            let isFactor = trainable.name.hasSuffix("dora_scale") || trainable.name.hasSuffix("rescale")
            let size: Float = isFactor ? 0.1 : trainable.name.hasSuffix("scalar") ? 0.8 : 0.1
            trainable.tensor.withMutableBuffer { values in
                noise.withBuffer {
                    for i in values.indices { values[i] += size * $0[i] * (isFactor ? values[i] : 1) }
                }
            }
        }
    }
}
