import CoreTensor
import Testing

/// Products with weights that are packed once.
struct FrozenLinearTests {
    private func tensor(_ shape: [Int], _ purpose: String, trains: Bool = false) -> Tensor {
        var random = RandomStream(seed: 9, purpose: purpose)
        let tensor = Tensor(uninitialized: shape)
        random.fillNormal(tensor)
        tensor.requiresGradient = trains
        return tensor
    }

    /// x · wᵀ, or x · w, with sums in Double.
    private func product(_ x: Tensor, _ w: Tensor, transposed: Bool) -> Tensor {
        let (a, b, width) = (x.values, w.values, w.shape[1])
        let (rows, depth, columns) = (x.shape[0], x.shape[1], transposed ? w.shape[0] : width)
        let values = (0..<rows * columns).map { index in
            let (i, j) = (index / columns, index % columns)
            return Float(
                (0..<depth).reduce(0.0) {
                    $0 + Double(a[i * depth + $1]) * Double(b[transposed ? j * width + $1 : $1 * width + j])
                })
        }
        return Tensor(values, [rows, columns])
    }

    @Test(
        "a frozen layer agrees with sums in Double",
        arguments: [(1, 1, 1), (5, 37, 19), (33, 100, 47), (70, 192, 1152), (8, 960, 192), (65, 31, 16)])
    func agrees(rows: Int, inputs: Int, outputs: Int) throws {
        let x = tensor([rows, inputs], "x", trains: true)
        let (weight, seed) = (tensor([outputs, inputs], "w"), tensor([rows, outputs], "seed"))
        weight.markAsWeight()
        let y = linear(x, weight: weight)
        y.backward(seed: seed)
        #expect(deviation(y, product(x, weight, transposed: true)) < 2e-6)
        #expect(deviation(try #require(x.gradient), product(seed, weight, transposed: false)) < 2e-6)
        // As halves, and after a change.
        let half = try #require(weight.halved(rounding: true))
        half.markAsWeight()
        #expect(deviation(linear(x, weight: half), product(x, half.widened(), transposed: true)) < 2e-6)
        weight.withMutableBuffer { $0[0] += 5 }
        #expect(deviation(linear(x, weight: weight), product(x, weight, transposed: true)) < 2e-6)
    }

    @Test("every size of number keeps its bits of an f32")
    func magnitudes() {
        let x = Tensor([3e30, 1.0000001, -7e-20, 16_777_215, 0, -1e-30], [6, 1])
        let weight = Tensor([1], [1, 1])
        weight.markAsWeight()
        #expect(linear(x, weight: weight).values == x.values)
    }

    @Test("a row has the same bits alone as among others")
    func rowsAlone() {
        let (x, weight) = (tensor([90, 192], "rows"), tensor([200, 192], "weight"))
        weight.markAsWeight()
        let all = linear(x, weight: weight).values
        for row in [0, 17, 63, 89] {
            let alone = linear(slice(x, batch: row..<row + 1), weight: weight).values
            #expect(alone == Array(all[row * 200..<(row + 1) * 200]))
        }
    }
}
