import CoreAdapters
import CoreTensor
import RunSpec
import TestSupport
import Testing

/// Truth: tensors made of fewer ranks than they are written with, and the singular values of their
/// unfoldings.
@Suite("Resizing Tucker forms")
struct TuckerResizeTests {
    private static let (outputs, inputs, kernel) = (10, 8, 3)

    private func random(_ shape: [Int], _ seed: UInt64) -> StoredTensor {
        StoredTensor(randomTensor(shape, seed: seed).values.map(Double.init), shape: shape)
    }

    /// A product of rank `inner` written with rank `written`: every factor times a random matrix.
    private func factors(_ names: (a: String, b: String, core: String), inner: Int, written: Int, seed: UInt64)
        -> [String: StoredTensor]
    {
        let (taps, rows) = (Self.kernel * Self.kernel, random([inner, Self.outputs], seed))
        let (columns, core) = (random([inner, Self.inputs], seed + 1), random([inner, inner * taps], seed + 2))
        guard inner < written else {
            return [
                names.a: rows, names.b: columns,
                names.core: StoredTensor(core.matrix, shape: [inner, inner, Self.kernel, Self.kernel]),
            ]
        }
        // Ranks beyond `inner` see a core of zeros.
        var wide = DoubleMatrix.zeros(written, written * taps)
        for i in 0..<inner { for j in 0..<inner * taps { wide[i, j] = core.matrix[i, j] } }
        var (tall, long) = (random([written, Self.outputs], seed + 3), random([written, Self.inputs], seed + 4))
        tall.values.replaceSubrange(0..<rows.values.count, with: rows.values)
        long.values.replaceSubrange(0..<columns.values.count, with: columns.values)
        return [
            names.a: tall, names.b: long,
            names.core: StoredTensor(wide, shape: [written, written, Self.kernel, Self.kernel]),
        ]
    }

    private func loha(inner: Int, written: Int) -> StoredLayer {
        let first = factors(("hada_w1_a", "hada_w1_b", "hada_t1"), inner: inner, written: written, seed: 10)
        let second = factors(("hada_w2_a", "hada_w2_b", "hada_t2"), inner: inner, written: written, seed: 20)
        return StoredLayer(
            name: "lora_unet_conv", algorithm: .loha, tensors: first.merging(second) { $1 }, alpha: Double(written) / 2)
    }

    private func lokr(inner: Int, written: Int) -> StoredLayer {
        var tensors = factors(("lokr_w2_a", "lokr_w2_b", "lokr_t2"), inner: inner, written: written, seed: 30)
        tensors["lokr_w1"] = random([2, 4], 40)
        return StoredLayer(
            name: "lora_unet_conv", algorithm: .lokr, tensors: tensors, alpha: Double(written) / 2)
    }

    private func resized(_ layer: StoredLayer, _ rule: RankRule) throws -> (StoredLayer, error: Double) {
        let folder = try TemporaryFolder()
        let (path, out) = (folder.path + "/in.safetensors", folder.path + "/out.safetensors")
        try StoredAdapter(layers: [layer]).save(to: path, type: .f32)
        let report = try AdapterResize(path: path, out: out, rule: rule, type: .f32).run()
        let (before, after) = (try StoredAdapter(path: path).layers[0], try StoredAdapter(path: out).layers[0])
        let (wanted, found) = (try before.delta(base: nil), try after.delta(base: nil))
        let error = (found - wanted).norm / wanted.norm
        #expect(abs(error - report.layers[0].error) < 1e-6)
        #expect(abs(after.scale - before.scale) < 1e-6)
        return (after, error)
    }

    @Test("find the few ranks that a layer has", arguments: [Algorithm.loha, .lokr])
    func exact(algorithm: Algorithm) throws {
        let layer = algorithm == .loha ? loha(inner: 2, written: 5) : lokr(inner: 2, written: 5)
        for rule in [RankRule.fixed(2), .ratio(1e-3), .energy(1 - 1e-9)] {
            let (small, error) = try resized(layer, rule)
            #expect(small.rank == 2 && error < 1e-5, "\(rule): \(small.rank ?? 0), \(error)")
        }
        #expect(try resized(layer, .fixed(7)).error < 1e-6)
    }

    @Test("by energy keep it, with the fewest ranks that do", arguments: [Algorithm.loha, .lokr], [0.5, 0.9, 0.99])
    func energy(algorithm: Algorithm, share: Double) throws {
        let layer = algorithm == .loha ? loha(inner: 5, written: 5) : lokr(inner: 5, written: 5)
        let (small, error) = try resized(layer, .energy(share))
        let rank = try #require(small.rank)
        #expect(1 - error * error >= share - 1e-6)
        if share == 0.5 { #expect(rank < 5) }
        guard rank > 1 else { return }
        let less = try resized(layer, .fixed(rank - 1)).error
        #expect(1 - less * less < share)
    }

    @Test("of LoKr lose no more than the unfoldings' smallest singular values")
    func bound() throws {
        let layer = lokr(inner: 4, written: 4)
        let (small, error) = try resized(layer, .fixed(2))
        let taps = Self.kernel * Self.kernel
        let (a, b, core) = (
            try layer.tensor("lokr_w2_a").matrix, try layer.tensor("lokr_w2_b").matrix,
            try layer.tensor("lokr_t2").matrix
        )
        // w2 by output rows, and by input rows, summed out by hand.
        var (byRow, byColumn) = (
            DoubleMatrix.zeros(Self.outputs, Self.inputs * taps), DoubleMatrix.zeros(Self.inputs, Self.outputs * taps)
        )
        for p in 0..<Self.outputs {
            for q in 0..<Self.inputs {
                for t in 0..<taps {
                    var sum = 0.0
                    for i in 0..<4 { for j in 0..<4 { sum += core[i, j * taps + t] * a[i, p] * b[j, q] } }
                    byRow[p, q * taps + t] = sum
                    byColumn[q, p * taps + t] = sum
                }
            }
        }
        let lost = try [byRow, byColumn].map { unfolding in
            try #require(unfolding.singularValues()).values.dropFirst(2).reduce(0) { $0 + $1 * $1 }
        }
        // Between the best of one unfolding alone and the sum of both truncations.
        #expect(error >= (lost.max() ?? 0).squareRoot() / byRow.norm - 1e-6)
        #expect(error <= (lost[0] + lost[1]).squareRoot() / byRow.norm + 1e-6)
        #expect(small.tensors["lokr_t2"]?.shape == [2, 2, 3, 3] && small.tensors["lokr_w1"] != nil)
    }

    @Test("of LoHa come nearer than truncating both halves, and to all ranks change nothing")
    func hadamard() throws {
        let layer = loha(inner: 3, written: 3)
        let one = try resized(layer, .fixed(1))
        let two = try resized(layer, .fixed(2))
        #expect(two.error < one.error && one.error < 1)
        #expect(two.0.tensors["hada_t1"]?.shape == [2, 2, 3, 3])
        #expect(try resized(layer, .fixed(4)).error < 1e-6)
    }

    @Test("let two low-rank factors keep one rank, or become matrices where that is smaller")
    func decomposed() throws {
        let tensors = [
            "lokr_w1_a": random([6, 3], 1), "lokr_w1_b": random([3, 8], 2), "lokr_w2_a": random([10, 3], 3),
            "lokr_w2_b": random([3, 12], 4),
        ]
        let layer = StoredLayer(name: "lora_unet_lin", algorithm: .lokr, tensors: tensors, alpha: 1.5)
        let (small, _) = try resized(layer, .fixed(2))
        #expect(small.tensors["lokr_w1_b"]?.shape == [2, 8] && small.tensors["lokr_w2_b"]?.shape == [2, 12])
        let (large, error) = try resized(layer, .fixed(5))
        #expect(large.tensors["lokr_w1"]?.shape == [6, 8] && large.tensors["lokr_w2_a"]?.shape == [10, 5])
        #expect(error < 1e-6)
    }
}
