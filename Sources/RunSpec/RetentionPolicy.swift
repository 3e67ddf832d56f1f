/// Which checkpoints of a job stay in the store. The final one and the only resumable state always do.
package struct RetentionPolicy: Codable, Equatable, Sendable {
    package struct Best: Codable, Equatable, Sendable {
        package var metric: String
        package var count: Int

        package init(metric: String, count: Int) {
            self.metric = metric
            self.count = count
        }
    }

    /// nil keeps every deliverable.
    package var best: Best?
    /// How many of the newest states; nil for the store's default.
    package var last: Int?
    /// Upper bound of a job's checkpoints together.
    package var bytes: Int?

    package init(best: Best? = nil, last: Int? = nil, bytes: Int? = nil) {
        self.best = best
        self.last = last
        self.bytes = bytes
    }
}

/// How often a job may fail in each way before it counts as failed; a class not named here has its usual
/// budget.
package struct RetrySpec: Codable, Equatable, Sendable {
    package var budgets: [FailureClass: Int]

    package init(budgets: [FailureClass: Int] = [:]) { self.budgets = budgets }

    package init(from decoder: any Decoder) throws {
        let keyed = try decoder.container(keyedBy: AnyCodingKey.self)
        budgets = [:]
        for key in keyed.allKeys {
            guard let failure = FailureClass(rawValue: key.stringValue) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: keyed, debugDescription: "'\(key.stringValue)' is no class of failures")
            }
            budgets[failure] = try keyed.decode(Int.self, forKey: key)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var keyed = encoder.container(keyedBy: AnyCodingKey.self)
        for (failure, count) in budgets { try keyed.encode(count, forKey: AnyCodingKey(stringValue: failure.rawValue)) }
    }
}
