import CoreAdapters
import CoreTensor
import RunSpec

/// What an adapter file holds: a row for each layer, and the whole (`radiata adapter inspect`).
package struct AdapterInspection: Codable, Sendable {
    package struct Layer: Codable, Sendable {
        package let name: String
        /// `norm` for a normalisation layer.
        package let algorithm: String
        package let dora: Bool
        package let rank: Int?
        package let alpha: Double?
        package let scale: Double
        package let values: Int
        /// Frobenius norm of ΔW; nil where that takes a base that was not given.
        package let norm: Double?
        /// ‖ΔW‖ / ‖W‖, with a base.
        package let share: Double?
        /// Largest entry of ΔW.
        package let largest: Double?
        /// Numerical rank of ΔW: singular values above 1e-6 of the largest; only when asked for.
        package let numericalRank: Int?
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

    /// - Parameters:
    ///   - base: the base model; without it norms of algorithms that change a weight relative to itself stay open.
    ///   - countsRanks: decompose every ΔW too.
    /// - Throws: `AdapterError` naming the key that is wrong, and the readers' errors.
    package init(path: String, base: String? = nil, countsRanks: Bool = false) throws {
        let adapter = try StoredAdapter(path: path)
        let weights = try base.map { try BaseWeights(path: $0) }
        let layers = try inParallel(adapter.layers.count) { index in
            try Self.row(adapter.layers[index], weights, countsRanks: countsRanks)
        }
        self.path = path
        self.layers = layers
        algorithms = Dictionary(layers.map { ($0.algorithm, 1) }, uniquingKeysWith: +)
        ranks = Set(layers.compactMap(\.rank)).sorted()
        values = layers.reduce(0) { $0 + $1.values }
        norm = layers.reduce(0) { $0 + ($1.norm ?? 0) * ($1.norm ?? 0) }.squareRoot()
        otherKeys = adapter.others
        metadata = adapter.metadata
    }

    private static func row(_ layer: StoredLayer, _ weights: BaseWeights?, countsRanks: Bool) throws -> Layer {
        let place = try weights.map { try $0.layer(layer.name) }
        let base = try place.flatMap { place in try weights?.weight(place) }
        let delta = layer.needsBase && base == nil ? nil : try layer.delta(base: base)
        let isMatrix = !layer.isNorm
        let rank = countsRanks && isMatrix ? delta?.singularValuesAbove(1e-6) : nil
        let norm = delta?.norm
        return Layer(
            name: layer.name, algorithm: layer.isNorm ? "norm" : layer.algorithm?.rawValue ?? "",
            dora: layer.isDoRA, rank: layer.rank, alpha: layer.alpha, scale: layer.scale, values: layer.valueCount,
            norm: norm, share: base.flatMap { base in norm.map { $0 / max(base.matrix.norm, 1e-300) } },
            largest: delta.map { $0.values.reduce(0) { max($0, abs($1)) } }, numericalRank: rank)
    }
}

extension DoubleMatrix {
    /// How many singular values exceed this share of the largest.
    fileprivate func singularValuesAbove(_ share: Double) -> Int? {
        guard let values = singularValues()?.values, let largest = values.first, largest > 0 else { return 0 }
        return values.count { $0 > share * largest }
    }
}
