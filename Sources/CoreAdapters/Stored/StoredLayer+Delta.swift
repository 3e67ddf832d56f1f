package import CoreTensor
import RunSpec

extension StoredLayer {
    /// What the layer's weight changes by, by the algorithms' definitions alone: no shortcut of training is used here.
    ///
    /// - Parameters:
    ///   - base: the weight as its file has it, `[outputs, inputs, …]`; needed where `needsBase`, and to check shapes.
    ///   - strength: what 1 stands for is the trained adapter; rotations and DoRA do not simply multiply by it.
    /// - Returns: `[outputs, inputs · taps]` in the file's order.
    /// - Throws: `AdapterError` for missing keys and shapes that do not fit, before any of them is multiplied out.
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
        var change = try isDoRA ? decomposed(base, strength: strength) : relative(base, strength: strength)
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

    private func require(_ factors: UpdateFactors, fits base: StoredTensor) throws {
        guard factors.rows == base.matrix.rows, factors.columns == base.matrix.columns else {
            throw misfit(factors.rows, factors.columns, base)
        }
    }

    private func misfit(_ rows: Int, _ columns: Int, _ base: StoredTensor) -> AdapterError {
        AdapterError(
            .wrongShape,
            "\(place): its tensors make \(rows) × \(columns) numbers, the base's weight is \(base.shape)")
    }

    /// Refuses what would take more memory than any file of the layer.
    package func requireModest(_ factors: UpdateFactors, limit: Int = mostNumbers) throws {
        guard factors.numbers > Double(limit) else { return }
        let gigabytes = (factors.numbers * 8 / 1e9).rounded(.up)
        throw AdapterError(
            .wrongShape,
            "\(place): its tensors make \(factors.rows) × \(factors.columns) numbers, \(Int(min(gigabytes, 1e15))) GB if written "
                + "out, which this needs; the limit is \(limit) numbers")
    }

    /// ΔW of the algorithms that do not look at the base, not multiplied out, at strength 1; the part inside DoRA's
    /// magnitudes, where there are some.
    ///
    /// - Parameter base: held against the size, where it is given.
    package func factors(fitting base: StoredTensor? = nil) throws -> UpdateFactors {
        let own = try ownFactors()
        // A bias alone shows no size.
        if algorithm == nil, !isNorm { return base.map { .whole(.zeros($0.matrix.rows, $0.matrix.columns)) } ?? own }
        if let base { try require(own, fits: base) }
        guard algorithm != .full, algorithm != nil, !needsBase, let whole = tensors["diff"] else { return own }
        guard whole.matrix.rows == own.rows, whole.matrix.columns == own.columns else {
            throw AdapterError(
                .wrongShape,
                "\(key("diff")): found shape \(whole.shape), the layer's other tensors make \(own.rows) × \(own.columns)"
            )
        }
        return .sum(own, .whole(whole.matrix))
    }

    /// Whether the tensors fit each other, as far as no base is needed to tell.
    func checkShapes() throws {
        switch algorithm {
        case .ia3, .glora, .glokr, .diagOFT, .boft: return
        default: _ = try factors()
        }
    }

    /// Without a difference that stands beside them.
    package func ownFactors() throws -> UpdateFactors {
        switch algorithm {
        case .lora, .locon, .dylora:
            let (up, down) = (try tensor("lora_up.weight"), try tensor("lora_down.weight"))
            guard let core = tensors["lora_mid.weight"] else {
                try require("lora_up.weight", up.shape, [up.matrix.rows, down.shape.first ?? 0])
                return .scaled(.product(up.matrix, down.matrix), scale)
            }
            try require("lora_up.weight", up.shape, [up.matrix.rows, core.shape.first ?? 0])
            return .scaled(.product(up.matrix, try tucker("lora_mid.weight", core, down)), scale)
        case .loha:
            let first = try half("hada_w1_a", "hada_w1_b", "hada_t1")
            let second = try half("hada_w2_a", "hada_w2_b", "hada_t2")
            guard first.rows == second.rows, first.columns == second.columns else {
                throw AdapterError(
                    .wrongShape,
                    "\(key("hada_w2_a")): the two products are \(first.rows) × \(first.columns) and \(second.rows) × \(second.columns); wanted equal sizes"
                )
            }
            return .scaled(.hadamard(first, second), scale)
        case .lokr: return .scaled(try kronecker(""), scale)
        case .full: return .whole(try tensor("diff").matrix)
        case nil where isNorm: return .whole(try tensor("w_norm").matrix)
        case nil: return .whole(.zeros(biasDelta?.values.count ?? 0, 0))
        default:
            throw AdapterError(.badOption, "\(place): \(algorithm?.rawValue ?? "") is no product of factors")
        }
    }

    /// [r, in · taps] = Σₙ core[m, n, t] · down[n, i], columns in the file's order.
    private func tucker(_ suffix: String, _ core: StoredTensor, _ down: StoredTensor) throws -> DoubleMatrix {
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

    /// One of LoHa's low-rank products, with a core where the file has one.
    private func half(_ a: String, _ b: String, _ t: String) throws -> UpdateFactors {
        let (up, down) = (try tensor(a), try tensor(b))
        guard let core = tensors[t] else {
            try require(a, up.shape, [up.shape.first ?? 0, down.shape.first ?? 0])
            return .product(up.matrix, down.matrix)
        }
        try require(a, up.shape, [core.shape.first ?? 0, up.shape.last ?? 0])
        return .product(up.matrix.transposed, try tucker(t, core, down))
    }

    /// w1 ⊗ w2 without the scale.
    private func kronecker(_ prefix: String) throws -> UpdateFactors {
        func product(_ number: Int) throws -> UpdateFactors {
            let stem = "\(prefix)lokr_w\(number)"
            if let whole = tensors[stem] { return .whole(whole.matrix) }
            return try half(stem + "_a", stem + "_b", number == 2 ? prefix + "lokr_t2" : "")
        }
        return .kronecker(try product(1), try product(2))
    }

    /// ΔW of the algorithms that change a weight relative to itself.
    private func relative(_ base: StoredTensor, strength: Double) throws -> DoubleMatrix {
        let weight = base.matrix
        let inputs = base.shape.count > 1 ? base.shape[1] : 1
        switch algorithm {
        case .ia3:
            let factor = try tensor("weight").values
            let onInput = try tensor("on_input").values.contains { $0 != 0 }
            guard factor.count == (onInput ? inputs : weight.rows) else {
                throw AdapterError(
                    .wrongShape,
                    "\(key("weight")): found shape \(try tensor("weight").shape), wanted \(onInput ? inputs : weight.rows) values"
                )
            }
            let taps = weight.columns / inputs
            var result = weight
            for i in 0..<weight.rows {
                for j in 0..<weight.columns { result[i, j] *= strength * (onInput ? factor[j / taps] : factor[i]) }
            }
            return result
        case .glora:
            var names = ["a1.weight", "a2.weight", "b1.weight", "b2.weight"]
            // Files from before lycoris-lora 3.0 have the roles swapped.
            let first = try tensor("a1.weight").shape
            if first.first != inputs, first.count > 1, first[1] == inputs {
                names = ["a2.weight", "a1.weight", "b2.weight", "b1.weight"]
            }
            let parts = try names.map { try tensor($0).matrix }
            guard parts[0].rows == inputs, parts[1].columns == inputs, parts[0].columns == parts[1].rows,
                parts[2].rows == weight.rows, parts[3].columns == weight.columns, parts[2].columns == parts[3].rows
            else {
                throw AdapterError(
                    .wrongShape,
                    "\(key("a1.weight")): found shape \(first), wanted [\(inputs), r] beside [r, \(inputs)], [\(weight.rows), r] and [r, \(weight.columns)]"
                )
            }
            return (mixed(base, parts[0] * parts[1]) + parts[2] * parts[3]).scaled(by: scale * strength)
        case .glokr:
            func scale(_ prefix: String) -> Double {
                let rank = (tensors[prefix + "lokr_w2_b"] ?? tensors[prefix + "lokr_w1_b"])?.shape.first
                guard let alpha, alpha != 0, let rank else { return 1 }
                return alpha / Double(rank)
            }
            let (mixing, added) = (try kronecker("a."), try kronecker("b."))
            guard mixing.rows == inputs, mixing.columns == inputs, added.rows == weight.rows,
                added.columns == weight.columns
            else {
                throw AdapterError(
                    .wrongShape,
                    "\(key("a.lokr_w1")): makes \(mixing.rows) × \(mixing.columns) beside \(added.rows) × \(added.columns), wanted \(inputs) × \(inputs) and \(weight.rows) × \(weight.columns)"
                )
            }
            return (mixed(base, mixing.dense).scaled(by: scale("a.")) + added.dense.scaled(by: scale("b.")))
                .scaled(by: strength)
        case .diagOFT, .boft: return try rotated(weight, strength: strength) - weight
        default: preconditionFailure("\(place): \(algorithm?.rawValue ?? "") does not look at its base")
        }
    }

    /// W with its input channels mixed: Σⱼ W[o, j, t] · m[j, i].
    private func mixed(_ base: StoredTensor, _ matrix: DoubleMatrix) -> DoubleMatrix {
        let weight = base.matrix
        let inputs = matrix.rows
        let taps = weight.columns / inputs
        guard taps > 1 else { return weight * matrix }
        var result: [Double] = []
        result.reserveCapacity(weight.values.count)
        let turned = matrix.transposed
        for row in 0..<weight.rows {
            result += (turned * weight.rows(row..<row + 1).reshaped(rows: inputs, columns: taps)).values
        }
        return DoubleMatrix(result, rows: weight.rows, columns: weight.columns)
    }

    /// Diag-OFT and BOFT.
    private func rotated(_ weight: DoubleMatrix, strength: Double) throws -> DoubleMatrix {
        let blocks = try tensor("oft_blocks")
        let axes = blocks.shape
        let side = axes.last ?? 0
        let stages = axes.count == 4 ? axes[0] : 1
        guard axes.count >= 3, side > 0, axes[axes.count - 2] == side, axes[axes.count - 3] * side == weight.rows else {
            throw AdapterError(
                .wrongShape,
                "\(key("oft_blocks")): found shape \(axes), wanted [n, b, b] or [stages, n, b, b] with n·b = \(weight.rows)"
            )
        }
        let count = weight.rows / side
        let rotations = rotationMatrices(blocks.values, side: side, bound: (alpha ?? 0) * Double(weight.rows))
        var result = weight
        for stage in 0..<stages {
            let places =
                stages == 1 && axes.count == 3
                ? nil : OrthogonalUpdate.order(rows: weight.rows, side: side, stage: stage)
            let source = result
            for block in 0..<count {
                let rotation = rotations[stage * count + block]
                for i in 0..<side {
                    let row = places?[block * side + i] ?? block * side + i
                    for column in 0..<weight.columns { result[row, column] = 0 }
                    for k in 0..<side {
                        // Diag-OFT multiplies by the transpose, a butterfly does not.
                        let entry = places == nil ? rotation[k, i] : rotation[i, k]
                        let factor = strength * entry + (i == k ? 1 - strength : 0)
                        let from = places?[block * side + k] ?? block * side + k
                        for column in 0..<weight.columns { result[row, column] += factor * source[from, column] }
                    }
                }
            }
        }
        if let rescale = tensors["rescale"] {
            guard rescale.values.count == weight.rows else {
                throw AdapterError(
                    .wrongShape, "\(key("rescale")): found shape \(rescale.shape), wanted \(weight.rows) values")
            }
            for i in 0..<weight.rows { for j in 0..<weight.columns { result[i, j] *= rescale.values[i] } }
        }
        return result
    }

    /// (I + Q)(I − Q)⁻¹ of every block, Q bounded over all of them together.
    private func rotationMatrices(_ values: [Double], side: Int, bound: Double) -> [DoubleMatrix] {
        let size = side * side
        var skew = values.indices.map { i in
            let (start, place) = (i / size * size, i % size)
            return values[i] - values[start + place % side * side + place / side]
        }
        let norm = skew.reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-8
        if bound > 0, norm > bound { skew = skew.map { $0 * bound / norm } }
        return stride(from: 0, to: skew.count, by: size).map { start in
            let q = Array(skew[start..<start + size])
            let inverse = SmallMatrix.inverseOfIdentityMinus(q, side)
            return DoubleMatrix(
                SmallMatrix.product(SmallMatrix.identityPlus(q, side), inverse, side), rows: side, columns: side)
        }
    }

    /// DoRA: V · (strength · (m / ‖V‖ − 1) + 1) − W with V = W + ΔW.
    private func decomposed(_ base: StoredTensor, strength: Double) throws -> DoubleMatrix {
        let weight = base.matrix
        let change = try ownFactors()
        try require(change, fits: base)
        var v = weight + change.dense
        let scale = try tensor("dora_scale")
        let inputs = base.shape.count > 1 ? base.shape[1] : 1
        let taps = weight.columns / inputs
        let onOutput = scale.shape.first == weight.rows && scale.values.count == weight.rows
        guard onOutput || scale.values.count == inputs else {
            throw AdapterError(
                .wrongShape,
                "\(key("dora_scale")): found shape \(scale.shape), wanted [\(weight.rows), 1] or [1, \(inputs)]")
        }
        var squares = [Double](repeating: 0, count: scale.values.count)
        func group(_ i: Int, _ j: Int) -> Int { onOutput ? i : j / taps }
        for i in 0..<v.rows { for j in 0..<v.columns { squares[group(i, j)] += v[i, j] * v[i, j] } }
        let factors = squares.indices.map {
            strength * (scale.values[$0] / (squares[$0].squareRoot() + Double(Float.ulpOfOne)) - 1) + 1
        }
        for i in 0..<v.rows { for j in 0..<v.columns { v[i, j] *= factors[group(i, j)] } }
        return v - weight
    }
}
