import CoreAdapters
import CoreDiffusion
import CoreTensor
import Foundation
import TestSupport
import Testing

/// Truth: PEFT's own forward pass in f64, and its own saved folders (`Fixtures/generate_forms.py`).
@Suite("PEFT's folders")
struct PEFTFolderTests {
    static let names = [
        "lora", "rslora", "dora", "lora_bias", "bias_only", "bias_all", "loha", "loha_plain", "lokr", "lokr_full",
    ]

    private static func folder(_ name: String) -> String { Fixtures.path("peft/\(name)") }

    private static func expected(_ name: String) throws -> [Float] {
        try SafetensorsFile(path: Fixtures.path("forward-forms.safetensors")).floats(name)
    }

    @Test("give PEFT's output: alpha and its patterns, rsLoRA, DoRA, biases, LoHa, LoKr", arguments: names)
    func forwardMatches(name: String) throws {
        let folder = try TemporaryFolder()
        let (path, wanted) = (Self.folder(name), try Self.expected(name))
        for source in [path, path + "/adapter_model.safetensors"] {
            let found = try AdapterFormTests.sample(AdapterToolTests.pipeline, adapter: source)
            #expect(relativeError(found, wanted) < 5e-6)
        }
        let unet = try DiffusionPipeline.loadUNet(AdapterToolTests.pipeline + "/unet")
        #expect(try AdapterSet.load(path, unet: unet, textEncoder: nil).warnings.isEmpty)
        // The tools read the same.
        let again = folder.path + "/kohya.safetensors"
        var conversion = AdapterConversion(path: path, out: again, format: .kohya)
        conversion.base = AdapterToolTests.pipeline
        conversion.type = .f32
        _ = try conversion.run()
        #expect(relativeError(try AdapterFormTests.sample(AdapterToolTests.pipeline, adapter: again), wanted) < 5e-6)
        let inspected = try AdapterInspection(path: path, base: AdapterToolTests.pipeline)
        #expect(inspected.layers.allSatisfy { $0.norm != nil } && inspected.warnings.isEmpty)
        // to_q has no bias, so that one cannot be merged into it.
        guard name != "lora_bias" else { return }
        let merged = folder.path + "/merged"
        _ = try AdapterMerge(base: AdapterToolTests.pipeline, adapters: [(path, 1)], out: merged, type: .f32).run()
        #expect(relativeError(try AdapterFormTests.sample(merged), wanted) < 5e-6)
    }

    @Test("without their configuration have alpha = rank, with a warning")
    func bare() throws {
        let folder = try TemporaryFolder()
        let bare = folder.path + "/adapter_model.safetensors"
        try FileManager.default.copyItem(atPath: Self.folder("rslora") + "/adapter_model.safetensors", toPath: bare)
        let adapter = try StoredAdapter(path: bare)
        #expect(adapter.layers.allSatisfy { $0.scale == 1 })
        #expect(adapter.warnings.count == 1 && adapter.warnings[0].contains("base_model.model."))
        // The folder itself is refused: it looks like PEFT's, but says nothing about alpha.
        #expect { try StoredAdapter(path: folder.path) } throws: { "\($0)".contains("adapter_config.json") }
        // rs-LoRA of alpha 3 and rank 4: 3 / √4.
        #expect(try StoredAdapter(path: Self.folder("rslora")).layers.allSatisfy { abs($0.scale - 1.5) < 1e-12 })
    }

    @Test("of a whole pipeline, one for each component, are one adapter")
    func components() throws {
        let folder = try TemporaryFolder()
        let out = folder.path + "/peft"
        var plain = try StoredAdapter(path: AdapterToolTests.adapter("lora"))
        plain.layers.removeAll { $0.isNorm }
        let path = folder.path + "/plain.safetensors"
        try plain.save(to: path, type: .f32)
        var conversion = AdapterConversion(path: path, out: out, format: .peft)
        conversion.type = .f32
        #expect(try conversion.run().out.count == 2)
        let (wanted, found) = (
            try AdapterToolTests.outputs(AdapterToolTests.pipeline, adapter: path),
            try AdapterToolTests.outputs(AdapterToolTests.pipeline, adapter: out)
        )
        #expect(relativeError(found.sample, wanted.sample) < 5e-6)
        #expect(relativeError(found.hidden, wanted.hidden) < 5e-6)
    }

    private func message(_ configuration: String, like name: String = "lora") throws -> String {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(
            atPath: Self.folder(name) + "/adapter_model.safetensors",
            toPath: folder.path + "/adapter_model.safetensors")
        try configuration.write(toFile: folder.path + "/adapter_config.json", atomically: true, encoding: .utf8)
        do {
            _ = try StoredAdapter(path: folder.path)
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "are refused by the entry that is not done or does not fit",
        arguments: [
            (#"{"peft_type": "OFT", "r": 4}"#, "peft_type OFT"), (#"{"peft_type": "IA3"}"#, "peft_type IA3"),
            (#"{"peft_type": "LOHA", "r": 4, "alpha": 4}"#, "says LOHA"),
            (#"{"peft_type": 3}"#, "peft_type is a number"), ("{", "wanted '\"'"), ("[]", "a list"),
            (#"{"r": 3, "lora_alpha": 3}"#, "found rank"), (#"{"r": 0}"#, "r is 0"),
            (#"{"r": 4, "lora_alpha": "6"}"#, "lora_alpha is text"), (#"{"r": 4, "lora_alpha": 0}"#, "alpha is 0"),
            (#"{"r": 4, "rank_pattern": {"conv1": 2, "[": 3}}"#, "'['"),
            (#"{"r": 4, "rank_pattern": {"conv1": 2}, "alpha_pattern": []}"#, "alpha_pattern is a list"),
            (#"{"r": 4, "rank_pattern": {"conv1": 2}, "use_dora": true}"#, "use_dora"),
            (#"{"r": 4, "init_lora_weights": "pissa_niter_4"}"#, "init_lora_weights"),
            (#"{"r": 4, "layer_replication": [[0, 4]]}"#, "layer_replication"),
            (#"{"r": 4, "use_qalora": true}"#, "use_qalora"),
        ])
    func refused(configuration: String, mention: String) throws {
        let found = try message(configuration)
        #expect(found.contains(mention) && found.contains("adapter_config.json"), "\(found)")
    }

    @Test("decide by the first pattern that fits a path's last elements, in the order of the text")
    func patterns() throws {
        func scale(_ patterns: String, _ path: String) throws -> Double {
            try PEFTConfiguration(text: #"{"r": 2, "lora_alpha": 2, "alpha_pattern": \#(patterns)}"#, source: "test")
                .scale(path, found: 2, key: "key")
        }
        let path = "down.0.attn1.to_q"
        #expect(try scale(#"{"to_q": 8, "attn1.to_q": 6}"#, path) == 4)
        #expect(try scale(#"{"attn1.to_q": 6, "to_q": 8}"#, path) == 3)
        #expect(try scale(#"{"o_q": 8}"#, path) == 1)
        #expect(try scale(#"{"to_[kq]": 8}"#, path) == 4)
        #expect(try scale(#"{"down.*": 8}"#, path) == 4)
        #expect(try scale(#"{"attn1": 8}"#, path) == 1)
        #expect(try scale(#"{"attn\\d\\.to_(q|k)": 8}"#, path) == 4)
        // As re.match has it, what stands before may be nothing but whole elements, a caret never fits behind
        // one.
        #expect(try scale(#"{"^down.*to_q": 8}"#, path) == 4)
        #expect(try scale(#"{"^to_q": 8}"#, path) == 1)
    }

    @Test("match as Python's re does, and none takes long")
    func expressions() throws {
        func matches(_ pattern: String, _ path: String) throws -> Bool {
            try PathRule(pattern, source: "test").matches(path)
        }
        // Each against re.match(r"(.*\.)?(pattern)$", path).
        for (pattern, path, wanted) in [
            ("to_[^kv]", "a.to_q", true), ("to_[^kv]", "a.to_v", false), (#"\w+\.\w+"#, "ab.abc", true),
            ("a{2,3}", "x.aaa", true), ("a{2,3}", "aaaa", false), ("(?:a|b)+", "abba", true), ("a|", "x.", true),
            ("[]a]", "]", true), ("[a-c]{,2}", "abc", false), (#"[\d.]+"#, "1.2", true), ("(?P<n>ab)c", "abc", true),
            ("a+?b", "aab", true), ("", "to_q", false), ("x$", "x", true),
        ] { #expect(try matches(pattern, path) == wanted, "\(pattern) \(path)") }
        for bad in ["(", "a)", "[a", "*", "a**", "(?=a)", #"\1"#, #"\b"#, "a{3,2}", "a{999}", "\\"] {
            #expect(throws: AdapterError.self, "\(bad)") { try PathRule(bad, source: "test") }
        }
        // These take an engine that goes back and forth longer than the universe is old.
        let path = String(repeating: "a", count: 60)
        #expect(try !matches("(a+)+b", path) && !matches("((a*)*)*b", path) && !matches("(a|a|aa)+b", path))
    }

    @Test("other folders are refused with what was looked for")
    func otherFolders() throws {
        let folder = try TemporaryFolder()
        #expect { try StoredAdapter(path: folder.path) } throws: { "\($0)".contains("adapter_model.safetensors") }
        try Data().write(to: URL(filePath: folder.path + "/adapter_model.bin"))
        #expect { try StoredAdapter(path: folder.path) } throws: { "\($0)".contains("pickle") }
        try FileManager.default.copyItem(
            atPath: AdapterToolTests.adapter("loha"), toPath: folder.path + "/pytorch_lora_weights.safetensors")
        #expect(try StoredAdapter(path: folder.path).layers.count > 90)
        // A configuration beside an adapter of another program is not that adapter's.
        try FileManager.default.copyItem(
            atPath: AdapterToolTests.adapter("lora"), toPath: folder.path + "/mine.safetensors")
        try #"{"peft_type": "OFT"}"#.write(
            toFile: folder.path + "/adapter_config.json", atomically: true, encoding: .utf8)
        #expect(try StoredAdapter(path: folder.path + "/mine.safetensors").layers.count > 90)
    }
}
