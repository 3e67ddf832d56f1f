import CoreTensor
import RunSpec

/// The only place that knows which algorithms exist: how each makes a layer's update, and by which key a file shows it.
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
        /// A layer that has one of these keys is of this kind.
        let marks: [String]
        /// New, with ΔW = 0.
        let create: @Sendable (Site, LayerOptions) throws -> any LayerUpdate
        /// From the keys of a layer.
        let read: @Sendable (Site, LayerKeys) throws -> any LayerUpdate
    }

    /// In the order in which lycoris-lora tries them on a file.
    private static let kinds: [Kind] = [
        Kind(
            algorithm: .lora, marks: ["lora_up.weight"], create: { LoRAUpdate.create($0.geometry, $1) },
            read: { try LoRAUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .loha, marks: ["hada_w1_a"], create: { LoHaUpdate.create($0.geometry, $1) },
            read: { try LoHaUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .ia3, marks: ["on_input"], create: { IA3Update.create($0.geometry, $1) },
            read: { try IA3Update.read($0.geometry, $1) }),
        Kind(
            algorithm: .lokr, marks: ["lokr_w1", "lokr_w1_a"], create: { LoKrUpdate.create($0.geometry, $1) },
            read: { try LoKrUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .full, marks: ["diff"],
            create: { site, _ in FullUpdate.create(site.geometry, weight: site.weight, bias: site.bias) },
            read: { try FullUpdate.read($0.geometry, $1, weight: $0.weight, bias: $0.bias) }),
        Kind(
            algorithm: .diagOFT, marks: ["oft_blocks"],
            create: { try OrthogonalUpdate.create($0.geometry, $1, butterfly: false) },
            read: { try OrthogonalUpdate.read($0.geometry, $1) }),
        // A butterfly's file differs from Diag-OFT's in the number of axes only; the same reader tells them apart.
        Kind(
            algorithm: .boft, marks: [], create: { try OrthogonalUpdate.create($0.geometry, $1, butterfly: true) },
            read: { try OrthogonalUpdate.read($0.geometry, $1) }),
        // DyLoRA's files are LoRA's.
        Kind(
            algorithm: .dylora, marks: [], create: { try DyLoRAUpdate.create($0.geometry, $1) },
            read: { try LoRAUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .glora, marks: ["a1.weight"], create: { GLoRAUpdate.create($0.geometry, $1) },
            read: { try GLoRAUpdate.read($0.geometry, $1) }),
        Kind(
            algorithm: .glokr, marks: ["b.lokr_w1", "b.lokr_w1_a"], create: { GLoKrUpdate.create($0.geometry, $1) },
            read: { try GLoKrUpdate.read($0.geometry, $1) }),
    ]

    private static let scalable: Set<Algorithm> = [.lora, .loha, .lokr, .glora, .glokr]

    /// The algorithm that a layer's keys show; nil for none that is known.
    static func algorithm(has: (String) -> Bool) -> Algorithm? {
        kinds.first { $0.marks.contains(where: has) }?.algorithm
    }

    static var allMarks: [String] { kinds.flatMap(\.marks) + ["w_norm"] }

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
    /// - Throws: `AdapterError` if no algorithm has such keys, or the shapes do not fit.
    static func read(at site: Site, _ keys: LayerKeys) throws -> (algorithm: Algorithm, update: any LayerUpdate) {
        for kind in kinds where kind.marks.contains(where: keys.has) {
            var update = try kind.read(site, keys)
            if keys.has("dora_scale") { update = try DoRAUpdate.read(update, site.geometry, keys) }
            if keys.has("diff_b") { update = try BiasUpdate.read(update, site.geometry, keys) }
            return (kind.algorithm, update)
        }
        throw unknown(keys.name, keys.remaining)
    }

    /// What a layer of no known algorithm is refused with.
    static func unknown(_ name: String, _ suffixes: [String]) -> AdapterError {
        let known = [
            "lambda_layer": " (T-LoRA, whose files only work with the base they were made from)",
            "oft_diag": " (the orthogonal adapters of old files, which readers disagree about)",
        ]
        let hint = suffixes.lazy.compactMap { known[$0] }.first ?? ""
        return AdapterError(
            .unplacedKey,
            "\(name).\(suffixes.first ?? ""): no known algorithm has such keys\(hint); wanted one of "
                + allMarks.joined(separator: ", "))
    }
}
