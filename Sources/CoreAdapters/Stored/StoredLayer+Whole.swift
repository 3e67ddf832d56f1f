import CoreTensor
import RunSpec

extension StoredLayer {
    /// The layer with a weight or bias in full (PEFT's `modules_to_save` and `bias`) turned into a difference
    /// from the base's.
    ///
    /// - Parameters:
    ///   - weight: the base's; a vector for a normalisation layer.
    ///   - bias: the base's, if the layer has one.
    /// - Throws: `AdapterError` for a bias where the layer has none, and for other sizes.
    package func resolved(weight: StoredTensor, bias: StoredTensor?) throws -> StoredLayer {
        guard isWhole else { return self }
        let isVector = weight.shape.count == 1
        let hasWeight = tensors[Self.wholeWeight] != nil
        // What had nothing but a weight in full is native training now.
        var result = StoredLayer(
            name: name, algorithm: algorithm ?? (hasWeight && !isVector ? .full : nil), tensors: tensors, alpha: alpha)
        result.place = place
        result.spellings = spellings
        result.assumesScale = assumesScale
        result.isFolded = true
        func replace(_ whole: String, by suffix: String, of base: StoredTensor) throws {
            guard let found = result.tensors.removeValue(forKey: whole) else { return }
            try require(whole, found.shape, base.shape)
            guard result.tensors[suffix] == nil else {
                throw AdapterError(.unplacedKey, "\(key(whole)): stands beside \(key(suffix)), which changes the same")
            }
            result.tensors[suffix] = StoredTensor(zip(found.values, base.values).map { $0 - $1 }, shape: base.shape)
            result.spellings[suffix] = key(whole)
        }
        try replace(Self.wholeWeight, by: isVector ? "w_norm" : "diff", of: weight)
        if tensors[Self.wholeBias] != nil {
            guard let bias else {
                throw AdapterError(.unplacedKey, "\(key(Self.wholeBias)): the layer has no bias")
            }
            try replace(Self.wholeBias, by: isVector ? "b_norm" : "diff_b", of: bias)
        }
        if isVector, result.tensors["w_norm"] == nil {
            result.tensors["w_norm"] = StoredTensor(
                [Double](repeating: 0, count: weight.values.count), shape: weight.shape)
        }
        return result
    }
}
