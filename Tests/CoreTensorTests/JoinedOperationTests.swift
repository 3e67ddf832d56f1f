import CoreTensor
import Testing

/// Operations in one pass against their parts one after the other.
struct JoinedOperationTests {
    private func tensor(_ shape: [Int], _ purpose: String, trains: Bool = true) -> Tensor {
        var random = RandomStream(seed: 12, purpose: purpose)
        let tensor = Tensor(uninitialized: shape)
        random.fillNormal(tensor)
        tensor.requiresGradient = trains
        return tensor
    }

    @Test("norm and rotation of two streams", arguments: [(1, 2, 3, 1, 4), (3, 24, 64, 4, 48), (2, 7, 5, 3, 6)])
    func normAndRotation(batch: Int, first: Int, second: Int, heads: Int, size: Int) throws {
        let width = heads * size
        let streams = [tensor([batch, first, width], "first"), tensor([batch, second, width], "second")]
        let weights = [tensor([size], "weight 0", trains: false), tensor([size], "weight 1", trains: false)]
        let (cosines, sines) = (
            tensor([first + second, size / 2], "cosines", trains: false),
            tensor([first + second, size / 2], "sines", trains: false)
        )
        let seed = tensor([batch, first + second, width], "seed", trains: false)
        func run(_ body: () -> Tensor) -> (Tensor, [Tensor]) {
            for stream in streams { stream.gradient = nil }
            let y = body()
            y.backward(seed: seed)
            return (y, streams.compactMap(\.gradient))
        }
        let whole = run {
            normalizedAndRotated(
                Array(zip(streams, weights)), heads: heads, epsilon: 1e-6, cosines: cosines, sines: sines)
        }
        let parts = run {
            let normed = zip(streams, weights).map { x, weight in
                rmsNorm(x.reshaped([batch, x.shape[1], heads, size]), weight: weight, epsilon: 1e-6).reshaped(x.shape)
            }
            return rotated(concatenateTokens(normed[0], normed[1]), heads: heads, cosines: cosines, sines: sines)
        }
        // Editing methods take the parts and must draw the same pictures.
        #expect(whole.0.values.map(\.bitPattern) == parts.0.values.map(\.bitPattern))
        #expect(whole.1.count == 2)
        for (found, wanted) in zip(whole.1, parts.1) { #expect(deviation(found, wanted) < 2e-6) }
    }

    @Test("parts of a tensor give it their gradients, zeros where none is", arguments: [[0, 1, 2], [2, 0], [1], []])
    func parts(used: [Int]) throws {
        let x = tensor([5, 9], "x")
        let widths = [2, 4, 3]
        func gradient(_ cut: (Tensor) -> [Tensor]) throws -> [Float] {
            x.gradient = nil
            let middle = scaled(x, by: 2)
            let parts = cut(middle)
            let factors = used.map { tensor([5, widths[$0]], "factor \($0)", trains: false) }
            var total = sum(multiply(middle, middle))
            for (index, factor) in zip(used, factors) { total = add(total, sum(multiply(parts[index], factor))) }
            total.backward()
            return try #require(x.gradient).values
        }
        let found = try gradient { split($0, channels: widths) }
        let wanted = try gradient { y in
            [slice(y, channels: 0..<2), slice(y, channels: 2..<6), slice(y, channels: 6..<9)]
        }
        #expect(found == wanted)
    }

    /// a · b with sums in Double.
    private func product(_ a: Tensor, _ b: Tensor) -> Tensor {
        let (left, right, depth, columns) = (a.values, b.values, a.shape[1], b.shape[1])
        let values = (0..<a.shape[0] * columns).map { index in
            let (i, j) = (index / columns, index % columns)
            return Float(
                (0..<depth).reduce(0.0) { $0 + Double(left[i * depth + $1]) * Double(right[$1 * columns + j]) })
        }
        return Tensor(values, [a.shape[0], columns])
    }

    @Test("layers that share their input sum its gradient")
    func sharedInput() throws {
        let x = tensor([40, 64], "shared", trains: true)
        let weights = (0..<3).map { tensor([48, 64], "weight \($0)", trains: false) }
        let (up, down) = (tensor([48, 4], "up", trains: true), tensor([4, 64], "down", trains: true))
        let middle = scaled(x, by: 1)
        let parts = weights.map { linear(middle, weight: $0, up: up, down: down) }
        let seeds = parts.indices.map { tensor([40, 48], "seed \($0)", trains: false) }
        mean(add(add(multiply(parts[0], seeds[0]), multiply(parts[1], seeds[1])), multiply(parts[2], seeds[2])))
            .backward()
        let change = product(up, down)
        let wanted = zip(weights, seeds).map { product($1, add($0, change.detached())) }
        let sum = scaled(add(add(wanted[0], wanted[1]), wanted[2]), by: 1 / Float(40 * 48))
        #expect(deviation(scaled(try #require(x.gradient), by: 1000), scaled(sum, by: 1000)) < 4e-6)
    }
}
