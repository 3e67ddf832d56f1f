package import CoreTensor

extension Module {
    /// Takes every weight from the source; nothing may be missing, of another shape, or left over.
    ///
    /// - Parameter prefix: what stands before this module's names in the source; other names are not looked at.
    /// - Throws: `NetsError`, naming the weights; the source's own error if reading fails.
    package func load(_ source: any WeightSource, prefix: String = "") throws {
        let own = allParameters()
        let wanted = Set(own.map { prefix + $0.path })
        let missing = own.map { prefix + $0.path }.filter { source.shape(of: $0) == nil }
        guard missing.isEmpty else {
            throw NetsError(
                code: .missingWeight,
                message: "\(source.label): \(missing.count) of \(own.count) weights are missing: \(some(missing))")
        }
        let extra = source.names.filter { $0.hasPrefix(prefix) && !wanted.contains($0) }
        guard extra.isEmpty else {
            throw NetsError(
                code: .unexpectedWeight,
                message: "\(source.label): \(extra.count) weights have no place in \(className): \(some(extra))")
        }
        for (path, parameter) in own {
            let name = prefix + path
            do {
                try parameter.load(fileShape: source.shape(of: name) ?? [], floats: try source.floats(name))
            } catch let error as NetsError {
                throw NetsError(code: error.code, message: "\(source.label): \(name): \(error.message)")
            }
        }
    }

    /// Writes every weight as the reference library would: PyTorch's shapes under dotted names.
    package func addWeights(to writer: inout SafetensorsWriter, type: SafetensorsType = .f32, prefix: String = "") {
        for (path, parameter) in allParameters() {
            let (shape, floats) = parameter.fileValues()
            writer.add(prefix + path, shape: shape, floats: floats, type: type)
        }
    }
}

/// The first few names, so that a message about a thousand weights stays readable.
private func some(_ names: [String]) -> String {
    names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", …" : "")
}
