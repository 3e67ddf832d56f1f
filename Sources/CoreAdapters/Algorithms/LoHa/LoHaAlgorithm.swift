import CoreTensor
import RunSpec

/// LoHa: ΔW = α / r · (w1_a · w1_b) ⊙ (w2_a · w2_b).
struct LoHaAlgorithm: AdapterAlgorithm {
    let algorithm = Algorithm.loha
    let form = LayerForm(
        own: ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"],
        needed: [[["hada_w1_a"]], [["hada_w1_b"]], [["hada_w2_a"]], [["hada_w2_b"]]],
        together: [["hada_t1", "hada_t2"]], hasMagnitudes: true, hasScalar: true, mark: "hada_w1_a")

    func create(at site: LayerSite, _ layer: NewLayer) -> any LayerUpdate { LoHaUpdate.create(site.geometry, layer) }

    func read(at site: LayerSite, _ keys: LayerKeys) throws -> any LayerUpdate {
        try LoHaUpdate.read(site.geometry, keys)
    }

    /// Two low-rank products.
    func valueCount(_ geometry: LayerGeometry, rank: Int?) -> Int {
        min(geometry.outputs * geometry.columns, 2 * (rank ?? 1) * (geometry.outputs + geometry.columns))
    }

    func rank(of layer: StoredLayer) -> Int? { layer.tensors["hada_w1_b"]?.shape.first }

    func factors(of layer: StoredLayer) throws -> UpdateFactors {
        let first = try layer.lowRank("hada_w1_a", "hada_w1_b", core: "hada_t1")
        let second = try layer.lowRank("hada_w2_a", "hada_w2_b", core: "hada_t2")
        guard first.rows == second.rows, first.columns == second.columns else {
            throw AdapterError(
                .wrongShape,
                "\(layer.key("hada_w2_a")): the two products are \(first.rows) × \(first.columns) and "
                    + "\(second.rows) × \(second.columns); wanted equal sizes"
            )
        }
        return .scaled(.hadamard(first, second), layer.scale)
    }

    func scalarTargets(in layer: StoredLayer) -> [String] { ["hada_w1_a"] }
    func kernelTensor(of layer: StoredLayer) -> StoredTensor? { layer.tensors["hada_t1"] }
    let nameInPEFT: String? = "LOHA"
}
