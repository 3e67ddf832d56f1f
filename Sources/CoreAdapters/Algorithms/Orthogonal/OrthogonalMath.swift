package import CoreTensor

/// The Cayley transform of a batch of skew-symmetric matrices: Q = X − Xᵀ, R = (I + Q)(I − Q)⁻¹, orthogonal
/// for any X.
///
/// - Parameters:
///   - x: `[n, b, b]`.
///   - bound: largest ‖Q‖ over all blocks, to which Q is scaled down; 0 for none.
/// - Returns: `[n, b, b]`.
package func cayley(_ x: Tensor, bound: Float) -> Tensor {
    let (count, side) = (x.shape[0], x.shape[2])
    let size = side * side
    let source = x.values
    var skew = [Double](repeating: 0, count: source.count)
    for n in 0..<count {
        for i in 0..<side {
            for j in 0..<side {
                skew[n * size + i * side + j] =
                    Double(source[n * size + i * side + j]) - Double(source[n * size + j * side + i])
            }
        }
    }
    let norm = skew.reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-8
    let isBound = bound > 0 && norm > Double(bound)
    let shrink = isBound ? Double(bound) / norm : 1
    let unbound = skew
    if isBound { for i in skew.indices { skew[i] *= shrink } }
    var inverses = [[Double]](repeating: [], count: count)
    var rotations = inverses
    fill(&inverses, &rotations) { n in
        let q = Array(skew[n * size..<(n + 1) * size])
        let inverse = SmallMatrix.inverseOfIdentityMinus(q, side)
        return (inverse, SmallMatrix.product(SmallMatrix.identityPlus(q, side), inverse, side))
    }
    let result = Tensor(rotations.flatMap { $0.map { Float($0) } }, x.shape)
    let (heldInverses, heldRotations) = (inverses, rotations)
    return Tensor.custom(result, inputs: [x]) { gradient in
        let g = gradient.values.map { Double($0) }
        var (slopes, unused) = ([[Double]](repeating: [], count: count), [[Double]](repeating: [], count: count))
        fill(&slopes, &unused) { n in
            // dR = (I + R) dQ (I − Q)⁻¹, so dL/dQ = (I + R)ᵀ G (I − Q)⁻ᵀ.
            let outer = SmallMatrix.transposed(SmallMatrix.identityPlus(heldRotations[n], side), side)
            let part = SmallMatrix.product(outer, Array(g[n * size..<(n + 1) * size]), side)
            return (SmallMatrix.product(part, SmallMatrix.transposed(heldInverses[n], side), side), [])
        }
        var slope = slopes.flatMap { $0 }
        if isBound {
            let along = zip(slope, unbound).reduce(0) { $0 + $1.0 * $1.1 } / (norm * norm)
            for i in slope.indices { slope[i] = shrink * (slope[i] - along * unbound[i]) }
        }
        let onX = Tensor(uninitialized: gradient.shape)
        onX.withMutableBuffer { out in
            for n in 0..<count {
                for i in 0..<side {
                    for j in 0..<side {
                        out[n * size + i * side + j] = Float(
                            slope[n * size + i * side + j] - slope[n * size + j * side + i])
                    }
                }
            }
        }
        return [onX]
    }
}

/// Computes a pair for each index, shared among the threads.
private func fill(_ first: inout [[Double]], _ second: inout [[Double]], _ body: (Int) -> ([Double], [Double])) {
    first.withUnsafeMutableBufferPointer { first in
        second.withUnsafeMutableBufferPointer { second in
            let (first, second) = (first, second)
            Compute.parallel(first.count) { (first[$0], second[$0]) = body($0) }
        }
    }
}

/// Multiplies blocks of rows by small matrices: with rows taken in `order`, block j becomes R_j · block.
///
/// - Parameters:
///   - weight: `[rows, columns]`.
///   - rotations: `[n, b, b]`, n·b = rows.
///   - transposed: multiply by R_jᵀ instead.
///   - order: the row at each place of the blocks; nil for the rows as they are.
package func rotateRows(_ weight: Tensor, by rotations: Tensor, transposed: Bool, order: [Int]?) -> Tensor {
    let (rows, columns, side) = (weight.shape[0], weight.shape[1], rotations.shape[2])
    precondition(rotations.shape[0] * side == rows, "\(rotations.shape) blocks for \(rows) rows")
    let places = order ?? Array(0..<rows)
    let (source, r) = (weight.detached(), rotations.values)
    func entry(_ block: Int, _ i: Int, _ k: Int) -> Int {
        (block * side + (transposed ? k : i)) * side + (transposed ? i : k)
    }
    let result = Tensor.zeros(weight.shape)
    withElements(source.reading, result.writing) { w, out in
        // A block reads and writes its own rows only.
        Compute.parallel(rows / side) { block in
            for i in 0..<side {
                let target = out + places[block * side + i] * columns
                for k in 0..<side {
                    let (factor, from) = (r[entry(block, i, k)], w + places[block * side + k] * columns)
                    for c in 0..<columns { target[c] += factor * from[c] }
                }
            }
        }
    }
    let wantsWeight = weight.requiresGradient
    return Tensor.custom(result, inputs: [weight, rotations]) { gradient in
        let onWeight = wantsWeight ? Tensor.zeros(source.shape) : nil
        let onRotations = Tensor.zeros([rows / side, side, side])
        withElements(gradient.reading, source.reading, onRotations.writing) { g, w, dr in
            Compute.parallel(rows / side) { block in
                for i in 0..<side {
                    let slope = g + places[block * side + i] * columns
                    for k in 0..<side {
                        dr[entry(block, i, k)] = dot(slope, w + places[block * side + k] * columns, columns)
                    }
                }
            }
        }
        guard let onWeight else { return [nil, onRotations] }
        withElements(gradient.reading, onWeight.writing) { g, dw in
            Compute.parallel(rows / side) { block in
                for k in 0..<side {
                    let target = dw + places[block * side + k] * columns
                    for i in 0..<side {
                        let slope = g + places[block * side + i] * columns
                        let factor = r[entry(block, i, k)]
                        for c in 0..<columns { target[c] += factor * slope[c] }
                    }
                }
            }
        }
        return [onWeight, onRotations]
    }
}

/// Row-major square matrices of a few rows, in f64: blocks of orthogonal adapters.
enum SmallMatrix {
    static func identityPlus(_ a: [Double], _ side: Int) -> [Double] {
        var result = a
        for i in 0..<side { result[i * side + i] += 1 }
        return result
    }

    static func transposed(_ a: [Double], _ side: Int) -> [Double] {
        (0..<side * side).map { a[$0 % side * side + $0 / side] }
    }

    static func product(_ a: [Double], _ b: [Double], _ side: Int) -> [Double] {
        var result = [Double](repeating: 0, count: side * side)
        let right = b.span
        var sums = result.mutableSpan
        for i in 0..<side {
            for k in 0..<side {
                let factor = a[i * side + k]
                for j in 0..<side {
                    // The loops' bounds are the matrices'.
                    sums[unchecked: i * side + j] += factor * right[unchecked: k * side + j]
                }
            }
        }
        return result
    }

    /// (I − q)⁻¹ by Gauss-Jordan with row exchange; never singular, since q is skew-symmetric.
    static func inverseOfIdentityMinus(_ q: [Double], _ side: Int) -> [Double] {
        var a = identityPlus(q.map { -$0 }, side)
        var inverse = identityPlus([Double](repeating: 0, count: side * side), side)
        for column in 0..<side {
            let pivot = (column..<side).max { abs(a[$0 * side + column]) < abs(a[$1 * side + column]) } ?? column
            for j in 0..<side where pivot != column {
                a.swapAt(pivot * side + j, column * side + j)
                inverse.swapAt(pivot * side + j, column * side + j)
            }
            let head = a[column * side + column]
            for j in 0..<side {
                a[column * side + j] /= head
                inverse[column * side + j] /= head
            }
            for row in 0..<side where row != column {
                let factor = a[row * side + column]
                guard factor != 0 else { continue }
                for j in 0..<side {
                    a[row * side + j] -= factor * a[column * side + j]
                    inverse[row * side + j] -= factor * inverse[column * side + j]
                }
            }
        }
        return inverse
    }
}
