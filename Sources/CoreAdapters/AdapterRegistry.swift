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
        let read: @Sendable (Site, LayerKeys) throws -> any LayerUpdate
    }

    /// In the order in which lycoris-lora tries them.
    private static let kinds: [Kind] = [
        Kind(algorithm: .lora, marks: ["lora_up.weight"]) { try LoRAUpdate.read($0.geometry, $1) },
        Kind(algorithm: .loha, marks: ["hada_w1_a"]) { try LoHaUpdate.read($0.geometry, $1) },
        Kind(algorithm: .lokr, marks: ["lokr_w1", "lokr_w1_a"]) { try LoKrUpdate.read($0.geometry, $1) },
        Kind(algorithm: .full, marks: ["diff"]) {
            try FullUpdate.read($0.geometry, $1, weight: $0.weight, bias: $0.bias)
        },
    ]

    /// A new adapter with ΔW = 0.
    ///
    /// - Throws: `AdapterError.badOption` for an algorithm that is not built.
    static func create(_ algorithm: Algorithm, at site: Site, _ options: LayerOptions) throws -> any LayerUpdate {
        switch algorithm.canonical {
        case .lora: LoRAUpdate.create(site.geometry, options)
        case .loha: LoHaUpdate.create(site.geometry, options)
        case .lokr: LoKrUpdate.create(site.geometry, options)
        case .full: FullUpdate.create(site.geometry, weight: site.weight, bias: site.bias)
        default:
            throw AdapterError(
                .badOption,
                "algorithm \(algorithm.rawValue) is not built into the core; it trains "
                    + kinds.map(\.algorithm.rawValue).joined(separator: ", "))
        }
    }

    /// The update that a file's keys describe.
    ///
    /// - Throws: `AdapterError` if no algorithm has such keys, or the shapes do not fit.
    static func read(at site: Site, _ keys: LayerKeys) throws -> (algorithm: Algorithm, update: any LayerUpdate) {
        for kind in kinds where kind.marks.contains(where: keys.has) {
            return (kind.algorithm, try kind.read(site, keys))
        }
        throw AdapterError(
            .unplacedKey,
            "\(keys.name).\(keys.remaining.first ?? ""): no known algorithm has such keys; wanted one of "
                + kinds.flatMap(\.marks).joined(separator: ", ") + ", w_norm")
    }
}
