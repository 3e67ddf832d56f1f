package import CoreTensor

/// One safetensors file, or the shards of one, with the names translated to those of a module tree.
package struct SafetensorsSource: WeightSource {
    package let label: String
    package let names: [String]
    private let places: [String: (file: SafetensorsFile, name: String)]

    /// - Parameters:
    ///   - label: names the source in messages: usually the path.
    ///   - rename: the module tree's name for a name in the file; nil ignores the tensor.
    /// - Throws: `NetsError.unexpectedWeight` if two tensors get the same name.
    package init(_ files: [SafetensorsFile], label: String, rename: (String) -> String? = { $0 }) throws {
        var names: [String] = []
        var places: [String: (file: SafetensorsFile, name: String)] = [:]
        for file in files {
            for original in file.names {
                guard let name = rename(original) else { continue }
                if let other = places.updateValue((file, original), forKey: name) {
                    throw NetsError(
                        code: .unexpectedWeight, message: "\(label): \(other.name) and \(original) are both \(name)")
                }
                names.append(name)
            }
        }
        self.label = label
        self.names = names
        self.places = places
    }

    private static let weightTypes: Set<SafetensorsType> = [.f32, .f16, .bf16, .f64]

    package func shape(of name: String) -> [Int]? {
        places[name].flatMap { $0.file.info($0.name)?.shape }
    }

    package func floats(_ name: String) throws -> [Float] {
        let place = try place(of: name)
        return try place.file.floats(place.name)
    }

    package func read(_ name: String, into out: UnsafeMutableBufferPointer<Float>) throws {
        let place = try place(of: name)
        try place.file.read(place.name, into: out)
    }

    package var identity: String? {
        let files = Set(places.values.map(\.file.identity))
        guard files.allSatisfy(\.isSettled) else { return nil }
        return (files.map(\.text).sorted() + names.sorted().map { "\($0) \(places[$0]?.name ?? "")" }).joined(
            separator: "\n")
    }

    private func place(of name: String) throws -> (file: SafetensorsFile, name: String) {
        guard let place = places[name] else {
            throw NetsError(code: .missingWeight, message: "\(label): no tensor \(name)")
        }
        if let type = place.file.info(place.name)?.dtype, !Self.weightTypes.contains(type) {
            throw NetsError(
                code: .wrongType, message: "stored as \(type.rawValue), wanted F32, F16, BF16 or F64")
        }
        return place
    }
}
