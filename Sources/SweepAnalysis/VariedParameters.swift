package import RunSpec
package import SweepModel

/// The parameters in which jobs differ: what a table must show, and what a label must say.
package struct VariedParameters: Equatable, Sendable {
    /// `algorithm` first, then by name.
    package let names: [String]

    package init(_ jobs: [JobSummary]) {
        var values: [String: Set<ParameterValue>] = [:]
        var carriers: [String: Set<ParameterValue>] = [:]
        for job in jobs {
            for (name, value) in job.parameters {
                values[name, default: []].insert(value)
                carriers[name, default: []].insert(job.parameters["algorithm"] ?? .null)
            }
        }
        // A parameter that only some jobs of one algorithm have tells them apart, too; what an algorithm
        // always or never has is said by its name.
        let varied = Set(
            values.filter { name, found in
                found.count > 1
                    || jobs.contains { job in
                        job.parameters[name] == nil
                            && carriers[name, default: []].contains(job.parameters["algorithm"] ?? .null)
                    }
            }.keys)
        // What only repeats another parameter would make labels longer and not clearer.
        let implied = varied.filter { name in
            guard let source = Self.copies[name], varied.contains(source) else { return false }
            return jobs.allSatisfy { $0.parameters[name] == nil || $0.parameters[name] == $0.parameters[source] }
        }
        names = varied.filter { !implied.contains($0) }.sorted { a, b in
            (Self.order.firstIndex(of: a) ?? .max, a) < (Self.order.firstIndex(of: b) ?? .max, b)
        }
    }

    /// `lokr · lr 0.0005 · factor 4`.
    package func label(_ parameters: [String: ParameterValue]) -> String {
        let parts = names.compactMap { name -> String? in
            guard let value = parameters[name], Self.speaks(name, value) else { return nil }
            return name == "algorithm" ? value.description : "\(name) \(Self.text(value))"
        }
        return parts.isEmpty ? "the only configuration" : parts.joined(separator: " · ")
    }

    /// The same with the way it was made of another job: it may have the same settings as one that was not.
    package func label(_ job: JobSummary) -> String {
        label(job.parameters) + (job.parent == nil ? "" : " · \(job.group)")
    }

    /// Numbers as people write learning rates: `0.0005`, `1e-6`.
    package static func text(_ value: ParameterValue) -> String {
        guard let number = value.number, number != 0, abs(number) < 1e-3 else { return value.description }
        return number.description.replacing("e-0", with: "e-")
    }

    /// False says nothing: it is what nobody asked for.
    private static func speaks(_ name: String, _ value: ParameterValue) -> Bool {
        switch value {
        case .flag(let flag): flag
        case .null: false
        default: !(name == "factor" && value == -1)
        }
    }

    private static let order = ["algorithm", "layers", "lr", "dim", "alpha", "conv_dim", "conv_alpha", "factor"]
    private static let copies = ["text_encoder_lr": "lr", "alpha": "dim", "conv_dim": "dim", "conv_alpha": "alpha"]
}
