import BoostedTrees
import Foundation
import Testing

/// Against Shapley values that were added up over all subsets (Fixtures/make_shap.py).
@Suite("Boosted trees", .enabled(if: BoostedTrees.isAvailable, "libxgboost0 is not installed"))
struct BoostedTreesTests {
    private struct Case: Decodable {
        let rows: [[Double?]]
        let targets: [Double]
        let rounds: Int
        let rate: Double
        let depth: Int
        let leastRows: Int
        let penalty: Double
        let values: [[Double]]
        let expected: Double
        let predictions: [Double]

        var table: [[Double]] { rows.map { $0.map { $0 ?? .nan } } }

        func trained() throws -> BoostedTrees {
            try BoostedTrees(
                rows: table, targets: targets,
                options: BoostedTrees.Options(
                    rounds: rounds, rate: rate, depth: depth, leastRows: leastRows, penalty: penalty))
        }
    }

    private static func cases() throws -> [Case] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return try decoder.decode(
            [Case].self, from: Data(contentsOf: folder.appending(path: "Fixtures/shap.json")))
    }

    @Test("contributions are the Shapley values of brute force to 1e-5, and add up to the prediction")
    func contributions() throws {
        let cases = try Self.cases()
        #expect(cases.count == 6)
        for one in cases {
            let trees = try one.trained()
            let predictions = try trees.predictions(one.table)
            let found = try trees.contributions(one.table)
            #expect(found.count == one.rows.count)
            for (row, contribution) in found.enumerated() {
                #expect(abs(contribution.expected - one.expected) < 1e-5)
                for (value, wanted) in zip(contribution.columns, one.values[row]) {
                    #expect(abs(value - wanted) < 1e-5)
                }
                #expect(contribution.columns.count == one.values[row].count)
                let sum = contribution.expected + contribution.columns.reduce(0, +)
                #expect(abs(sum - one.predictions[row]) < 1e-5 && abs(predictions[row] - one.predictions[row]) < 1e-5)
            }
        }
    }

    @Test("the same table gives the same trees")
    func repeated() throws {
        let one = try Self.cases()[3]
        let (first, second) = try (one.trained().contributions(one.table), one.trained().contributions(one.table))
        #expect(first == second)
    }

    @Test("what the library refuses is told in its words")
    func refused() throws {
        let one = try Self.cases()[0]
        let options = BoostedTrees.Options(rate: -1)
        #expect {
            try BoostedTrees(rows: one.table, targets: one.targets, options: options)
        } throws: { error in
            guard case .failed(let text)? = error as? BoostedTreesError else { return false }
            return text.contains("eta") || text.contains("learning_rate")
        }
        // A target without a number.
        #expect(throws: BoostedTreesError.self) {
            try BoostedTrees(rows: one.table, targets: one.targets.map { _ in .nan })
        }
    }
}
