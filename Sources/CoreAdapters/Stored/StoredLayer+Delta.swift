package import CoreTensor
import RunSpec

extension StoredLayer {
    /// What the layer's weight changes by, by the algorithms' definitions alone: no shortcut of training is used here.
    ///
    /// - Parameters:
    ///   - base: the weight as its file has it, `[outputs, inputs, …]`; needed where `needsBase`, and to check shapes.
    ///   - strength: what 1 stands for is the trained adapter; rotations and DoRA do not simply multiply by it.
    /// - Returns: `[outputs, inputs · taps]` in the file's order.
    /// - Throws: `AdapterError` for missing keys and shapes that do not fit.
    package func delta(base: StoredTensor?, strength: Double = 1) throws -> DoubleMatrix {
        let change: DoubleMatrix
        if needsBase {
            guard let base else {
                throw AdapterError(
                    .badOption,
                    "\(name): \(isDoRA ? "DoRA" : algorithm?.rawValue ?? "it") changes a weight relative to itself; name the base model"
                )
            }
            change = try isDoRA ? decomposed(base, strength: strength) : relative(base, strength: strength)
        } else {
            change = try plain().scaled(by: strength)
        }
        if let base {
            let weight = base.matrix
            guard change.rows == weight.rows, change.columns == weight.columns else {
                throw AdapterError(
                    .wrongShape,
                    "\(name): its tensors make \(change.rows) × \(change.columns) numbers, the base's weight is \(base.shape)"
                )
            }
        }
        return change
    }

    /// What the layer's bias, or the norm's, changes by; nil if it does not.
    package var biasDelta: StoredTensor? { tensors["diff_b"] ?? tensors["b_norm"] }

    /// ΔW of the algorithms that do not look at the base.
    private func plain() throws -> DoubleMatrix {
        switch algorithm {
        case .lora, .locon, .dylora:
            let up = try tensor("lora_up.weight").matrix
            let down = try tensor("lora_down.weight")
            try require("lora_up.weight", try tensor("lora_up.weight").shape, [up.rows, down.shape.first ?? 0])
            guard let core = tensors["lora_mid.weight"] else { return (up * down.matrix).scaled(by: scale) }
            return (up * (try tucker(core, down, "lora_mid.weight"))).scaled(by: scale)
        case .loha:
            let first = try half("hada_w1_a", "hada_w1_b", "hada_t1")
            let second = try half("hada_w2_a", "hada_w2_b", "hada_t2")
            guard first.rows == second.rows, first.columns == second.columns else {
                throw AdapterError(
                    .wrongShape,
                    "\(name).hada_w2_a: the two products are \(first.rows) × \(first.columns) and \(second.rows) × \(second.columns); wanted equal sizes"
                )
            }
            return first.hadamard(second).scaled(by: scale)
        case .lokr: return try kronecker("").scaled(by: scale)
        case .full: return try tensor("diff").matrix
        case nil: return try tensor("w_norm").matrix
        default: preconditionFailure("\(name): \(algorithm?.rawValue ?? "") needs its base")
        }
    }

    /// [r, in · taps] = Σₙ core[m, n, t] · down[n, i], columns in the file's order.
    private func tucker(_ core: StoredTensor, _ down: StoredTensor, _ suffix: String) throws -> DoubleMatrix {
        let (rank, lower) = (core.shape.first ?? 0, down.matrix)
        guard core.shape.count == 4, core.shape[1] == lower.rows, rank > 0 else {
            throw AdapterError(
                .wrongShape, "\(name).\(suffix): found shape \(core.shape), wanted [r, \(lower.rows), k, k]")
        }
        let taps = core.shape[2] * core.shape[3]
        let inputs = lower.transposed  // [in, n]
        var values: [Double] = []
        for m in 0..<rank {
            let slice = DoubleMatrix(
                Array(core.values[m * lower.rows * taps..<(m + 1) * lower.rows * taps]), rows: lower.rows, columns: taps
            )
            values += (inputs * slice).values
        }
        return DoubleMatrix(values, rows: rank, columns: lower.columns * taps)
    }

    /// One of LoHa's low-rank products, with a core where the file has one.
    private func half(_ a: String, _ b: String, _ t: String) throws -> DoubleMatrix {
        let (up, down) = (try tensor(a), try tensor(b))
        guard let core = tensors[t] else {
            try require(a, up.shape, [up.shape.first ?? 0, down.shape.first ?? 0])
            return up.matrix * down.matrix
        }
        try require(a, up.shape, [core.shape.first ?? 0, up.shape.last ?? 0])
        return up.matrix.transposed * (try tucker(core, down, t))
    }

    /// w1 ⊗ w2 without the scale.
    private func kronecker(_ prefix: String) throws -> DoubleMatrix {
        func product(_ number: Int) throws -> DoubleMatrix {
            let stem = "\(prefix)lokr_w\(number)"
            if let whole = tensors[stem] { return whole.matrix }
            return try half(stem + "_a", stem + "_b", number == 2 ? prefix + "lokr_t2" : "")
        }
        return try product(1).kronecker(try product(2))
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
                    "\(name).weight: found shape \(try tensor("weight").shape), wanted \(onInput ? inputs : weight.rows) values"
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
                    "\(name).a1.weight: found shape \(first), wanted [\(inputs), r] beside [r, \(inputs)], [\(weight.rows), r] and [r, \(weight.columns)]"
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
                    "\(name).a.lokr_w1: makes \(mixing.rows) × \(mixing.columns) beside \(added.rows) × \(added.columns), wanted \(inputs) × \(inputs) and \(weight.rows) × \(weight.columns)"
                )
            }
            return (mixed(base, mixing).scaled(by: scale("a.")) + added.scaled(by: scale("b."))).scaled(by: strength)
        case .diagOFT, .boft: return try rotated(weight, strength: strength) - weight
        default: preconditionFailure("\(name): \(algorithm?.rawValue ?? "") does not look at its base")
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
                "\(name).oft_blocks: found shape \(axes), wanted [n, b, b] or [stages, n, b, b] with n·b = \(weight.rows)"
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
                    .wrongShape, "\(name).rescale: found shape \(rescale.shape), wanted \(weight.rows) values")
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
        let change = try plain()
        guard change.rows == weight.rows, change.columns == weight.columns else {
            throw AdapterError(
                .wrongShape,
                "\(name): its tensors make \(change.rows) × \(change.columns) numbers, the base's weight is \(base.shape)"
            )
        }
        var v = weight + change
        let scale = try tensor("dora_scale")
        let inputs = base.shape.count > 1 ? base.shape[1] : 1
        let taps = weight.columns / inputs
        let onOutput = scale.shape.first == weight.rows && scale.values.count == weight.rows
        guard onOutput || scale.values.count == inputs else {
            throw AdapterError(
                .wrongShape,
                "\(name).dora_scale: found shape \(scale.shape), wanted [\(weight.rows), 1] or [1, \(inputs)]")
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
