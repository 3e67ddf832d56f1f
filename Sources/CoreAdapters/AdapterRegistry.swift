import CoreTensor
import RunSpec

/// The only place that knows which algorithms exist: how each makes a layer's update.
enum AdapterRegistry {
    /// A layer as the algorithms see it.
    struct Site {
        let name: String
        let geometry: LayerGeometry
        /// The frozen weight, `[outputs, columns]`.
        let weight: Tensor
        let bias: Tensor?
    }

    /// One algorithm's way into and out of files.
    private struct Kind: Sendable {
        let algorithm: Algorithm
        /// New, with ΔW = 0.
        let create: @Sendable (Site, LayerOptions) throws -> any LayerUpdate
        /// From the keys of a layer.
        let read: @Sendable (Site, LayerKeys) throws -> any LayerUpdate
    }

    private static let kinds: [Kind] = [
        Kind(
            algorithm: .lora, create: { LoRAUpdate.create($0.geometry, $1) },
            read: { try LoRAUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .loha, create: { LoHaUpdate.create($0.geometry, $1) },
            read: { try LoHaUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .ia3, create: { IA3Update.create($0.geometry, $1) },
            read: { try IA3Update.read($0.geometry, $1) }),
        Kind(
            algorithm: .lokr, create: { LoKrUpdate.create($0.geometry, $1) },
            read: { try LoKrUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .full,
            create: { site, _ in FullUpdate.create(site.geometry, weight: site.weight, bias: site.bias) },
            read: { try FullUpdate.read($0.geometry, $1, weight: $0.weight, bias: $0.bias) }),
        Kind(
            algorithm: .diagOFT,
            create: { try OrthogonalUpdate.create($0.geometry, $1, butterfly: false) },
            read: { try OrthogonalUpdate.read($0.geometry, $1) }),
        // A butterfly's file differs from Diag-OFT's in the number of axes only; the same reader tells them apart.
        Kind(
            algorithm: .boft, create: { try OrthogonalUpdate.create($0.geometry, $1, butterfly: true) },
            read: { try OrthogonalUpdate.read($0.geometry, $1) }),
        // DyLoRA's files are LoRA's.
        Kind(
            algorithm: .dylora, create: { try DyLoRAUpdate.create($0.geometry, $1) },
            read: { try LoRAUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .glora, create: { GLoRAUpdate.create($0.geometry, $1) },
            read: { try GLoRAUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .glokr, create: { GLoKrUpdate.create($0.geometry, $1) },
            read: { try GLoKrUpdate.read($0.geometry, $1) }),
    ]

    private static let scalable: Set<Algorithm> = [.lora, .loha, .lokr, .glora, .glokr]

    /// A new adapter with ΔW = 0.
    ///
    /// - Throws: `AdapterError.badOption` for an algorithm that is not built, or options that do not fit the layer.
    static func create(_ algorithm: Algorithm, at site: Site, _ options: LayerOptions) throws -> any LayerUpdate {
        guard let kind = kinds.first(where: { $0.algorithm == algorithm.canonical }) else {
            throw AdapterError(
                .badOption,
                "algorithm \(algorithm.rawValue) is not built into the core; it trains "
                    + kinds.map(\.algorithm.rawValue).joined(separator: ", "))
        }
        guard !options.useScalar || scalable.contains(kind.algorithm) else {
            throw AdapterError(
                .badOption,
                "use_scalar: \(algorithm.rawValue) has no scalar; lora, loha, lokr, glora and glokr have")
        }
        let update = try kind.create(site, options)
        guard options.dora else { return update }
        guard [.lora, .loha, .lokr].contains(kind.algorithm) else {
            throw AdapterError(.badOption, "dora: \(algorithm.rawValue) has no magnitudes; lora, loha and lokr have")
        }
        return DoRAUpdate.create(update, site.geometry, base: site.weight, onOutput: options.doraOnOutput)
    }

    /// The update that a file's keys describe.
    ///
    /// - Parameter algorithm: what the keys show; nil for a layer whose bias alone changes.
    /// - Throws: `AdapterError` if the shapes do not fit.
    static func read(
        at site: Site, _ algorithm: Algorithm?, _ keys: LayerKeys
    ) throws -> (algorithm: Algorithm, update: any LayerUpdate) {
        guard !keys.has("w_norm") else {
            throw AdapterError(
                .unplacedKey,
                "\(keys.key("w_norm")): the layer is no normalisation layer; wanted one of "
                    + AdapterForm.marks.joined(separator: ", "))
        }
        var update: any LayerUpdate = NoUpdate()
        if let kind = kinds.first(where: { $0.algorithm == algorithm }) { update = try kind.read(site, keys) }
        if keys.has("dora_scale") { update = try DoRAUpdate.read(update, site.geometry, keys) }
        if keys.has("diff") { update = try DifferenceUpdate.read(update, site.geometry, keys) }
        if keys.has("diff_b") || keys.has("lora_up.bias") {
            update = try BiasUpdate.read(update, site.geometry, keys)
        }
        return (algorithm ?? .full, update)
    }
}
