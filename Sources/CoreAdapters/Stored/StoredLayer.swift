import CoreTensor
package import RunSpec

/// One layer of an adapter file as it stands there, without a network: what the adapter tools work on, in
/// f64.
package struct StoredLayer: Sendable {
    /// In kohya's spelling, such as `lora_unet_mid_block_attentions_0_proj_in`.
    package var name: String
    /// nil for a normalisation layer, and for one with nothing but a bias.
    package let algorithm: Algorithm?
    /// By suffix, without `alpha`.
    package var tensors: [String: StoredTensor]
    package var alpha: Double?
    /// The layer's name as its file spells it, for messages.
    package var place: String
    /// The file's own key of each suffix.
    package var spellings: [String: String] = [:]
    /// No alpha was found where one counts: a scale of 1 is assumed.
    package var assumesScale = false
    /// Tensors are not those of the file: another one was multiplied into them.
    package var isFolded = false

    /// Suffixes of a weight and a bias in full, not as differences: PEFT's `modules_to_save` and `bias`.
    package static let wholeWeight = "whole.weight"
    package static let wholeBias = "whole.bias"

    package init(name: String, algorithm: Algorithm?, tensors: [String: StoredTensor], alpha: Double? = nil) {
        self.name = name
        self.algorithm = algorithm
        self.tensors = tensors
        self.alpha = alpha
        place = name
    }

    /// The file's key of a tensor.
    package func key(_ suffix: String) -> String { spellings[suffix] ?? "\(place).\(suffix)" }

    package var isNorm: Bool { tensors["w_norm"] != nil }
    package var isDoRA: Bool { tensors["dora_scale"] != nil }

    /// Whether a difference of the whole weight is added to what an algorithm makes of it.
    var hasDifferenceBeside: Bool { tensors["diff"] != nil && kind?.form.own.contains("diff") != true }

    /// Whether a weight or a bias is there in full, which only a base turns into a difference.
    package var isWhole: Bool { tensors[Self.wholeWeight] != nil || tensors[Self.wholeBias] != nil }

    /// Whether ΔW depends on the weight it changes.
    package var needsBase: Bool {
        if isWhole { return true }
        return isDoRA || kind?.needsBase == true
    }

    /// Numbers in the file, alpha included.
    package var valueCount: Int {
        // What was read may have an alpha of a configuration, and a scalar multiplied into a tensor.
        let isNew = spellings.isEmpty
        let numbers =
            ((isNew ? alpha != nil : spellings["alpha"] != nil) ? 1 : 0) + (spellings["scalar"] == nil ? 0 : 1)
        return tensors.values.reduce(numbers) { $0 + $1.values.count }
    }

    /// How the layer's algorithm reads its tensors.
    var kind: (any AdapterAlgorithm)? { algorithm.map(AdapterRegistry.of) }

    /// The rank that the file shows: of the low-rank factor; a block's side for the orthogonal ones; nil
    /// without one.
    package var rank: Int? { kind?.rank(of: self) }

    /// α / r as readers compute it; 1 without alpha or rank.
    package var scale: Double { algorithm?.hasAlpha == true ? AlphaScale.scale(alpha: alpha, rank: rank) : 1 }

    /// - Throws: `AdapterError.incompleteLayer` if the file has no such key.
    package func tensor(_ suffix: String) throws -> StoredTensor {
        guard let tensor = tensors[suffix] else {
            throw AdapterError(
                .incompleteLayer,
                "\(place): the file has no \(key(suffix)), which its other keys "
                    + "(\(tensors.keys.map(key).sorted().joined(separator: ", "))) need")
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
        guard core(found) == core(wanted), !found.contains(0) else {
            throw AdapterError(.wrongShape, "\(key(suffix)): found shape \(found), wanted \(wanted)")
        }
    }
}
