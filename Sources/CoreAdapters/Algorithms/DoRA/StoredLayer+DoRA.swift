import CoreTensor

extension StoredLayer {
    /// What DoRA changes a weight by: V · (strength · (m / ‖V‖ − 1) + 1) − W with V = W + ΔW.
    ///
    /// - Throws: `AdapterError` for missing keys and shapes that do not fit.
    func decomposed(_ base: StoredTensor, strength: Double) throws -> DoubleMatrix {
        let weight = base.matrix
        let change = try ownFactors()
        try require(change, fits: base)
        var v = weight + change.dense
        let scale = try tensor("dora_scale")
        let taps = weight.columns / base.inputs
        let onOutput = scale.shape.first == weight.rows && scale.values.count == weight.rows
        guard onOutput || scale.values.count == base.inputs else {
            throw AdapterError(
                .wrongShape,
                "\(key("dora_scale")): found shape \(scale.shape), wanted [\(weight.rows), 1] or [1, \(base.inputs)]")
        }
        var squares = [Double](repeating: 0, count: scale.values.count)
        func group(_ i: Int, _ j: Int) -> Int { onOutput ? i : j / taps }
        for i in 0..<v.rows { for j in 0..<v.columns { squares[group(i, j)] += v[i, j] * v[i, j] } }
        let factors = squares.indices.map {
            strength * (scale.values[$0] / (squares[$0].squareRoot() + Double(Float.ulpOfOne)) - 1) + 1
        }
        for i in 0..<v.rows { for j in 0..<v.columns { v[i, j] *= factors[group(i, j)] } }
        return v - weight
    }
}
