import CoreAdapters
import CoreNets
import CoreTensor
import TestSupport
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
        /// `on_input`
        var flag: Float?
        /// Shape of `dora_scale`, which holds the norms of the base.
        var magnitudes: [Int]?
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
        Row(
            name: "Diag-OFT", outputs: 6, inputs: 4, tensors: [("oft_blocks", [3, 2, 2], 3)], alpha: 0, sum: 0.23733,
            squares: 0.382373, first: [0.214679, 0.022018, -0.055046, -0.13211]),
        Row(
            name: "BOFT", outputs: 8, inputs: 4, tensors: [("oft_blocks", [3, 4, 2, 2], 3)], alpha: 0, sum: -0.648987,
            squares: 1.724126, first: [0.119909, -0.141917, -0.129855, 0.185202]),
        Row(
            name: "GLoRA", outputs: 6, inputs: 4,
            tensors: [
                ("a1.weight", [4, 2], 2), ("a2.weight", [2, 4], 3), ("b1.weight", [6, 2], 4), ("b2.weight", [2, 4], 6),
            ], alpha: 1, sum: -0.0285, squares: 0.03874, first: [0.0495, -0.065, -0.022, -0.056]),
        Row(
            name: "(IA)³ on outputs", outputs: 6, inputs: 4, tensors: [("weight", [6], 2)], alpha: nil, flag: 0,
            sum: 0.05,
            squares: 0.0381, first: [0.09, -0.06, 0, 0.06]),
        Row(
            name: "(IA)³ on inputs", outputs: 6, inputs: 4, tensors: [("weight", [4], 2)], alpha: nil, flag: 1,
            sum: -0.01,
            squares: 0.0505, first: [0.09, -0.02, 0, -0.06]),
        Row(
            name: "LoRA with DoRA on output rows", outputs: 6, inputs: 4,
            tensors: [("lora_down.weight", [2, 4], 2), ("lora_up.weight", [6, 2], 3)], alpha: 1, magnitudes: [6, 1],
            sum: -0.008603, squares: 0.013319, first: [0.046118, 0.014058, -0.014934, -0.043926]),
        Row(
            name: "LoRA with DoRA on input columns", outputs: 6, inputs: 4,
            tensors: [("lora_down.weight", [2, 4], 2), ("lora_up.weight", [6, 2], 3)], alpha: 1, magnitudes: [1, 4],
            sum: 0.030728, squares: 0.017130, first: [0.018185, 0.0141, -0.013907, -0.025091]),
    ]

    @Test("is met to its printed digits", arguments: rows)
    func met(row: Row) throws {
        let folder = try TemporaryFolder()
        var writer = SafetensorsWriter()
        for (suffix, shape, q) in row.tensors {
            writer.add("lora_unet_lin.\(suffix)", shape: shape, floats: filled(shape, q: q))
        }
        if let alpha = row.alpha { writer.add("lora_unet_lin.alpha", shape: [], floats: [alpha]) }
        if let flag = row.flag { writer.add("lora_unet_lin.on_input", shape: [], floats: [flag]) }

        let network = TwoLayers(outputs: row.outputs, inputs: row.inputs)
        let base = filled([row.outputs, row.inputs], q: 5)
        try network.linear.weight.load(fileShape: [row.outputs, row.inputs], floats: base)
        if let shape = row.magnitudes {
            writer.add("lora_unet_lin.dora_scale", shape: shape, floats: norms(base, rows: shape[0] > 1, row.inputs))
        }
        let path = folder.path + "/adapter.safetensors"
        try writer.write(to: path)
        try AdapterSet.load(path, unet: network, textEncoder: nil).attach()
        let change = zip(effectiveWeight(network.linear), base).map { $0 - $1 }
        #expect(abs(change.reduce(0) { $0 + Double($1) } - row.sum) < 1e-5)
        #expect(abs(change.reduce(0) { $0 + Double($1 * $1) } - row.squares) < 1e-5)
        for (found, wanted) in zip(change, row.first) { #expect(abs(found - wanted) < 1e-5) }
    }

    private func norms(_ base: [Float], rows: Bool, _ inputs: Int) -> [Float] {
        var squares: [Int: Float] = [:]
        for (i, value) in base.enumerated() { squares[rows ? i / inputs : i % inputs, default: 0] += value * value }
        return squares.sorted { $0.key < $1.key }.map { $0.value.squareRoot() }
    }
}
