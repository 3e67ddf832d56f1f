import CoreTensor
import RunSpec

/// How large an adapter's update is beside the weights that it changes.
package enum AdapterNorm {
    /// √(Σ‖ΔW‖² / Σ‖W‖²) over the layers of the file, in the Frobenius norm. Biases are left out.
    ///
    /// - Parameters:
    ///   - path: a file, or a folder as PEFT and diffusers write it.
    ///   - base: the base model.
    /// - Throws: `AdapterError` naming the key that is wrong, and the readers' errors.
    package static func relative(path: String, base: String) throws -> Double {
        let adapter = try StoredAdapter(path: path)
        let weights = try BaseWeights(path: base)
        let norms = try inParallel(adapter.layers.count) { index in
            try naming(path) { try squares(adapter.layers[index], weights) }
        }
        let (update, whole) = norms.reduce((0.0, 0.0)) { ($0.0 + $1.update, $0.1 + $1.whole) }
        return whole > 0 ? (update / whole).squareRoot() : .nan
    }

    private static func squares(
        _ stored: StoredLayer, _ weights: BaseWeights
    ) throws -> (update: Double, whole: Double) {
        let layer = try weights.resolved(stored)
        let base = try weights.weight(weights.layer(layer.name))
        // The inputs that read an edit's source are in no base.
        if layer.algorithm == .full, let whole = layer.tensors["diff"], whole.shape.count == 4, base.shape.count == 4,
            whole.shape[0] == base.shape[0], whole.shape[1] == 2 * base.shape[1]
        {
            return (whole.matrix.inner(whole.matrix), base.matrix.inner(base.matrix))
        }
        let change: UpdateFactors =
            layer.needsBase ? .whole(try layer.delta(base: base)) : try layer.factors(fitting: base)
        return (change.squaredNorm, base.matrix.inner(base.matrix))
    }
}
