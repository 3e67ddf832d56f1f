import CoreTensor
package import RunSpec

/// One layer of an adapter file as it stands there, without a network: what the adapter tools work on, in f64.
package struct StoredLayer: Sendable {
    /// In kohya's spelling, such as `lora_unet_mid_block_attentions_0_proj_in`.
    package var name: String
    /// nil for a normalisation layer, and for one with nothing but a bias.
    package let algorithm: Algorithm?
    /// By suffix, without `alpha`.
    package var tensors: [String: StoredTensor]
    package var alpha: Double?

    package init(name: String, algorithm: Algorithm?, tensors: [String: StoredTensor], alpha: Double? = nil) {
        self.name = name
        self.algorithm = algorithm
        self.tensors = tensors
        self.alpha = alpha
    }

    package var isNorm: Bool { tensors["w_norm"] != nil }
    package var isDoRA: Bool { tensors["dora_scale"] != nil }

    /// Whether ΔW depends on the weight it changes.
    package var needsBase: Bool {
        switch algorithm {
        case .ia3, .glora, .glokr, .diagOFT, .boft: true
        default: isDoRA
        }
    }

    /// Numbers in the file, alpha included.
    package var valueCount: Int { tensors.values.reduce(alpha == nil ? 0 : 1) { $0 + $1.values.count } }

    /// The rank that the file shows: of the low-rank factor; a block's side for the orthogonal ones; nil without one.
    package var rank: Int? {
        switch algorithm {
        case .lora, .locon, .dylora: tensors["lora_down.weight"]?.shape.first
        case .loha: tensors["hada_w1_b"]?.shape.first
        case .lokr: tensors["lokr_w2_b"]?.shape.first ?? tensors["lokr_w1_b"]?.shape.first
        case .glokr: tensors["b.lokr_w2_b"]?.shape.first
        case .glora: tensors["b2.weight"]?.shape.first
        case .diagOFT, .boft: tensors["oft_blocks"]?.shape.last
        case .full, .ia3, nil: nil
        }
    }

    /// α / r as readers compute it; 1 without alpha or rank.
    package var scale: Double {
        guard let alpha, alpha != 0, let rank, rank > 0, algorithm?.hasAlpha == true else { return 1 }
        return alpha / Double(rank)
    }

    /// - Throws: `AdapterError.incompleteLayer` if the file has no such key.
    package func tensor(_ suffix: String) throws -> StoredTensor {
        guard let tensor = tensors[suffix] else {
            throw AdapterError(
                .incompleteLayer,
                "\(name): the file has no \(name).\(suffix), which its other keys "
                    + "(\(tensors.keys.sorted().map { "\(name).\($0)" }.joined(separator: ", "))) need")
        }
        return tensor
    }

    /// Refuses a tensor of another size.
    func require(_ suffix: String, _ found: [Int], _ wanted: [Int]) throws {
        func core(_ shape: [Int]) -> [Int] {
            var shape = shape
            while shape.count > 2, shape.last == 1 { shape.removeLast() }
            return shape
        }
        guard core(found) == core(wanted) else {
            throw AdapterError(.wrongShape, "\(name).\(suffix): found shape \(found), wanted \(wanted)")
        }
    }
}
