import CoreTensor
import RunSpec

/// The tensors handed to a component, checked against what the model can take before any of it runs.
struct ModelInputs {
    private let file: SafetensorsFile
    private let path: String

    init(path: String) throws {
        self.path = path
        file = try SafetensorsFile(path: path)
    }

    /// - Parameter shape: the wanted shape; nil for an axis of any positive length.
    func tensor(_ name: String, _ shape: [Int?]) throws -> Tensor {
        _ = try check(name, shape)
        return try file.tensor(name)
    }

    /// An image tensor of so many channels, from NCHW to NHWC.
    func image(
        _ name: String, channels: Int, size: Int? = nil, smallest: Int = 1, largest: Int = .max
    ) throws -> Tensor {
        let shape = try check(name, [nil, channels, size, size])
        guard max(shape[2], shape[3]) <= largest else { throw wrong(name, "height and width of at most \(largest)") }
        guard min(shape[2], shape[3]) >= smallest else { throw wrong(name, "height and width of at least \(smallest)") }
        return permuted(try file.tensor(name), [0, 2, 3, 1])
    }

    /// One number for each sample; a single one is for all.
    func timesteps(_ name: String, samples: Int) throws -> [Float] {
        let shape = try shape(of: name)
        guard shape.count <= 1, shape.allSatisfy({ $0 == 1 || $0 == samples }) else {
            throw wrong(name, "a scalar or [\(samples)]")
        }
        let values = try file.floats(name)
        guard values.allSatisfy(\.isFinite) else { throw wrong(name, "finite numbers") }
        return values.count == samples ? values : Array(repeating: values[0], count: samples)
    }

    /// Coordinates of each place; those of older diffusers have a batch axis, whose first entry counts.
    func places(_ name: String, count: Int, axes: Int) throws -> [[Float]] {
        let found = try shape(of: name)
        _ = try check(name, found.count == 3 ? [nil, count, axes] : [count, axes])
        let values = try file.floats(name)
        guard values.allSatisfy(\.isFinite) else { throw wrong(name, "finite numbers") }
        return (0..<count).map { Array(values[$0 * axes..<($0 + 1) * axes]) }
    }

    /// Rows of ids inside the vocabulary.
    func ids(_ name: String, vocabulary: Int, longest: Int) throws -> [[Int32]] {
        let shape = try check(name, [nil, nil])
        guard shape[1] <= longest else { throw wrong(name, "at most \(longest) ids in a row") }
        let ids = try file.integers(name)
        guard ids.allSatisfy({ (0..<Int64(vocabulary)).contains($0) }) else {
            throw wrong(name, "ids from 0 to \(vocabulary - 1)")
        }
        return (0..<shape[0]).map { row in ids[row * shape[1]..<(row + 1) * shape[1]].map { Int32($0) } }
    }

    private func shape(of name: String) throws -> [Int] {
        guard let entry = file.info(name) else {
            let found = file.names.listed()
            throw ModelError(code: .missingInput, message: "\(path): no tensor \(name); found: \(found)")
        }
        return entry.shape
    }

    private func check(_ name: String, _ wanted: [Int?]) throws -> [Int] {
        let found = try shape(of: name)
        let fits = found.count == wanted.count && zip(found, wanted).allSatisfy { $0 > 0 && ($1 == nil || $0 == $1) }
        guard fits else {
            let shape = wanted.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
            throw wrong(name, "shape [\(shape)]")
        }
        return found
    }

    private func wrong(_ name: String, _ wanted: String) -> ModelError {
        let shape = file.info(name)?.shape ?? []
        return ModelError(code: .wrongInput, message: "\(path): \(name) has shape \(shape), wanted \(wanted)")
    }
}
