import Foundation

/// The `adapter_config.json` that we write beside a PEFT file.
struct WrittenPEFTConfiguration {
    private struct Stored: Encodable {
        var kind = "LORA"
        var rank = 8
        var alpha: Double = 8
        var targets: [String] = []
        var ranks: [String: Int]? = [:]
        var alphas: [String: Double]? = [:]
        var isRankStabilised: Bool? = false
        var isDoRA: Bool? = false
        var dropout: Double? = 0
        var bias: String? = "none"
        var hasBias: Bool? = false
        var inferenceMode: Bool? = true

        enum CodingKeys: String, CodingKey {
            case kind = "peft_type"
            case rank = "r"
            case alpha = "lora_alpha"
            case targets = "target_modules"
            case ranks = "rank_pattern"
            case alphas = "alpha_pattern"
            case isRankStabilised = "use_rslora"
            case isDoRA = "use_dora"
            case dropout = "lora_dropout"
            case bias
            case hasBias = "lora_bias"
            case inferenceMode = "inference_mode"
        }
    }

    private var stored = Stored()

    /// - Parameter ranks: by path; the scale is 1 everywhere.
    init(ranks: [String: Int], dora: Bool, bias: Bool) {
        let counts = Dictionary(ranks.values.map { ($0, 1) }, uniquingKeysWith: +)
        let common = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 8
        stored.rank = common
        stored.alpha = Double(common)
        stored.targets = ranks.keys.sorted()
        stored.ranks = ranks.filter { $0.value != common }
        stored.alphas = stored.ranks?.mapValues(Double.init)
        stored.isDoRA = dora
        stored.hasBias = bias
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(stored).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
