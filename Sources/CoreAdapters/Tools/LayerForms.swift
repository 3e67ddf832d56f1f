import CoreTensor
import RunSpec

/// Layers of adapter files made from a weight change given as a matrix.
enum LayerForms {
    /// A LoRA layer of scale 1.
    ///
    /// - Parameters:
    ///   - up: `[out, r]`.
    ///   - down: `[r, in · taps]`, columns in the file's order.
    ///   - shape: of the weight, `[out, in]` or `[out, in, k, k]`.
    static func lora(
        _ name: String, up: DoubleMatrix, down: DoubleMatrix, shape: [Int], alpha: Double? = nil
    ) -> StoredLayer {
        let rank = up.columns
        let ones = shape.count == 4 ? [1, 1] : []
        return StoredLayer(
            name: name, algorithm: .lora,
            tensors: [
                "lora_up.weight": StoredTensor(up, shape: [up.rows, rank] + ones),
                "lora_down.weight": StoredTensor(down, shape: [rank] + shape.dropFirst()),
            ], alpha: alpha ?? Double(rank))
    }

    /// The best LoRA of a ΔW.
    static func lora(_ name: String, delta: DoubleMatrix, shape: [Int], rule: RankRule) throws -> StoredLayer {
        let values = try decomposed(delta, name)
        let (up, down) = values.product(rank: rule.rank(values.values))
        return lora(name, up: up, down: down, shape: shape)
    }

    /// The Kronecker product nearest to ΔW in the Frobenius norm, both factors full matrices.
    ///
    /// - Parameter factor: bound of the smaller factor; -1 splits evenly.
    /// - SeeAlso: Van Loan and Pitsianis, “Approximation with Kronecker products”, 1993.
    static func lokr(_ name: String, delta: DoubleMatrix, shape: [Int], factor: Int) throws -> StoredLayer {
        let inputs = shape.count > 1 ? shape[1] : 1
        let taps = delta.columns / inputs
        let (outer, block) = factorization(shape[0], factor: factor)
        let (groups, width) = factorization(inputs, factor: factor)
        let inner = width * taps
        // Row (a, c), column (b, d): a Kronecker product becomes a product of a column and a row.
        var turned = DoubleMatrix.zeros(outer * groups, block * inner)
        for a in 0..<outer {
            for b in 0..<block {
                for c in 0..<groups {
                    for d in 0..<inner { turned[a * groups + c, b * inner + d] = delta[a * block + b, c * inner + d] }
                }
            }
        }
        let (up, down) = try decomposed(turned, name).product(rank: 1)
        let isConvolution = shape.count == 4
        return StoredLayer(
            name: name, algorithm: .lokr,
            tensors: [
                "lokr_w1": StoredTensor(up.values, shape: [outer, groups]),
                "lokr_w2": StoredTensor(
                    down.values, shape: isConvolution ? [block, width] + shape[2...] : [block, width]),
            ], alpha: 1)
    }

    static func decomposed(_ matrix: DoubleMatrix, _ name: String) throws -> SingularValues {
        guard let values = matrix.singularValues() else {
            throw AdapterError(.wrongShape, "\(name): its change has no singular values; are all its numbers finite?")
        }
        return values
    }

    /// ‖a − b‖ / ‖b‖
    static func relativeError(_ a: DoubleMatrix, _ b: DoubleMatrix) -> Double {
        let norm = b.norm
        return norm == 0 ? 0 : (a - b).norm / norm
    }
}
