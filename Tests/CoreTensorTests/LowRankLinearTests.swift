import CoreTensor
import Testing

/// Linear layers with low-rank terms against sums in Double.
struct LowRankLinearTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let rows, inputs, outputs, rank: Int
        var testDescription: String { "\(rows) × \(inputs) → \(outputs), rank \(rank)" }
    }

    /// Sides that fill no vector, several blocks of the depth, rows that are copied apart, columns in parts.
    static let cases = [
        Case(rows: 5, inputs: 37, outputs: 19, rank: 3), Case(rows: 300, inputs: 64, outputs: 200, rank: 8),
        Case(rows: 100, inputs: 768, outputs: 96, rank: 8), Case(rows: 131, inputs: 1024, outputs: 70, rank: 16),
        Case(rows: 8, inputs: 192, outputs: 1152, rank: 8), Case(rows: 704, inputs: 192, outputs: 192, rank: 4),
    ]

    /// Row-major, in Double.
    private struct Matrix {
        let rows, columns: Int
        var values: [Double]

        init(_ tensor: Tensor) {
            columns = tensor.shape[tensor.shape.count - 1]
            rows = tensor.count / columns
            values = tensor.values.map(Double.init)
        }

        init(rows: Int, columns: Int) {
            (self.rows, self.columns) = (rows, columns)
            values = Array(repeating: 0, count: rows * columns)
        }

        var transposed: Matrix {
            var result = Matrix(rows: columns, columns: rows)
            for i in 0..<rows { for j in 0..<columns { result.values[j * rows + i] = values[i * columns + j] } }
            return result
        }

        static func * (a: Matrix, b: Matrix) -> Matrix {
            var result = Matrix(rows: a.rows, columns: b.columns)
            for i in 0..<a.rows {
                for k in 0..<a.columns {
                    let left = a.values[i * a.columns + k]
                    for j in 0..<b.columns { result.values[i * b.columns + j] += left * b.values[k * b.columns + j] }
                }
            }
            return result
        }

        static func + (a: Matrix, b: Matrix) -> Matrix {
            var result = a
            for i in result.values.indices { result.values[i] += b.values[i] }
            return result
        }

        /// The largest distance to `found`, in units of the largest value.
        func distance(_ found: Tensor) -> Double {
            let largest = values.reduce(0) { max($0, abs($1)) }
            return zip(values, found.values).reduce(0) { max($0, abs($1.0 - Double($1.1))) } / largest
        }
    }

    @Test("result and gradients agree with sums in Double", arguments: cases)
    func agrees(c: Case) throws {
        var random = RandomStream(seed: 7, purpose: c.testDescription)
        func tensor(_ shape: [Int], trains: Bool = true) -> Tensor {
            let tensor = Tensor(uninitialized: shape)
            random.fillNormal(tensor)
            tensor.requiresGradient = trains
            return tensor
        }
        let x = tensor([c.rows, c.inputs])
        let weight = tensor([c.outputs, c.inputs], trains: false)
        let (up, down) = (tensor([c.outputs, c.rank]), tensor([c.rank, c.inputs]))
        let (bias, residual) = (tensor([c.outputs]), tensor([c.rows, c.outputs]))
        let seed = tensor([c.rows, c.outputs], trains: false)
        let y = linear(x, weight: weight, up: up, down: down, bias: bias, adding: residual)
        y.backward(seed: seed)

        let (g, upper, lower, input) = (Matrix(seed), Matrix(up), Matrix(down), Matrix(x))
        let whole = Matrix(weight) + upper * lower
        var wanted = input * whole.transposed + Matrix(residual)
        let offsets = bias.values
        for i in wanted.values.indices { wanted.values[i] += Double(offsets[i % c.outputs]) }
        #expect(wanted.distance(y) < 2e-6)
        #expect((g * whole).distance(try #require(x.gradient)) < 2e-6)
        #expect((g.transposed * (input * lower.transposed)).distance(try #require(up.gradient)) < 2e-6)
        #expect(((g * upper).transposed * input).distance(try #require(down.gradient)) < 2e-6)
        var ones = Matrix(rows: 1, columns: c.rows)
        for i in ones.values.indices { ones.values[i] = 1 }
        #expect((ones * g).distance(try #require(bias.gradient)) < 2e-6)
        #expect(try #require(residual.gradient).values == seed.values)
    }

    @Test("a trained weight gets its gradient too, and frozen factors none")
    func trainsWhatItShould() throws {
        let (x, weight) = (Tensor([1, 2], [1, 2]), Tensor([1, 0, 0, 1], [2, 2]))
        weight.requiresGradient = true
        let (up, down) = (Tensor([1, -1], [2, 1]), Tensor([3, 4], [1, 2]))
        let y = linear(x, weight: weight, up: up, down: down)
        #expect(y.values == [12, -9])
        y.backward(seed: Tensor([1, 10], [1, 2]))
        #expect(weight.gradient?.values == [1, 2, 10, 20])
        #expect(up.gradient == nil && down.gradient == nil)
    }
}
