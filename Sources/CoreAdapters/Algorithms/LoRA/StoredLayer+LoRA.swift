import CoreTensor
import RunSpec

extension StoredLayer {
    /// A LoRA layer of scale 1.
    ///
    /// - Parameters:
    ///   - up: `[out, r]`.
    ///   - down: `[r, in · taps]`, columns in the file's order.
    ///   - shape: of the weight, `[out, in]` or `[out, in, k, k]`.
    static func lora(
        _ name: String, up: DoubleMatrix, down: DoubleMatrix, shape: [Int], alpha: Double? = nil
    ) -> StoredLayer {
        let rank = up.columns
        let ones = shape.count == 4 ? [1, 1] : []
        return StoredLayer(
            name: name, algorithm: .lora,
            tensors: [
                "lora_up.weight": StoredTensor(up, shape: [up.rows, rank] + ones),
                "lora_down.weight": StoredTensor(down, shape: [rank] + shape.dropFirst()),
            ], alpha: alpha ?? Double(rank))
    }

    /// The best LoRA of a ΔW.
    ///
    /// - Throws: `AdapterError` for a ΔW without singular values.
    static func lora(_ name: String, delta: DoubleMatrix, shape: [Int], rule: RankRule) throws -> StoredLayer {
        let values = try delta.decomposed(of: name)
        let (up, down) = values.product(rank: rule.rank(values.values))
        return lora(name, up: up, down: down, shape: shape)
    }

    /// Whether it is a LoRA and nothing else, magnitudes and biases aside.
    var isLoRA: Bool { algorithm == .lora && tensors["diff"] == nil }

    /// A LoRA with its Tucker product multiplied out: up · (core · down) has the same rank.
    ///
    /// - Throws: `AdapterError` for tensors that do not fit each other.
    func withoutCore() throws -> StoredLayer {
        guard let core = tensors["lora_mid.weight"] else { return self }
        let rank = core.shape.first ?? 1
        let lower = StoredLayer(
            name: name, algorithm: .lora,
            tensors: [
                "lora_up.weight": StoredTensor(DoubleMatrix.identity(rank), shape: [rank, rank]),
                "lora_mid.weight": core, "lora_down.weight": try tensor("lora_down.weight"),
            ])
        let down = try lower.delta(base: nil)
        var result = self
        result.tensors["lora_mid.weight"] = nil
        let inputs = try tensor("lora_down.weight").shape[1]
        result.tensors["lora_down.weight"] = StoredTensor(down, shape: [rank, inputs] + core.shape.suffix(2))
        return result
    }
}
