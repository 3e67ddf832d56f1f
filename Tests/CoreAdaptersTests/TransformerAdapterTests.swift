import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import RunSpec
import Testing

/// `Fixtures/generate_transformers.py` makes the files, with the networks of CoreDiffusionTests.
@Suite("Adapters on transformers against peer libraries")
struct TransformerAdapterTests {
    private static let models =
        URL(fileURLWithPath: Fixtures.directory).deletingLastPathComponent()
        .deletingLastPathComponent().path + "/CoreDiffusionTests/Fixtures/"

    private static func network(_ kind: String, _ folder: String? = nil) throws -> any Module {
        let folder = folder ?? models + kind
        return kind == "flux"
            ? try FluxTransformer2DModel(folder: folder) : try SD3Transformer2DModel(folder: folder)
    }

    private static func answer(_ network: any Module) throws -> Tensor {
        try withoutGradients {
            if let flux = network as? FluxTransformer2DModel {
                let file = try SafetensorsFile(path: models + "flux/cases.safetensors")
                func places(_ name: String) throws -> [[Float]] {
                    let values = try file.floats(name)
                    return stride(from: 0, to: values.count, by: 3).map { Array(values[$0..<$0 + 3]) }
                }
                return flux(
                    try file.tensor("hidden_states"), context: try file.tensor("encoder_hidden_states"),
                    pooled: try file.tensor("pooled_projections"), times: try file.floats("timestep"),
                    guidance: try file.floats("guidance"), textIDs: try places("txt_ids"),
                    imageIDs: try places("img_ids"))
            }
            let file = try SafetensorsFile(path: models + "sd3/cases.safetensors")
            guard let wide = network as? SD3Transformer2DModel else { preconditionFailure("no network of these tests") }
            let output = wide(
                permuted(try file.tensor("hidden_states"), [0, 2, 3, 1]),
                context: try file.tensor("encoder_hidden_states"), pooled: try file.tensor("pooled_projections"),
                times: try file.floats("timestep"))
            return permuted(output, [0, 3, 1, 2])
        }
    }

    private static func answer(_ kind: String, with path: String) throws -> Tensor {
        let network = try network(kind)
        let set = try AdapterSet.load(path, unet: network, textEncoder: nil)
        set.isTraining = false
        set.attach()
        return try answer(network)
    }

    private static let files = ["flux-lokr", "sd3-loha", "flux-kohya", "sd3-diffusers"]

    @Test("peers' files change the network as the peers do", arguments: files)
    func forward(name: String) throws {
        let kind = String(name.prefix { $0 != "-" })
        let found = try Self.answer(kind, with: Fixtures.path("transformers/\(name).safetensors"))
        let expected = try SafetensorsFile(path: Fixtures.path("transformers/expected.safetensors")).tensor(name)
        #expect(relativeError(found.values, expected.values) < 5e-6)
    }

    @Test("merged into the base they change it the same, and their size beside it is told", arguments: files)
    func merged(name: String) throws {
        let kind = String(name.prefix { $0 != "-" })
        let out = NSTemporaryDirectory() + "radiata-transformer-\(UUID().uuidString)"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: out) } }
        let path = Fixtures.path("transformers/\(name).safetensors")
        _ = try AdapterMerge(base: Self.models + kind, adapters: [(path, 1)], out: out, type: .f32).run()
        let found = try Self.answer(try Self.network(kind, out))
        let expected = try SafetensorsFile(path: Fixtures.path("transformers/expected.safetensors")).tensor(name)
        #expect(relativeError(found.values, expected.values) < 5e-6)
        let norm = try AdapterNorm.relative(path: path, base: Self.models + kind)
        // The weights that moved, told by the files of the two networks.
        let (before, after) = (try Self.network(kind), try Self.network(kind, out))
        let (changed, whole) = zip(before.allParameters(), after.allParameters()).reduce((0.0, 0.0)) { sum, pair in
            let (old, new) = (pair.0.parameter.tensor.values, pair.1.parameter.tensor.values)
            guard pair.0.parameter.tensor.shape.count > 1, old != new else { return sum }
            return (
                sum.0 + zip(old, new).reduce(0.0) { $0 + Double($1.1 - $1.0) * Double($1.1 - $1.0) },
                sum.1 + old.reduce(0.0) { $0 + Double($1) * Double($1) }
            )
        }
        #expect(abs(norm - (changed / whole).squareRoot()) < 1e-5 * norm)
    }

    @Test(
        "what is converted to another program's names changes it the same", arguments: ["flux-kohya", "sd3-diffusers"])
    func conversions(name: String) throws {
        let kind = String(name.prefix { $0 != "-" })
        let folder = NSTemporaryDirectory() + "radiata-transformer-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        let source = Fixtures.path("transformers/\(name).safetensors")
        let wanted = try Self.answer(kind, with: source)
        for format in [AdapterConversion.Format.kohya, .diffusers, .peft] {
            let out = folder + "/" + format.rawValue + (format == .peft ? "" : ".safetensors")
            var conversion = AdapterConversion(path: source, out: out, format: format)
            conversion.type = .f32
            _ = try conversion.run()
            #expect(relativeError(try Self.answer(kind, with: out).values, wanted.values) < 5e-6, "\(format)")
            guard format != .peft else { continue }
            let names = try SafetensorsFile(path: out).names
            let prefix = format == .kohya ? "lora_unet_" : "transformer."
            #expect(names.allSatisfy { $0.hasPrefix(prefix) }, "\(names.prefix(3))")
            let fused = kind == "flux" ? "double_blocks_0_img_attn_qkv" : "joint_blocks_0_x_block_attn_qkv"
            #expect(names.contains { $0.contains(fused) } == (format == .kohya))
        }
    }

    @Test("presets select the blocks and their attentions; a saved adapter is read again")
    func presets() throws {
        let flux = try Self.network("flux")
        func count(_ preset: LayerPreset) -> Int {
            LayerTarget.selected(by: preset.unet, in: flux, side: .unet).count
        }
        // A double block: 2 norms, 8 projections, 4 of the feed-forward layers; a single one: norm, 3, 2.
        #expect(count(.attnMLP) == 14 + 6)
        #expect(count(.attnOnly) == 8 + 3)
        #expect(count(.full) == count(.attnMLP) + 4 + 6)
        #expect(count(.unetConvBlockOnly) == 4)
        let adapter = try AdapterSet.create(
            unet: flux, textEncoder: nil, adapter: AdapterSpec(algorithm: .lokr, layers: LayerSelection(.attnMLP)))
        #expect(adapter.layers.count == 20)
        let path = NSTemporaryDirectory() + "radiata-transformer-\(UUID().uuidString).safetensors"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        try adapter.save(to: path, type: .f32)
        let again = try AdapterSet.load(path, unet: try Self.network("flux"), textEncoder: nil)
        #expect(Set(again.layers.map(\.target.path)) == Set(adapter.layers.map(\.target.path)))
        #expect(again.layers.allSatisfy { $0.name.hasPrefix("lycoris_") })
    }

    @Test("a key of no layer and a fused layer of an algorithm that cannot be divided are refused by name")
    func refusals() throws {
        let path = NSTemporaryDirectory() + "radiata-transformer-\(UUID().uuidString).safetensors"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        for (name, suffix, word) in [
            ("lycoris_transformer_blocks_7_attn_to_q", "lora_down.weight", "no layer of that name"),
            ("lora_unet_double_blocks_0_img_attn_qkv", "lokr_w1", "cannot be"),
        ] {
            var writer = SafetensorsWriter(metadata: [:])
            if suffix == "lokr_w1" {
                writer.add("\(name).lokr_w1", shape: [4, 4], floats: Array(repeating: 1, count: 16))
                writer.add("\(name).lokr_w2", shape: [12, 4], floats: Array(repeating: 1, count: 48))
            } else {
                writer.add("\(name).lora_down.weight", shape: [1, 16], floats: Array(repeating: 1, count: 16))
                writer.add("\(name).lora_up.weight", shape: [16, 1], floats: Array(repeating: 1, count: 16))
            }
            try writer.write(to: path)
            #expect { try AdapterSet.load(path, unet: try Self.network("flux"), textEncoder: nil) } throws: {
                "\($0)".contains(name) && ("\($0)".contains(word) || word == "cannot be" && "\($0)".contains("divided"))
            }
        }
    }
}
