import CoreTensor
import RunSpec

/// LoKr: ΔW = α / r · w1 ⊗ w2, each factor a matrix or a low-rank product.
struct LoKrAlgorithm: AdapterAlgorithm {
    let algorithm = Algorithm.lokr
    let form = LayerForm(
        own: LoKrKeys("").own, needed: LoKrKeys("").needed, hasMagnitudes: true, hasScalar: true, mark: "lokr_w1")

    func create(at site: LayerSite, _ layer: NewLayer) -> any LayerUpdate { LoKrUpdate.create(site.geometry, layer) }

    func read(at site: LayerSite, _ keys: LayerKeys) throws -> any LayerUpdate {
        try LoKrUpdate.read(site.geometry, keys)
    }

    func rank(of layer: StoredLayer) -> Int? { LoKrKeys("").rank(of: layer) }

    func factors(of layer: StoredLayer) throws -> UpdateFactors {
        .scaled(try LoKrKeys("").product(in: layer), layer.scale)
    }

    func scalarTargets(in layer: StoredLayer) -> [String] {
        [layer.tensors["lokr_w1"] == nil ? "lokr_w1_a" : "lokr_w1"]
    }

    func kernelTensor(of layer: StoredLayer) -> StoredTensor? { layer.tensors["lokr_w2"] ?? layer.tensors["lokr_t2"] }

    let nameInPEFT: String? = "LOKR"

    /// Of two full matrices PEFT's scale is alpha / r too, where other readers take 1.
    func scale(unranked layer: inout StoredLayer, by scale: Double) {
        layer.tensors["lokr_w1"]?.scale(by: scale)
        layer.isFolded = true
    }

    let extraction: LayerExtraction? = { change in
        try .lokr(change.name, delta: change.delta, shape: change.shape, factor: change.factor)
    }
}

/// The keys of one Kronecker product, of which GLoKr has two.
struct LoKrKeys {
    /// Stands before every suffix.
    let prefix: String

    init(_ prefix: String) { self.prefix = prefix }

    private func suffix(_ name: String) -> String { "\(prefix)lokr_\(name)" }

    var own: [String] { ["w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2"].map(suffix) }

    /// As `LayerForm.needed`.
    var needed: [[[String]]] {
        [[["w1"], ["w1_a", "w1_b"]], [["w2"], ["w2_a", "w2_b"], ["w2_a", "w2_b", "t2"]]].map {
            $0.map { $0.map(suffix) }
        }
    }

    /// Of the larger factor, or else of the smaller; nil for two full matrices.
    func rank(of layer: StoredLayer) -> Int? {
        (layer.tensors[suffix("w2_b")] ?? layer.tensors[suffix("w1_b")])?.shape.first
    }

    /// w1 ⊗ w2 without the scale.
    ///
    /// - Throws: `AdapterError` for missing keys and shapes that do not fit each other.
    func product(in layer: StoredLayer) throws -> UpdateFactors {
        func factor(_ name: String, core: String?) throws -> UpdateFactors {
            if let whole = layer.tensors[suffix(name)] { return .whole(whole.matrix) }
            return try layer.lowRank(suffix(name + "_a"), suffix(name + "_b"), core: core.map(suffix))
        }
        return .kronecker(try factor("w1", core: nil), try factor("w2", core: "t2"))
    }
}

extension StoredLayer {
    /// The Kronecker product nearest to ΔW in the Frobenius norm, both factors full matrices.
    ///
    /// - Parameters:
    ///   - delta: `[out, in · taps]`, columns in the file's order.
    ///   - factor: bound of the smaller factor; -1 splits evenly.
    /// - Throws: `AdapterError` for a ΔW without singular values.
    /// - SeeAlso: Van Loan and Pitsianis, “Approximation with Kronecker products”, 1993.
    static func lokr(_ name: String, delta: DoubleMatrix, shape: [Int], factor: Int) throws -> StoredLayer {
        let inputs = shape.count > 1 ? shape[1] : 1
        let taps = delta.columns / inputs
        let (outer, block) = factorization(shape[0], factor: factor)
        let (groups, width) = factorization(inputs, factor: factor)
        let inner = width * taps
        // Row (a, c), column (b, d): a Kronecker product becomes a product of a column and a row.
        var turned = DoubleMatrix.zeros(outer * groups, block * inner)
        for a in 0..<outer {
            for b in 0..<block {
                for c in 0..<groups {
                    for d in 0..<inner { turned[a * groups + c, b * inner + d] = delta[a * block + b, c * inner + d] }
                }
            }
        }
        let (up, down) = try turned.decomposed(of: name).product(rank: 1)
        let isConvolution = shape.count == 4
        return StoredLayer(
            name: name, algorithm: .lokr,
            tensors: [
                "lokr_w1": StoredTensor(up.values, shape: [outer, groups]),
                "lokr_w2": StoredTensor(
                    down.values, shape: isConvolution ? [block, width] + shape[2...] : [block, width]),
            ], alpha: 1)
    }
}
