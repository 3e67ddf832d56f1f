package import CoreTensor
import Synchronization

extension Module {
    /// Takes every weight from the source; nothing may be missing, of another shape, or left over.
    ///
    /// - Parameter prefix: what stands before this module's names in the source; other names are not looked
    ///   at.
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
        let read = { (path: String, parameter: Parameter) throws in
            let name = prefix + path
            do {
                try parameter.load(fileShape: source.shape(of: name) ?? []) { elements in
                    try source.read(name, into: elements)
                    guard isFinite(UnsafeBufferPointer(elements)) else {
                        throw NetsError(code: .notFinite, message: "holds NaN or infinite values; the file is damaged")
                    }
                }
            } catch let error as NetsError {
                throw NetsError(code: error.code, message: "\(source.label): \(name): \(error.message)")
            }
        }
        if let store = WeightStore.current, let identity = source.identity,
            try store.load(own, key: "\(className)\n\(prefix)\n\(identity)", read: read)
        {
            return
        }
        for (path, parameter) in own { try read(path, parameter) }
    }

    /// Writes every weight as the reference library would: PyTorch's shapes under dotted names.
    package func addWeights(to writer: inout SafetensorsWriter, type: SafetensorsType = .f32, prefix: String = "") {
        for (path, parameter) in allParameters() {
            let (shape, floats) = parameter.fileValues()
            writer.add(prefix + path, shape: shape, floats: floats, type: type)
        }
    }
}

/// Without a branch for each number: a model has a billion of them.
private func isFinite(_ floats: UnsafeBufferPointer<Float>) -> Bool {
    let block = 1 << 18
    let parts = (floats.count + block - 1) / block
    let faults = Atomic(0)
    Compute.parallel(parts) { part in
        var found: UInt32 = 0
        for index in part * block..<min((part + 1) * block, floats.count) {
            // All ones in the exponent carry into the sign's place.
            found |= (floats[index].bitPattern & 0x7FFF_FFFF) &+ 0x0080_0000
        }
        if found & 0x8000_0000 != 0 { faults.add(1, ordering: .relaxed) }
    }
    return faults.load(ordering: .relaxed) == 0
}

/// The first few names, so that a message about a thousand weights stays readable.
private func some(_ names: [String]) -> String {
    names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", …" : "")
}
