package import CoreTensor

/// The keys of one layer in an adapter file, taken one by one; what is left at the end has no place.
package final class LayerKeys {
    /// The layer's name as the file spells it, without dots.
    package let name: String
    private let file: SafetensorsFile
    /// The file's key of each suffix that was not taken yet.
    private var keys: [String: String]
    private let all: [String]
    private let scales: PEFTScales?
    private let lowerKey: String?
    private var alpha: Float??

    /// - Parameters:
    ///   - keys: the file's key of each suffix.
    ///   - scales: what the file says about layers without alpha.
    package init(name: String, keys: [String: String], file: SafetensorsFile, scales: PEFTScales? = nil) {
        self.name = name
        self.keys = keys
        self.file = file
        all = keys.values.sorted()
        self.scales = scales
        lowerKey = keys["lora_down.weight"]
    }

    package var remaining: [String] { keys.keys.sorted() }

    package func has(_ suffix: String) -> Bool { keys[suffix] != nil }

    /// - Throws: `AdapterError.incompleteLayer` if the file has no such key.
    package func take(_ suffix: String) throws -> (shape: [Int], floats: [Float]) {
        guard let taken = try takeIfPresent(suffix) else {
            throw AdapterError(
                .incompleteLayer,
                "\(name): the file has no \(name).\(suffix), which its other keys (\(all.joined(separator: ", "))) need"
            )
        }
        return taken
    }

    package func takeIfPresent(_ suffix: String) throws -> (shape: [Int], floats: [Float])? {
        guard let key = keys.removeValue(forKey: suffix), let entry = file.info(key) else { return nil }
        let floats = try file.floats(key)
        guard suffix == "alpha" || floats.allSatisfy(\.isFinite) else {
            throw AdapterError(.wrongShape, "\(key): holds numbers that are not finite; wanted finite ones")
        }
        return (StoredKey.shape(of: key, entry.shape), floats)
    }

    /// The number under `alpha`, if any; the same when asked again.
    package func takeAlpha() throws -> Float? {
        if let alpha { return alpha }
        var result: Float?
        if let (shape, floats) = try takeIfPresent("alpha") {
            guard floats.count == 1, floats[0].isFinite else {
                throw AdapterError(
                    .wrongShape, "\(name).alpha: found \(floats) of shape \(shape), wanted one finite number")
            }
            result = floats[0]
        }
        if result == nil, let scales, let lowerKey, let rank = file.info(lowerKey)?.shape.first {
            result = scales.alpha(key: lowerKey, rank: rank).map { Float($0) }
        }
        alpha = .some(result)
        return result
    }

    /// - Parameter wanted: trailing axes of size 1 may be left out or added: 1×1 convolutions are kept either way.
    /// - Throws: `AdapterError.wrongShape`.
    package func require(_ suffix: String, _ found: [Int], sameAs wanted: [Int]) throws {
        guard withoutTrailingOnes(found) == withoutTrailingOnes(wanted), !found.contains(0) else {
            throw AdapterError(.wrongShape, "\(name).\(suffix): found shape \(found), wanted \(wanted)")
        }
    }

    private func withoutTrailingOnes(_ shape: [Int]) -> [Int] {
        var shape = shape
        while shape.count > 2, shape.last == 1 { shape.removeLast() }
        return shape
    }
}
