import CoreTensor
import RunSpec

/// GLoRA: ΔW = α / r · (W·a1·a2 + b1·b2).
struct GLoRAAlgorithm: AdapterAlgorithm {
    let algorithm = Algorithm.glora
    let form = LayerForm(
        own: ["a1.weight", "a2.weight", "b1.weight", "b2.weight"],
        needed: [[["a1.weight"]], [["a2.weight"]], [["b1.weight"]], [["b2.weight"]]], hasScalar: true,
        mark: "a1.weight")
    let needsBase = true

    func create(at site: LayerSite, _ layer: NewLayer) -> any LayerUpdate { GLoRAUpdate.create(site.geometry, layer) }

    func read(at site: LayerSite, _ keys: LayerKeys) throws -> any LayerUpdate {
        try GLoRAUpdate.read(site.geometry, keys)
    }

    func rank(of layer: StoredLayer) -> Int? { layer.tensors["b2.weight"]?.shape.first }

    func delta(of layer: StoredLayer, base: StoredTensor, strength: Double) throws -> DoubleMatrix {
        let (weight, inputs) = (base.matrix, base.inputs)
        var names = ["a1.weight", "a2.weight", "b1.weight", "b2.weight"]
        // Files from before lycoris-lora 3.0 have the roles swapped.
        let first = try layer.tensor("a1.weight").shape
        if first.first != inputs, first.count > 1, first[1] == inputs {
            names = ["a2.weight", "a1.weight", "b2.weight", "b1.weight"]
        }
        let parts = try names.map { try layer.tensor($0).matrix }
        guard parts[0].rows == inputs, parts[1].columns == inputs, parts[0].columns == parts[1].rows,
            parts[2].rows == weight.rows, parts[3].columns == weight.columns, parts[2].columns == parts[3].rows
        else {
            throw AdapterError(
                .wrongShape,
                "\(layer.key("a1.weight")): found shape \(first), wanted [\(inputs), r] beside "
                    + "[r, \(inputs)], [\(weight.rows), r] and [r, \(weight.columns)]"
            )
        }
        return (base.mixed(by: parts[0] * parts[1]) + parts[2] * parts[3]).scaled(by: layer.scale * strength)
    }

    func scalarTargets(in layer: StoredLayer) -> [String] { ["a2.weight", "b2.weight"] }
}
