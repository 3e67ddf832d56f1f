import CoreTensor
import RunSpec

/// GLoKr: ΔW = W·A + B, both A and B Kronecker products with a scale of their own.
struct GLoKrAlgorithm: AdapterAlgorithm {
    private static let (mixing, added) = (LoKrKeys("a."), LoKrKeys("b."))

    let algorithm = Algorithm.glokr
    let form = LayerForm(
        own: Self.mixing.own + Self.added.own, needed: Self.added.needed + Self.mixing.needed, mark: "b.lokr_w1")
    let needsBase = true

    func create(at site: LayerSite, _ layer: NewLayer) -> any LayerUpdate { GLoKrUpdate.create(site.geometry, layer) }

    func read(at site: LayerSite, _ keys: LayerKeys) throws -> any LayerUpdate {
        try GLoKrUpdate.read(site.geometry, keys)
    }

    func rank(of layer: StoredLayer) -> Int? { layer.tensors["b.lokr_w2_b"]?.shape.first }

    func delta(of layer: StoredLayer, base: StoredTensor, strength: Double) throws -> DoubleMatrix {
        let (weight, inputs) = (base.matrix, base.inputs)
        func scale(_ keys: LoKrKeys) -> Double { AlphaScale.scale(alpha: layer.alpha, rank: keys.rank(of: layer)) }
        let (mixing, added) = (try Self.mixing.product(in: layer), try Self.added.product(in: layer))
        guard mixing.rows == inputs, mixing.columns == inputs, added.rows == weight.rows,
            added.columns == weight.columns
        else {
            throw AdapterError(
                .wrongShape,
                "\(layer.key("a.lokr_w1")): makes \(mixing.rows) × \(mixing.columns) beside \(added.rows) × "
                    + "\(added.columns), wanted \(inputs) × \(inputs) and \(weight.rows) × \(weight.columns)"
            )
        }
        return
            (base.mixed(by: mixing.dense).scaled(by: scale(Self.mixing)) + added.dense.scaled(by: scale(Self.added)))
            .scaled(by: strength)
    }
}
