/// The number of one try of a job, from 1, never reused: the fencing token.
package struct AttemptNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: Int

    /// - Precondition: at least 1.
    package init(_ value: Int) {
        precondition(value >= 1, "attempt \(value)")
        self.value = value
    }

    package var description: String { String(value) }
    package var next: AttemptNumber { AttemptNumber(value + 1) }

    package static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

extension AttemptNumber: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let value = try container.decode(Int.self)
        guard value >= 1 else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "attempt \(value); wanted at least 1")
        }
        self.init(value)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// What every report of an attempt carries. A restored backup has another epoch, another ledger another id:
/// their attempt numbers can never be mistaken for these.
package struct AttemptToken: Hashable, Codable, Sendable, CustomStringConvertible {
    package let ledger: String
    package let epoch: Int
    package let job: JobID
    package let attempt: AttemptNumber

    package init(ledger: String, epoch: Int, job: JobID, attempt: AttemptNumber) {
        self.ledger = ledger
        self.epoch = epoch
        self.job = job
        self.attempt = attempt
    }

    package var description: String { "\(job.short)#\(attempt)" }
}
