import CoreTensor
import RunSpec

/// What an adapter file holds: a row for each layer, and the whole (`radiata adapter inspect`).
package struct AdapterInspection: Codable, Sendable {
    package struct Layer: Codable, Sendable {
        package let name: String
        /// `norm` for a normalisation layer, `bias` for one with nothing but a bias.
        package let algorithm: String
        package let dora: Bool
        package let rank: Int?
        package let alpha: Double?
        package let scale: Double
        package let values: Int
        /// Frobenius norm of ΔW; nil where that takes a base that was not given.
        package let norm: Double?
        /// With DoRA: norm of the update inside its magnitudes, which needs no base.
        package let innerNorm: Double?
        /// ‖ΔW‖ / ‖W‖, with a base.
        package let share: Double?
        /// Largest entry of ΔW; nil for more than `mostNumbers` entries.
        package let largest: Double?
        /// Numerical rank of ΔW: singular values above 1e-6 of the largest; only when asked for, nil where it
        /// takes too much.
        package let numericalRank: Int?
        /// Norm of the bias's change, if there is one.
        package let biasNorm: Double?
    }

    package let path: String
    package let algorithms: [String: Int]
    package let ranks: [Int]
    /// Numbers in the file.
    package let values: Int
    /// √Σ‖ΔW‖² over the layers whose norm is known.
    package let norm: Double
    package let layers: [Layer]
    package let otherKeys: [String]
    package let metadata: [String: String]
    /// What was assumed about the file.
    package let warnings: [String]

    /// Entries of one update that are made to find the largest.
    package static let mostNumbers = 1 << 26

    /// - Parameters:
    ///   - path: a file, or a folder as PEFT and diffusers write it.
    ///   - base: the base model; without it norms of algorithms that change a weight relative to itself stay
    ///     open.
    ///   - countsRanks: decompose every ΔW too.
    /// - Throws: `AdapterError` naming the key that is wrong, and the readers' errors.
    package init(path: String, base: String? = nil, countsRanks: Bool = false) throws {
        let adapter = try StoredAdapter(path: path)
        let weights = try base.map { try BaseWeights(path: $0) }
        let layers = try inParallel(adapter.layers.count) { index in
            try naming(path) { try Self.row(adapter.layers[index], weights, countsRanks: countsRanks) }
        }
        self.path = path
        self.layers = layers
        algorithms = Dictionary(layers.map { ($0.algorithm, 1) }, uniquingKeysWith: +)
        ranks = Set(layers.compactMap(\.rank)).sorted()
        values = layers.reduce(0) { $0 + $1.values }
        norm = layers.reduce(0) { $0 + ($1.norm ?? 0) * ($1.norm ?? 0) }.squareRoot()
        otherKeys = adapter.others.map(\.key)
        metadata = adapter.metadata
        warnings = adapter.warnings
    }

    private static func row(_ stored: StoredLayer, _ weights: BaseWeights?, countsRanks: Bool) throws -> Layer {
        let layer = try weights?.resolved(stored) ?? stored
        let place = try weights.map { try $0.layer(layer.name) }
        let base = try place.flatMap { place in try weights?.weight(place) }
        // Only what changes a weight relative to itself is written out, which is as large as the base's
        // weight then.
        var change: UpdateFactors?
        if !layer.needsBase {
            change = try layer.factors(fitting: base)
        } else if let base {
            change = .whole(try layer.delta(base: base))
        }
        let isSmall = (change?.numbers ?? 0) <= Double(mostNumbers)
        let norm = change?.norm
        return Layer(
            name: layer.name, algorithm: layer.isNorm ? "norm" : layer.algorithm?.rawValue ?? "bias",
            dora: layer.isDoRA, rank: layer.rank, alpha: layer.alpha, scale: layer.scale, values: stored.valueCount,
            norm: norm, innerNorm: layer.isDoRA ? try layer.factors(fitting: base).norm : nil,
            share: base.flatMap { base in norm.map { $0 / max(base.matrix.norm, 1e-300) } },
            largest: isSmall ? change?.largest : nil,
            numericalRank: countsRanks && !layer.isNorm ? change.flatMap(numericalRank) : nil,
            biasNorm: layer.biasDelta.map { $0.values.reduce(0) { $0 + $1 * $1 }.squareRoot() })
    }

    private static func numericalRank(_ change: UpdateFactors) -> Int? {
        guard let values = change.singularValues(limit: mostNumbers) else { return nil }
        guard let largest = values.first, largest > 0 else { return 0 }
        return values.count { $0 > 1e-6 * largest }
    }
}
