import ArgumentParser
import CoreAdapters
import RunSpec

typealias WeightType = AdapterFileType

extension AdapterFileType: ExpressibleByArgument {}

extension AdapterConversion.Format: ExpressibleByArgument {}

extension CombinationRule.Kind: ExpressibleByArgument {}

/// What a difference of models can be turned into.
enum ExtractedAlgorithm: String, ExpressibleByArgument, CaseIterable {
    case lora, lokr, full

    var value: Algorithm { Algorithm(rawValue: rawValue) ?? .lora }
}

/// How many singular values to keep: one rule of several.
struct RankOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Rank.")
    var dim: Int?
    @Option(parsing: .unconditional, help: "Rank of k×k convolutions; as the others if left out.")
    var convDim: Int?
    @Option(parsing: .unconditional, help: "Keep singular values above this share of the largest.")
    var ratio: Double?
    @Option(parsing: .unconditional, help: "Keep leading singular values that sum up to this share of all.")
    var quantile: Double?
    @Option(parsing: .unconditional, help: "Keep singular values above this number.")
    var threshold: Double?
    @Option(
        parsing: .unconditional, help: "Keep leading singular values whose squares hold this share of the squared norm."
    )
    var energy: Double?

    var convRule: RankRule? { convDim.map { .fixed($0) } }

    /// nil if nothing was said.
    func rule() throws -> RankRule? {
        let given: [RankRule] = [
            dim.map { .fixed($0) }, ratio.map { .ratio($0) }, quantile.map { .quantile($0) },
            threshold.map { .threshold($0) }, energy.map { .energy($0) },
        ].compactMap { $0 }
        guard given.count < 2 else {
            throw CommandFailure(.usage, "--dim, --ratio, --quantile, --threshold, --energy: give only one of them")
        }
        return given.first
    }

    func validate() throws {
        if let dim, dim < 1 { throw ValidationError("--dim \(dim): wanted at least 1") }
        if let threshold, !(threshold >= 0) {
            throw ValidationError("--threshold \(threshold): wanted 0 or more")
        }
        if let convDim, convDim < 1 { throw ValidationError("--conv-dim \(convDim): wanted at least 1") }
        for (name, value) in [("ratio", ratio), ("quantile", quantile), ("energy", energy)] {
            if let value, !(0...1).contains(value) { throw ValidationError("--\(name) \(value): wanted 0 to 1") }
        }
    }
}

/// How several adapters become one.
struct CombinationOptions: ParsableArguments {
    @Option(help: "How several adapters' changes of a layer become one: sum, ties, dare, dare-ties or orthogonal.")
    var rule: CombinationRule.Kind = .sum
    @Option(parsing: .unconditional, help: "Share of each change's numbers that ties and dare keep.")
    var density = CombinationRule().density
    @Option(parsing: .unconditional, help: "Seed of dare's choice.")
    var seed = 0

    var combined: CombinationRule { CombinationRule(rule, density: density, seed: UInt64(seed)) }

    func validate() throws {
        guard density > 0, density <= 1 else {
            throw ValidationError("--density \(density): wanted more than 0 and at most 1")
        }
        guard seed >= 0 else { throw ValidationError("--seed \(seed): wanted 0 or more") }
    }
}
