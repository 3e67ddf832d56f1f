import CoreTensor
import RunSpec

/// (IA)³: every output row, or input channel, of the weight times a factor.
struct IA3Algorithm: AdapterAlgorithm {
    let algorithm = Algorithm.ia3
    let form = LayerForm(
        own: ["weight", "on_input"], needed: [[["weight"]], [["on_input"]]], hasAlpha: false, mark: "on_input")
    let needsBase = true

    func create(at site: LayerSite, _ layer: NewLayer) -> any LayerUpdate { IA3Update.create(site.geometry, layer) }

    func read(at site: LayerSite, _ keys: LayerKeys) throws -> any LayerUpdate {
        try IA3Update.read(site.geometry, keys)
    }

    func delta(of layer: StoredLayer, base: StoredTensor, strength: Double) throws -> DoubleMatrix {
        let (weight, inputs) = (base.matrix, base.inputs)
        let factor = try layer.tensor("weight").values
        let onInput = try layer.tensor("on_input").values.contains { $0 != 0 }
        guard factor.count == (onInput ? inputs : weight.rows) else {
            throw AdapterError(
                .wrongShape,
                "\(layer.key("weight")): found shape \(try layer.tensor("weight").shape), wanted \(onInput ? inputs : weight.rows) values"
            )
        }
        let taps = weight.columns / inputs
        var result = weight
        for i in 0..<weight.rows {
            for j in 0..<weight.columns { result[i, j] *= strength * (onInput ? factor[j / taps] : factor[i]) }
        }
        return result
    }
}
