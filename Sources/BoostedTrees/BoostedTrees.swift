import CXGBoost

/// A regression by boosted trees (Friedman, Annals of Statistics 29, 2001), trained by the system's
/// libxgboost, which also gives the exact Shapley values of its predictions (TreeSHAP: Lundberg et al., arXiv
/// 1802.03888).
///
/// The same table gives the same trees: nothing is drawn at random, and there is one thread.
package final class BoostedTrees {
    package struct Options: Sendable {
        package var rounds: Int
        /// How much of each tree's values is taken.
        package var rate: Double
        package var depth: Int
        /// Fewest rows of a leaf.
        package var leastRows: Int
        /// Of the squared values of leaves.
        package var penalty: Double

        package init(rounds: Int = 300, rate: Double = 0.1, depth: Int = 4, leastRows: Int = 2, penalty: Double = 1) {
            self.rounds = rounds
            self.rate = rate
            self.depth = depth
            self.leastRows = leastRows
            self.penalty = penalty
        }
    }

    /// The value that is expected of a row of which nothing is known, and what each column adds to it.
    package struct Contributions: Equatable, Sendable {
        package var columns: [Double]
        package var expected: Double
    }

    private let model: OpaquePointer
    private let columns: Int

    /// Whether the system has libxgboost.
    package static var isAvailable: Bool { cxgboost_open() == CXGBOOST_OK }

    /// - Parameters:
    ///   - rows: of equal length; NaN is a missing value.
    ///   - targets: one a row.
    /// - Throws: `BoostedTreesError`.
    package init(rows: [[Double]], targets: [Double], options: Options = Options()) throws {
        precondition(rows.count == targets.count && !rows.isEmpty, "\(rows.count) rows, \(targets.count) targets")
        let columns = rows[0].count
        let mean = targets.reduce(0, +) / Double(targets.count)
        let pairs = [
            ("booster", "gbtree"), ("objective", "reg:squarederror"), ("tree_method", "exact"), ("nthread", "1"),
            ("eta", "\(options.rate)"), ("max_depth", "\(options.depth)"),
            ("min_child_weight", "\(options.leastRows)"), ("lambda", "\(options.penalty)"),
            // Trees then begin at the mean, as those of other libraries do.
            ("base_score", "\(mean)"),
        ]
        let data = Self.flat(rows, columns)
        let labels = targets.map { Float($0) }
        var model: OpaquePointer?
        let texts = pairs.flatMap { [$0.0, $0.1] }
        let status = texts.withCStrings { names in
            cxgboost_train(
                data, UInt64(rows.count), UInt64(columns), labels, names, Int32(pairs.count), Int32(options.rounds),
                &model)
        }
        guard status == CXGBOOST_OK, let model else { throw Self.failure(status) }
        (self.model, self.columns) = (model, columns)
    }

    deinit { cxgboost_free(model) }

    /// - Returns: one a row.
    /// - Throws: `BoostedTreesError`.
    package func predictions(_ rows: [[Double]]) throws -> [Double] {
        try ask(rows, Int32(CXGBOOST_VALUES), numbers: 1).map { Double($0) }
    }

    /// The Shapley values of each row's prediction: they add up to it.
    ///
    /// - Returns: one a row.
    /// - Throws: `BoostedTreesError`.
    package func contributions(_ rows: [[Double]]) throws -> [Contributions] {
        let numbers = try ask(rows, Int32(CXGBOOST_CONTRIBUTIONS), numbers: columns + 1)
        return rows.indices.map { row in
            let own = numbers[(row * (columns + 1))..<((row + 1) * (columns + 1))].map { Double($0) }
            return Contributions(columns: Array(own.dropLast()), expected: own[columns])
        }
    }

    private func ask(_ rows: [[Double]], _ type: Int32, numbers: Int) throws -> [Float] {
        guard !rows.isEmpty else { return [] }
        var values = [Float](repeating: 0, count: rows.count * numbers)
        let status = cxgboost_predict(
            model, Self.flat(rows, columns), UInt64(rows.count), UInt64(columns), type, &values, UInt64(values.count))
        guard status == CXGBOOST_OK else { throw Self.failure(status) }
        return values
    }

    private static func flat(_ rows: [[Double]], _ columns: Int) -> [Float] {
        rows.flatMap { row in
            precondition(row.count == columns, "\(row.count) columns instead of \(columns)")
            return row.map { Float($0) }
        }
    }

    private static func failure(_ status: Int32) -> BoostedTreesError {
        status == CXGBOOST_MISSING ? .missing : .failed(String(cString: cxgboost_error()))
    }
}

package enum BoostedTreesError: Error, Equatable, Sendable {
    /// The system has no libxgboost.
    case missing
    /// In the library's words.
    case failed(String)

    package var message: String {
        switch self {
        case .missing: "boosted trees need the Debian package libxgboost0, which is not installed"
        case .failed(let text): "libxgboost failed: \(text)"
        }
    }
}

extension [String] {
    /// Calls with the texts as C wants them.
    fileprivate func withCStrings<Result>(_ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
        func call(_ rest: ArraySlice<String>, _ pointers: [UnsafePointer<CChar>?]) -> Result {
            guard let first = rest.first else { return body(pointers) }
            return first.withCString { call(rest.dropFirst(), pointers + [$0]) }
        }
        return call(self[...], [])
    }
}
