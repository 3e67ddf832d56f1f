import CoreTensor
import RunSpec

/// Native fine-tuning: the difference of the whole weight.
struct FullAlgorithm: AdapterAlgorithm {
    let algorithm = Algorithm.full
    let form = LayerForm(own: ["diff"], needed: [[["diff"]]], hasAlpha: false, mark: "diff")

    func create(at site: LayerSite, _ layer: NewLayer) -> any LayerUpdate {
        FullUpdate.create(site.geometry, weight: site.weight, bias: site.bias)
    }

    func read(at site: LayerSite, _ keys: LayerKeys) throws -> any LayerUpdate {
        try FullUpdate.read(site.geometry, keys, weight: site.weight, bias: site.bias)
    }

    func valueCount(_ geometry: LayerGeometry, rank: Int?) -> Int { geometry.outputs * geometry.columns }

    func factors(of layer: StoredLayer) throws -> UpdateFactors { .whole(try layer.tensor("diff").matrix) }

    let extraction: LayerExtraction? = { change in
        StoredLayer(
            name: change.name, algorithm: .full,
            tensors: ["diff": StoredTensor(change.delta, shape: change.shape)])
    }

    /// There is no rank to change.
    func resized(_ layer: StoredLayer, _ resize: LayerResize) -> StoredLayer { layer }
}
