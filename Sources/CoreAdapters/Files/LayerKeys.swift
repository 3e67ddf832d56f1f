import CoreTensor

/// The tensors of one layer of an adapter file, taken one by one; what is left at the end has no place.
package final class LayerKeys {
    /// The layer as its file spells it.
    package let name: String
    private let layer: StoredLayer
    private var tensors: [String: StoredTensor]

    package init(_ layer: StoredLayer) {
        self.layer = layer
        name = layer.place
        tensors = layer.tensors
    }

    package var remaining: [String] { tensors.keys.sorted() }

    /// Whether the file has the tensor and nobody has taken it yet.
    package func has(_ suffix: String) -> Bool { tensors[suffix] != nil }

    /// The file's key, for messages.
    package func key(_ suffix: String) -> String { layer.key(suffix) }

    /// - Throws: `AdapterError.incompleteLayer` if the file has no such key.
    package func take(_ suffix: String) throws -> (shape: [Int], floats: [Float]) {
        guard let taken = takeIfPresent(suffix) else {
            throw AdapterError(
                .incompleteLayer,
                "\(name): the file has no \(key(suffix)), which its other keys "
                    + "(\(layer.tensors.keys.map(key).sorted().joined(separator: ", "))) need")
        }
        return taken
    }

    /// The tensor in the file's layout; nil if there is none.
    package func takeIfPresent(_ suffix: String) -> (shape: [Int], floats: [Float])? {
        guard let tensor = tensors.removeValue(forKey: suffix) else { return nil }
        return (tensor.shape, tensor.floats)
    }

    /// The layer's alpha, if it has one.
    package func takeAlpha() -> Float? { layer.alpha.map { Float($0) } }

    /// What ΔW is multiplied by beside its tensors.
    package var scale: Float { Float(layer.scale) }

    /// - Parameter wanted: trailing axes of size 1 may be left out or added: 1×1 convolutions are kept either
    ///   way.
    /// - Throws: `AdapterError.wrongShape`.
    package func require(_ suffix: String, _ found: [Int], sameAs wanted: [Int]) throws {
        try layer.require(suffix, found, wanted)
    }
}
