import CoreAdapters
import CoreNets
import CoreTensor
import Testing

/// Effective weight changes that lycoris-lora 4.1.3 computes for tensors filled by a rule (its forward pass).
@Suite("The golden table")
struct GoldenTableTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let outputs, inputs: Int
        /// Suffix, shape and the filling's q.
        let tensors: [(String, [Int], Int)]
        let alpha: Float?
        let sum, squares: Double
        let first: [Float]
        var testDescription: String { name }
    }

    static let rows = [
        Row(
            name: "LoRA", outputs: 6, inputs: 4,
            tensors: [("lora_down.weight", [2, 4], 2), ("lora_up.weight", [6, 2], 3)],
            alpha: 1, sum: 0.015, squares: 0.024075, first: [0.045, 0.015, -0.015, -0.045]),
        Row(
            name: "LoHa", outputs: 6, inputs: 4,
            tensors: [
                ("hada_w1_a", [6, 2], 2), ("hada_w1_b", [2, 4], 3), ("hada_w2_a", [6, 2], 4), ("hada_w2_b", [2, 4], 6),
            ], alpha: 1, sum: 0.0221, squares: 0.000101, first: [0.00315, -0.001, 0.004, -0.0018]),
        Row(
            name: "LoKr, both factors full", outputs: 6, inputs: 4,
            tensors: [("lokr_w1", [2, 2], 2), ("lokr_w2", [3, 2], 3)], alpha: 1, sum: 0, squares: 0.054,
            first: [0.09, 0, 0.03, 0]),
        Row(
            name: "LoKr, low-rank w2", outputs: 8, inputs: 8,
            tensors: [("lokr_w1", [2, 2], 2), ("lokr_w2_a", [4, 1], 3), ("lokr_w2_b", [1, 4], 4)], alpha: 0.5, sum: 0,
            squares: 0.00171, first: [-0.0135, 0.0045, -0.009, 0.009, -0.0045, 0.0015, -0.003, 0.003]),
    ]

    @Test("is met to its printed digits", arguments: rows)
    func met(row: Row) throws {
        let folder = try TemporaryFolder()
        var writer = SafetensorsWriter()
        for (suffix, shape, q) in row.tensors {
            writer.add("lora_unet_lin.\(suffix)", shape: shape, floats: filled(shape, q: q))
        }
        if let alpha = row.alpha { writer.add("lora_unet_lin.alpha", shape: [], floats: [alpha]) }
        let path = folder.path + "/adapter.safetensors"
        try writer.write(to: path)

        let network = TwoLayers(outputs: row.outputs, inputs: row.inputs)
        let base = filled([row.outputs, row.inputs], q: 5)
        try network.linear.weight.load(fileShape: [row.outputs, row.inputs], floats: base)
        try AdapterSet.load(path, unet: network, textEncoder: nil).attach()
        let change = zip(effectiveWeight(network.linear), base).map { $0 - $1 }
        #expect(abs(change.reduce(0) { $0 + Double($1) } - row.sum) < 1e-5)
        #expect(abs(change.reduce(0) { $0 + Double($1 * $1) } - row.squares) < 1e-5)
        for (found, wanted) in zip(change, row.first) { #expect(abs(found - wanted) < 1e-5) }
    }
}
