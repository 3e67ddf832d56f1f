package import RunSpec

/// What a job sets when it ran out of memory: `{batch: batch / 2}`. Declared in the sweep file, so part of
/// the job's identity; how far a job fell back is part of its record.
package struct OutOfMemoryFallback: Equatable, Sendable {
    /// Expressions over the values of before, by name.
    package var settings: [String: String]

    package init(_ settings: [String: String]) { self.settings = settings }

    /// The values of the next try.
    ///
    /// - Parameter values: of the try that ran out of memory.
    /// - Returns: nil where it ends: a value would be no whole number of at least 1, or one is missing.
    package func next(after values: [String: ParameterValue]) -> [String: ParameterValue]? {
        let numbers = values.compactMapValues(\.number)
        var result: [String: ParameterValue] = [:]
        for (name, text) in settings {
            guard let expression = try? ArithmeticExpression(text),  // checked where the file was read
                expression.names.allSatisfy({ numbers[$0] != nil }), let value = try? expression.value(numbers),
                value >= 1, value == value.rounded()
            else { return nil }
            result[name] = .number(value)
        }
        // What changes nothing would be tried for ever.
        return result.contains { values[$0.key] != $0.value } ? result : nil
    }

    var identity: ParameterValue { .map(settings.mapValues { .text($0) }) }
}

extension OutOfMemoryFallback: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode([String: String].self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(settings)
    }
}

extension ResolvedJob {
    /// The job with the values that it fell back to. Its id stays: the way down is part of it.
    package func fallen(to values: [String: ParameterValue]) -> ResolvedJob {
        var job = self
        job.given.merge(values) { $1 }
        job.parameters.merge(values) { $1 }
        return job
    }

    /// The values of the next try after one that ran out of memory.
    ///
    /// - Parameter fallen: what it fell back to so far.
    package func fallback(after fallen: [String: ParameterValue]) -> [String: ParameterValue]? {
        onOOM?.next(after: given.merging(parameters) { $1 }.merging(fallen) { $1 })
    }
}
