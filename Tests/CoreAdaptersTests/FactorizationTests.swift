import CoreAdapters
import Testing

/// Values that lycoris-lora's `factorization` returns.
@Suite("Splitting a dimension for LoKr")
struct FactorizationTests {
    static let factors = [-1, 2, 4, 8, 12, 16, 64]
    /// Dimension, and the smaller part for each factor.
    static let table: [(Int, [Int])] = [
        (320, [16, 2, 4, 8, 10, 16, 5]), (640, [20, 2, 4, 8, 10, 16, 10]), (768, [24, 2, 4, 8, 12, 16, 12]),
        (1280, [32, 2, 4, 8, 10, 16, 20]), (3072, [48, 2, 4, 8, 12, 16, 48]), (5120, [64, 2, 4, 8, 10, 16, 64]),
        (10240, [80, 2, 4, 8, 10, 16, 64]), (4, [2, 2, 1, 2, 2, 2, 2]), (127, [1, 1, 1, 1, 1, 1, 1]),
    ]

    @Test("gives the package's pairs", arguments: table)
    func pairs(dimension: Int, small: [Int]) {
        for (factor, wanted) in zip(Self.factors, small) {
            let (a, b) = factorization(dimension, factor: factor)
            #expect(a == wanted && a * b == dimension, "\(dimension) by \(factor): \(a), \(b)")
        }
    }
}
