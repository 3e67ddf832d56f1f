package import CoreTensor

/// The keys of one layer in an adapter file, taken one by one; what is left at the end has no place.
package final class LayerKeys {
    /// The layer's name as the file spells it.
    package let name: String
    private let file: SafetensorsFile
    private var suffixes: Set<String>

    package init(name: String, suffixes: Set<String>, file: SafetensorsFile) {
        self.name = name
        self.suffixes = suffixes
        self.file = file
    }

    package var remaining: [String] { suffixes.sorted() }

    package func has(_ suffix: String) -> Bool { suffixes.contains(suffix) }

    /// - Throws: `AdapterError.incompleteLayer` if the file has no such key.
    package func take(_ suffix: String) throws -> (shape: [Int], floats: [Float]) {
        guard let taken = try takeIfPresent(suffix) else {
            throw AdapterError(
                .incompleteLayer, "\(name): the file has no \(name).\(suffix), which its other keys (\(known)) need")
        }
        return taken
    }

    package func takeIfPresent(_ suffix: String) throws -> (shape: [Int], floats: [Float])? {
        guard suffixes.remove(suffix) != nil, let entry = file.info("\(name).\(suffix)") else { return nil }
        return (entry.shape, try file.floats("\(name).\(suffix)"))
    }

    /// The number under `alpha`, if any.
    package func takeAlpha() throws -> Float? {
        guard let (shape, floats) = try takeIfPresent("alpha") else { return nil }
        guard floats.count == 1, floats[0].isFinite else {
            throw AdapterError(
                .wrongShape, "\(name).alpha: found \(floats) of shape \(shape), wanted one finite number")
        }
        return floats[0]
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

    private var known: String { file.names.filter { $0.hasPrefix(name + ".") }.sorted().joined(separator: ", ") }
}
