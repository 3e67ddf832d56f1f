import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import RunSpec
import TestSupport
import Testing

/// Taking adapters out of two models, and giving them other ranks.
extension AdapterToolTests {
    @Test(
        "merge, extract at full rank and merge again: the same weights",
        arguments: [
            ("full", Algorithm.lora), ("lora", .lora), ("loha", .lora), ("boft", .lora), ("full", .full),
            ("lokr_full", .lokr),
            ("dora", .full),
        ])
    func extractRoundTrip(name: String, algorithm: Algorithm) throws {
        let folder = try TemporaryFolder()
        let (tuned, again, file) = (
            folder.path + "/tuned", folder.path + "/again", folder.path + "/extracted.safetensors"
        )
        _ = try AdapterMerge(base: Self.pipeline, adapters: [(Self.adapter(name), 1)], out: tuned, type: .f32).run()
        var extraction = AdapterExtraction(base: Self.pipeline, tuned: tuned, out: file)
        extraction.algorithm = algorithm
        extraction.rule = .fixed(100_000)
        extraction.factor = 2
        extraction.type = .f32
        let report = try extraction.run()
        #expect(report.left.isEmpty)
        // The tuned weights were rounded to f32, which a product of fewer numbers cannot follow.
        #expect(report.layers.allSatisfy { $0.error < (algorithm == .lokr ? 1e-5 : 1e-6) })
        _ = try AdapterMerge(base: Self.pipeline, adapters: [(file, 1)], out: again, type: .f32).run()
        let (wanted, found) = (try Self.weights(tuned), try Self.weights(again))
        #expect(wanted.count == found.count)
        for (key, values) in wanted { #expect(relativeError(found[key] ?? [], values) < 1e-5, "\(key)") }
        let expected = try ReferenceForwardTests.expected(name)
        #expect(
            relativeError(try Self.outputs(Self.pipeline, adapter: file).sample, try expected.floats("\(name).sample"))
                < 5e-6)
    }

    @Test("extract keeps as many singular values as the rule says, and its error is the rest's norm")
    func extractRules() throws {
        #expect(RankRule.fixed(9).rank([4, 3, 2]) == 3)
        #expect(RankRule.fixed(0).rank([4, 3, 2]) == 1)
        #expect(RankRule.ratio(0.5).rank([4, 3, 2, 1]) == 2)
        #expect(RankRule.threshold(1.5).rank([4, 3, 2, 1]) == 3)
        #expect(RankRule.quantile(0.7).rank([4, 3, 2, 1]) == 1)
        #expect(RankRule.quantile(0.95).rank([4, 3, 2, 1]) == 3)
        #expect(RankRule.energy(0.5).rank([4, 3, 2, 1]) == 1)
        #expect(RankRule.energy(0.9).rank([4, 3, 2, 1]) == 3)
        let folder = try TemporaryFolder()
        _ = try AdapterMerge(
            base: Self.pipeline, adapters: [(Self.adapter("full"), 1)], out: folder.path + "/tuned", type: .f32
        ).run()
        var extraction = AdapterExtraction(
            base: Self.pipeline, tuned: folder.path + "/tuned", out: folder.path + "/two.safetensors")
        extraction.rule = .fixed(2)
        extraction.convRule = .fixed(3)
        extraction.type = .f32
        let rows = try extraction.run().layers
        let full = Dictionary(
            uniqueKeysWithValues: try StoredAdapter(path: Self.adapter("full")).layers.map { ($0.name, $0) })
        for row in rows where row.rank != nil {
            let delta = try #require(try full[row.name]?.delta(base: nil))
            let values = try #require(delta.singularValues()).values
            let rest = values.dropFirst(row.rank ?? 0).reduce(0) { $0 + $1 * $1 }.squareRoot()
            // The tuned weights were rounded to f32.
            #expect(abs(row.error - rest / delta.norm) < 1e-4, "\(row.name)")
        }
        #expect(Set(rows.compactMap(\.rank)) == [2, 3])
        #expect(rows.contains { $0.rank == nil })
    }

    @Test(
        "resize to the same rank changes nothing",
        arguments: [
            "lora", "lora_tucker", "loha", "loha_tucker", "lokr_low", "lokr_full", "lokr_both", "lokr_tucker", "dora",
        ])
    func resizeSame(name: String) throws {
        let folder = try TemporaryFolder()
        let out = folder.path + "/same.safetensors"
        let source = try StoredAdapter(path: Self.adapter(name))
        let rank = try #require(source.layers.first { $0.name.hasSuffix("attn1_to_q") }).rank ?? 10_000
        let wide = source.layers.first { $0.name.hasSuffix("resnets_0_conv1") }?.rank ?? rank
        let report = try AdapterResize(
            path: Self.adapter(name), out: out, rule: .fixed(rank), convRule: .fixed(wide), type: .f32
        ).run()
        #expect(report.layers.allSatisfy { $0.error == 0 && $0.from == $0.to })
        let again = try StoredAdapter(path: out)
        for (old, new) in zip(source.layers, again.layers) {
            #expect(old.tensors == new.tensors && old.alpha == new.alpha, "\(old.name)")
        }
    }

    @Test("resize to more ranks changes no output; to fewer, LoRA loses the smallest singular values")
    func resizeLoRA() throws {
        let folder = try TemporaryFolder()
        for name in ["lora", "loha", "lora_tucker", "loha_tucker", "lokr_tucker", "lokr_both", "lokr_low"] {
            let out = "\(folder.path)/\(name)-large.safetensors"
            _ = try AdapterResize(path: Self.adapter(name), out: out, rule: .fixed(6), type: .f32).run()
            let expected = try ReferenceForwardTests.expected(name)
            let found = try Self.outputs(Self.pipeline, adapter: out)
            #expect(relativeError(found.sample, try expected.floats("\(name).sample")) < 5e-6)
            #expect(relativeError(found.hidden, try expected.floats("\(name).hidden")) < 5e-6)
            #expect(
                try StoredAdapter(path: out).layers.allSatisfy { $0.isNorm || $0.rank == 6 || $0.algorithm == .lokr })
        }
        let out = folder.path + "/small.safetensors"
        let rows = try AdapterResize(path: Self.adapter("lora"), out: out, rule: .fixed(1), type: .f32).run().layers
        let source = Dictionary(
            uniqueKeysWithValues: try StoredAdapter(path: Self.adapter("lora")).layers.map { ($0.name, $0) })
        for row in rows where row.to != nil {
            let delta = try #require(try source[row.name]?.delta(base: nil))
            let values = try #require(delta.singularValues()).values
            let rest = values.dropFirst().reduce(0) { $0 + $1 * $1 }.squareRoot() / delta.norm
            #expect(abs(row.error - rest) < 1e-6)
        }
        // alpha / rank stays.
        for layer in try StoredAdapter(path: out).layers where !layer.isNorm {
            #expect(abs(layer.scale - (source[layer.name]?.scale ?? 0)) < 1e-6)
        }
    }

    @Test("resize LoHa beats keeping each half's best part, and LoKr loses w2's smallest values")
    func resizeOthers() throws {
        let folder = try TemporaryFolder()
        let loha = try AdapterResize(
            path: Self.adapter("loha"), out: folder.path + "/loha.safetensors", rule: .fixed(1), type: .f32
        ).run().layers
        #expect(loha.allSatisfy { $0.to == 1 && $0.error < 1 && $0.error > 0 })
        let lokr = try AdapterResize(
            path: Self.adapter("lokr_full"), out: folder.path + "/lokr.safetensors", rule: .fixed(1), type: .f32
        ).run().layers
        let source = Dictionary(
            uniqueKeysWithValues: try StoredAdapter(path: Self.adapter("lokr_full")).layers.map { ($0.name, $0) })
        for row in lokr where row.to == 1 {
            let block = try #require(source[row.name]?.tensors["lokr_w2"]).matrix
            let values = try #require(block.singularValues()).values
            let rest = values.dropFirst().reduce(0) { $0 + $1 * $1 }.squareRoot() / block.norm
            #expect(abs(row.error - rest) < 1e-6, "\(row.name)")
        }
        #expect(lokr.contains { $0.to == 1 })
    }
}
