package import CoreTensor
import RunSpec

extension StoredLayer {
    /// What the layer's weight changes by, by the algorithms' definitions alone: no shortcut of training is
    /// used here.
    ///
    /// - Parameters:
    ///   - base: the weight as its file has it, `[outputs, inputs, …]`; needed where `needsBase`, and to
    ///     check shapes.
    ///   - strength: what 1 stands for is the trained adapter; rotations and DoRA do not simply multiply by
    ///     it.
    /// - Returns: `[outputs, inputs · taps]` in the file's order.
    /// - Throws: `AdapterError` for missing keys and shapes that do not fit, before any of them is multiplied
    ///   out.
    package func delta(base: StoredTensor?, strength: Double = 1) throws -> DoubleMatrix {
        guard needsBase else {
            let factors = try factors(fitting: base)
            if base == nil { try requireModest(factors) }
            return factors.dense.scaled(by: strength)
        }
        guard let base else {
            let what = isDoRA ? "DoRA" : algorithm.map(\.rawValue) ?? "a weight in full"
            throw AdapterError(
                .badOption, "\(place): \(what) changes a weight relative to itself; name the base model")
        }
        guard !isWhole else {
            throw AdapterError(.badOption, "\(place): a weight in full has no difference yet")
        }
        var change: DoubleMatrix
        if let kind, !isDoRA {
            change = try kind.delta(of: self, base: base, strength: strength)
        } else {
            change = try decomposed(base, strength: strength)
        }
        guard change.rows == base.matrix.rows, change.columns == base.matrix.columns else {
            throw misfit(change.rows, change.columns, base)
        }
        if let whole = tensors["diff"] {
            try require("diff", whole.shape, base.shape)
            change = change + whole.matrix.scaled(by: strength)
        }
        return change
    }

    /// What the layer's bias, or the norm's, changes by; nil if it does not.
    package var biasDelta: StoredTensor? {
        let difference = tensors["diff_b"] ?? tensors["b_norm"]
        guard var own = tensors["lora_up.bias"] else { return difference }
        own.scale(by: scale)
        guard let difference, difference.values.count == own.values.count else { return own }
        return StoredTensor(zip(own.values, difference.values).map { $0 + $1 }, shape: own.shape)
    }

    /// The first key that `biasDelta` comes from.
    package var biasKey: String {
        key(["diff_b", "b_norm", "lora_up.bias"].first { tensors[$0] != nil } ?? "diff_b")
    }

    /// More numbers than this are not multiplied out where no base of that size is there either: 2 GB.
    package static let mostNumbers = 1 << 28

    func require(_ factors: UpdateFactors, fits base: StoredTensor) throws {
        guard factors.rows == base.matrix.rows, factors.columns == base.matrix.columns else {
            throw misfit(factors.rows, factors.columns, base)
        }
    }

    private func misfit(_ rows: Int, _ columns: Int, _ base: StoredTensor) -> AdapterError {
        // A first convolution, which reads latents of 4 or 16 channels, with as many inputs again.
        let isFirst = base.shape.count == 4 && base.shape[1] <= 16
        let readsSource = isFirst && rows == base.matrix.rows && columns == 2 * base.matrix.columns
        let reason = "; trained on pairs, it reads a picture to edit beside the latents, which this base does not"
        return AdapterError(
            .wrongShape,
            "\(place): its tensors make \(rows) × \(columns) numbers, the base's weight is \(base.shape)"
                + (readsSource ? reason : ""))
    }

    /// Refuses what would take more memory than any file of the layer.
    ///
    /// - Throws: `AdapterError` that says how much memory it would be.
    package func requireModest(_ factors: UpdateFactors, limit: Int = mostNumbers) throws {
        guard factors.numbers > Double(limit) else { return }
        let gigabytes = (factors.numbers * 8 / 1e9).rounded(.up)
        throw AdapterError(
            .wrongShape,
            "\(place): its tensors make \(factors.rows) × \(factors.columns) numbers, \(Int(min(gigabytes, 1e15))) GB if written "
                + "out, which this needs; the limit is \(limit) numbers")
    }

    /// ΔW of the algorithms that do not look at the base, not multiplied out, at strength 1; the part inside
    /// DoRA's magnitudes, where there are some.
    ///
    /// - Parameter base: held against the size, where it is given.
    /// - Throws: `AdapterError` for missing keys, shapes that do not fit, or an algorithm that changes a
    ///   weight relative to itself.
    package func factors(fitting base: StoredTensor? = nil) throws -> UpdateFactors {
        let own = try ownFactors()
        // A bias alone shows no size.
        if algorithm == nil, !isNorm { return base.map { .whole(.zeros($0.matrix.rows, $0.matrix.columns)) } ?? own }
        if let base { try require(own, fits: base) }
        guard algorithm != nil, hasDifferenceBeside, !needsBase, let whole = tensors["diff"] else { return own }
        guard whole.matrix.rows == own.rows, whole.matrix.columns == own.columns else {
            throw AdapterError(
                .wrongShape,
                "\(key("diff")): found shape \(whole.shape), the layer's other tensors make \(own.rows) × \(own.columns)"
            )
        }
        return .sum(own, .whole(whole.matrix))
    }

    /// Whether the tensors fit each other, as far as no base is needed to tell.
    ///
    /// - Throws: `AdapterError` that names the key that does not fit.
    func checkShapes() throws {
        if kind?.needsBase != true { _ = try factors() }
    }

    /// Without a difference that stands beside them.
    ///
    /// - Throws: `AdapterError` for missing keys, shapes that do not fit each other, or an algorithm without
    ///   such factors.
    package func ownFactors() throws -> UpdateFactors {
        if let kind { return try kind.factors(of: self) }
        return .whole(isNorm ? try tensor("w_norm").matrix : .zeros(biasDelta?.values.count ?? 0, 0))
    }

    /// A core times its inner factor: `[r, in · taps]` = Σₙ core[m, n, t] · down[n, i], columns in the file's
    /// order.
    ///
    /// - Throws: `AdapterError` for a core that does not fit, or a product too large to write out.
    func lowered(_ suffix: String, _ core: StoredTensor, _ down: StoredTensor) throws -> DoubleMatrix {
        let (rank, lower) = (core.shape.first ?? 0, down.matrix)
        guard core.shape.count == 4, core.shape[1] == lower.rows, rank > 0 else {
            throw AdapterError(
                .wrongShape, "\(key(suffix)): found shape \(core.shape), wanted [r, \(lower.rows), k, k]")
        }
        let taps = core.shape[2] * core.shape[3]
        guard Double(rank) * Double(lower.columns) * Double(taps) <= Double(Self.mostNumbers) else {
            throw AdapterError(
                .wrongShape, "\(key(suffix)): found shape \(core.shape) for \(lower.columns) inputs, which is too large"
            )
        }
        return TuckerCore.lowered(core.matrix, inner: lower, taps: taps)
    }

    /// A low-rank product of two tensors, with a core where the file has one.
    ///
    /// - Throws: `AdapterError` for missing keys and shapes that do not fit each other.
    func lowRank(_ a: String, _ b: String, core: String?) throws -> UpdateFactors {
        let (up, down) = (try tensor(a), try tensor(b))
        guard let name = core, let core = tensors[name] else {
            try require(a, up.shape, [up.shape.first ?? 0, down.shape.first ?? 0])
            return .product(up.matrix, down.matrix)
        }
        try require(a, up.shape, [core.shape.first ?? 0, up.shape.last ?? 0])
        return .product(up.matrix.transposed, try lowered(name, core, down))
    }
}
