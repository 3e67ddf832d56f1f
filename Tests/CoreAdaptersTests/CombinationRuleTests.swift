import CoreAdapters
import CoreTensor
import Foundation
import RunSpec
import TestSupport
import Testing

/// Truth: PEFT's `merge_utils`, and QR for the rule that PEFT has not (`Fixtures/generate_merge_rules.py`).
@Suite("Rules that combine adapters")
struct CombinationRuleTests {
    private static let density = 0.4

    private let file: SafetensorsFile
    private let changes: [[Double]]
    private let weights: [Double]

    init() throws {
        file = try SafetensorsFile(path: Fixtures.path("merge-rules.safetensors"))
        let file = file
        changes = try (0..<3).map { try file.floats("change.\($0)").map(Double.init) }
        weights = try file.floats("weights").map(Double.init)
    }

    private func distance(_ found: [Double], _ name: String) throws -> Double {
        relativeError(found.map { Float($0) }, try file.floats(name))
    }

    @Test("small numbers are left out, and TIES is PEFT's")
    func ties() throws {
        let density = Self.density
        #expect(try distance(CombinationRule.pruned(changes[0], density: density), "pruned") < 1e-6)
        let rule = CombinationRule(.ties, density: density)
        #expect(try distance(rule.combined(changes, weights: weights, layer: "a"), "ties") < 1e-6)
        // All of it, of one sign: the mean.
        let same = CombinationRule(.ties, density: 1).combined([[1, -2], [3, -2]], weights: [1, 1], layer: "a")
        #expect(same == [2, -2])
    }

    @Test("DARE with PEFT's choice is PEFT's, and its own choice keeps the share and the mean")
    func dare() throws {
        let dropped = try changes.enumerated().map { index, change in
            CombinationRule.rescaled(
                change, keeping: try file.floats("kept.\(index)").map { $0 == 1 }, density: Self.density)
        }
        let sum = changes[0].indices.map { place in
            zip(dropped, weights).reduce(0) { $0 + $1.1 * $1.0[place] }
        }
        #expect(try distance(sum, "dare") < 1e-6)
        #expect(try distance(CombinationRule.averagedBySign(dropped, weights), "dare-ties") < 1e-6)
        let ones = [Double](repeating: 1, count: 20_000)
        let rule = CombinationRule(.dare, density: 0.25, seed: 3)
        let found = rule.combined([ones, ones.map { _ in 0 }], weights: [1, 1], layer: "a")
        #expect(Set(found) == [0, 4])
        // Three deviations of the mean: 4 √(0.25 · 0.75 / 20,000) = 0.0122.
        #expect(abs(found.reduce(0, +) / 20_000 - 1) < 0.037)
        #expect(found == rule.combined([ones, ones.map { _ in 0 }], weights: [1, 1], layer: "a"))
        #expect(found != rule.combined([ones, ones.map { _ in 0 }], weights: [1, 1], layer: "b"))
    }

    @Test("each loses what points along those before it")
    func orthogonal() throws {
        let found = CombinationRule.orthogonalised(changes)
        #expect(found[0] == changes[0])
        for (i, j) in [(0, 1), (0, 2), (1, 2)] {
            #expect(abs(zip(found[i], found[j]).reduce(0) { $0 + $1.0 * $1.1 }) < 1e-12)
        }
        let rule = CombinationRule(.orthogonal)
        #expect(try distance(rule.combined(changes, weights: weights, layer: "a"), "orthogonal") < 1e-6)
    }

    @Test("a layer that one adapter changes is left to it, by every rule", arguments: CombinationRule.Kind.allCases)
    func alone(kind: CombinationRule.Kind) {
        let found = CombinationRule(kind, density: 0.1).combined([changes[0]], weights: [0.5], layer: "a")
        #expect(found == changes[0].map { 0.5 * $0 })
    }

    @Test("a combined file changes a base as the merge by the same rule does", arguments: CombinationRule.Kind.allCases)
    func files(kind: CombinationRule.Kind) throws {
        let folder = try TemporaryFolder()
        let adapters = [(AdapterToolTests.adapter("lora"), 0.5), (AdapterToolTests.adapter("lokr_low"), -0.7)]
            .map { (path: $0.0, strength: $0.1) }
        let rule = CombinationRule(kind, density: 0.3, seed: 2)
        let merge = AdapterMerge(
            base: AdapterToolTests.pipeline, adapters: adapters, out: folder.path + "/merged", type: .f32, rule: rule)
        _ = try merge.run()
        let combination = AdapterCombination(base: AdapterToolTests.pipeline, adapters: adapters, rule: rule)
        _ = try combination.write(to: folder.path + "/one.safetensors")
        let merged = try AdapterToolTests.outputs(folder.path + "/merged")
        let attached = try AdapterToolTests.outputs(
            AdapterToolTests.pipeline, adapter: folder.path + "/one.safetensors")
        #expect(relativeError(attached.sample, merged.sample) < 5e-6)
        #expect(relativeError(attached.hidden, merged.hidden) < 5e-6)
        let plain = try AdapterToolTests.outputs(AdapterToolTests.pipeline)
        #expect(relativeError(attached.sample, plain.sample) > 1e-3)
    }
}
