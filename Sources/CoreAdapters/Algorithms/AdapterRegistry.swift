import CoreTensor
package import RunSpec

/// The only place that knows which algorithms exist.
package enum AdapterRegistry {
    static func of(_ algorithm: Algorithm) -> any AdapterAlgorithm {
        switch algorithm {
        case .lora, .locon: LoRAAlgorithm()
        case .dylora: DyLoRAAlgorithm()
        case .loha: LoHaAlgorithm()
        case .lokr: LoKrAlgorithm()
        case .glora: GLoRAAlgorithm()
        case .glokr: GLoKrAlgorithm()
        case .ia3: IA3Algorithm()
        case .full: FullAlgorithm()
        case .diagOFT: OrthogonalAlgorithm(isButterfly: false)
        case .boft: OrthogonalAlgorithm(isButterfly: true)
        }
    }

    /// Those that files are told apart by, in the order in which lycoris-lora tries them on a file. DyLoRA's
    /// files are LoRA's; a butterfly's differ from Diag-OFT's in the number of axes only.
    static let inFiles: [any AdapterAlgorithm] = [
        Algorithm.lora, .loha, .ia3, .lokr, .diagOFT, .glora, .glokr, .full,
    ].map(of)

    /// Whether a layer's weight is trained itself, not a small change of it.
    package static func trainsWholeWeights(_ algorithm: Algorithm) -> Bool { of(algorithm).form.own == ["diff"] }

    /// A new update with ΔW = 0.
    ///
    /// - Throws: `AdapterError.badOption` for options that the algorithm does not have or that do not fit the
    ///   layer.
    static func create(_ algorithm: Algorithm, at site: LayerSite, _ layer: NewLayer) throws -> any LayerUpdate {
        guard !layer.options.useScalar || algorithm.has("use_scalar") else {
            throw AdapterError(
                .badOption, "use_scalar: \(algorithm.rawValue) has no scalar; \(owners(of: "use_scalar")) have")
        }
        let update = try of(algorithm).create(at: site, layer)
        guard layer.options.dora else { return update }
        guard algorithm.has("dora") else {
            throw AdapterError(
                .badOption, "dora: \(algorithm.rawValue) has no magnitudes; \(owners(of: "dora")) have")
        }
        return DoRAUpdate.create(
            update, site.geometry, base: site.weight, onOutput: layer.options.weightDecomposeOnOutput)
    }

    /// The update that a file's keys describe.
    ///
    /// - Parameter algorithm: what the keys show; nil for a layer whose bias alone changes.
    /// - Throws: `AdapterError` if the shapes do not fit.
    static func read(
        at site: LayerSite, _ algorithm: Algorithm?, _ keys: LayerKeys
    ) throws -> (algorithm: Algorithm, update: any LayerUpdate) {
        guard !keys.has("w_norm") else {
            throw AdapterError(
                .unplacedKey,
                "\(keys.key("w_norm")): the layer is no normalisation layer; wanted one of "
                    + AdapterForm.marks.joined(separator: ", "))
        }
        var update: any LayerUpdate = try algorithm.map { try of($0).read(at: site, keys) } ?? NoUpdate()
        if keys.has("dora_scale") { update = try DoRAUpdate.read(update, site.geometry, keys) }
        if keys.has("diff") { update = try DifferenceUpdate.read(update, site.geometry, keys) }
        if keys.has("diff_b") || keys.has("lora_up.bias") {
            update = try BiasUpdate.read(update, site.geometry, keys)
        }
        return (algorithm ?? .full, update)
    }

    /// "lora, loha and lokr".
    private static func owners(of parameter: String) -> String {
        joined(Algorithm.allCases.filter { $0.canonical == $0 && $0.has(parameter) }, by: "and")
    }

    static func joined(_ algorithms: [Algorithm], by word: String) -> String {
        let names = algorithms.map(\.rawValue)
        guard names.count > 1, let last = names.last else { return names.listed(none: "none") }
        return "\(names.dropLast().joined(separator: ", ")) \(word) \(last)"
    }
}
