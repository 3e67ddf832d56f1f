import CoreTensor

/// How far several adapters interfere when they are used together (`radiata adapter compose`).
///
/// Weights add up: where two ΔW of a layer point the same way (cosine near 1) the layer is changed twice as
/// far as either was trained to, where they oppose each other (near -1) one undoes the other.
package struct AdapterComparison: Codable, Sendable {
    package struct Layer: Codable, Sendable {
        package let name: String
        /// strength · ‖ΔW‖ of each adapter; 0 where it does not touch the layer.
        package let norms: [Double]
        /// Norm of the sum.
        package let together: Double
        /// Norm of the sum by √Σ norm²: 1 for directions that have nothing to do with each other.
        package let growth: Double
        /// Cosines of the pairs, in the order of `pairs`; nil where one of the two does not touch the layer.
        package let cosines: [Double?]
    }

    package struct Pair: Codable, Sendable {
        package let first: Int
        package let second: Int
        /// Cosine of the whole changes, all layers as one vector.
        package let cosine: Double
        /// Layers that both change.
        package let shared: Int
        package let largest: Double
        package let largestLayer: String?
    }

    package let adapters: [String]
    /// What was assumed about the files.
    package let warnings: [String]
    package let strengths: [Double]
    /// Norm of each whole change.
    package let norms: [Double]
    package let together: Double
    package let growth: Double
    package let pairs: [Pair]
    package let layers: [Layer]

    /// - Throws: `AdapterError`; for algorithms that change a weight relative to itself, without a base too.
    package init(adapters: [(path: String, strength: Double)], base: String? = nil) throws {
        guard adapters.count > 1 else {
            throw AdapterError(.badOption, "--adapter: found \(adapters.count), wanted two or more to compare")
        }
        let weights = try base.map { try BaseWeights(path: $0) }
        let files = try adapters.map { try StoredAdapter(path: $0.path) }
        // Spellings differ from file to file; the base's or the canonical name is common.
        var places: [String: [Int: StoredLayer]] = [:]
        for (index, file) in files.enumerated() {
            for layer in file.layers {
                let layer = try weights?.resolved(layer) ?? layer
                let name = try weights?.layer(layer.name).name ?? CanonicalName.of(layer.name)
                places[name, default: [:]][index] = layer
            }
        }
        let order = places.keys.sorted()
        let indices = Array(adapters.indices)
        let couples = indices.flatMap { i in indices.filter { $0 > i }.map { (i, $0) } }
        let grams = try inParallel(order.count) { place -> DoubleMatrix in
            try Self.gram(order[place], places[order[place]] ?? [:], adapters, weights)
        }
        var total = DoubleMatrix.zeros(adapters.count, adapters.count)
        for gram in grams { total = total + gram }
        let rows = zip(order, grams).map { name, gram in Self.row(name, gram, couples) }
        self.adapters = adapters.map(\.path)
        warnings = files.flatMap(\.warnings)
        strengths = adapters.map(\.strength)
        norms = indices.map { total[$0, $0].squareRoot() }
        together = max(0, total.values.reduce(0, +)).squareRoot()
        growth = Self.growth(total)
        layers = rows
        pairs = couples.enumerated().map { index, couple in
            let shared = rows.filter { $0.cosines[index] != nil }
            let largest = shared.max { abs($0.cosines[index] ?? 0) < abs($1.cosines[index] ?? 0) }
            return Pair(
                first: couple.0, second: couple.1, cosine: Self.cosine(total, couple.0, couple.1) ?? 0,
                shared: shared.count, largest: largest?.cosines[index].map { $0 } ?? 0, largestLayer: largest?.name)
        }
    }

    /// More than this are not gone through, block by block: half a minute's work.
    private static let mostNumbers = 0x1p33

    /// Inner products of the adapters' changes of one layer, strengths included.
    private static func gram(
        _ name: String, _ layers: [Int: StoredLayer], _ adapters: [(path: String, strength: Double)],
        _ weights: BaseWeights?
    ) throws -> DoubleMatrix {
        let base = try weights.map { try $0.weight(try $0.layer(name)) }
        var deltas: [Int: UpdateFactors] = [:]
        for (index, layer) in layers {
            do {
                let strength = adapters[index].strength
                deltas[index] =
                    layer.needsBase
                    ? .whole(try layer.delta(base: base, strength: strength))
                    : .scaled(try layer.factors(fitting: base), strength)
            } catch let error as AdapterError {
                throw AdapterError(error.code, "\(adapters[index].path): \(error.message)")
            }
        }
        var gram = DoubleMatrix.zeros(adapters.count, adapters.count)
        for (i, a) in deltas {
            for (j, b) in deltas where j >= i {
                guard a.columns == b.columns, a.rows == b.rows else {
                    throw AdapterError(
                        .wrongShape,
                        "\(name): \(adapters[i].path) changes \(a.rows) × \(a.columns) numbers, "
                            + "\(adapters[j].path) \(b.rows) × \(b.columns); are they of one base?"
                    )
                }
                guard a.numbers <= Self.mostNumbers || (a.isLowRank && b.isLowRank) else {
                    throw AdapterError(
                        .wrongShape,
                        "\(name): comparing changes of \(a.rows) × \(a.columns) numbers would take too long; "
                            + "the limit is \(Int(Self.mostNumbers)) numbers"
                    )
                }
                gram[i, j] = i == j ? a.squaredNorm : a.inner(b)
                gram[j, i] = gram[i, j]
            }
        }
        return gram
    }

    private static func row(_ name: String, _ gram: DoubleMatrix, _ couples: [(Int, Int)]) -> Layer {
        Layer(
            name: name, norms: (0..<gram.rows).map { gram[$0, $0].squareRoot() },
            together: max(0, gram.values.reduce(0, +)).squareRoot(), growth: growth(gram),
            cosines: couples.map { cosine(gram, $0.0, $0.1) })
    }

    private static func cosine(_ gram: DoubleMatrix, _ i: Int, _ j: Int) -> Double? {
        let size = (gram[i, i] * gram[j, j]).squareRoot()
        return size > 0 ? gram[i, j] / size : nil
    }

    private static func growth(_ gram: DoubleMatrix) -> Double {
        let apart = (0..<gram.rows).reduce(0) { $0 + gram[$1, $1] }
        return apart > 0 ? (max(0, gram.values.reduce(0, +)) / apart).squareRoot() : 0
    }
}
