import CoreAdapters
import CoreTensor
import Foundation

/// An adapter in any spelling that this program reads: a file, or PEFT's folder with its configuration.
enum ForeignAdapter {
    static func read(_ path: String) throws -> StoredAdapter {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return try StoredAdapter(path: path)
        }
        guard FileManager.default.fileExists(atPath: path + "/adapter_model.safetensors") else {
            throw AdapterError(
                .badOption,
                "\(path): a folder without adapter_model.safetensors; wanted an adapter file or PEFT's folder")
        }
        var adapter = try StoredAdapter(path: path + "/adapter_model.safetensors")
        let configuration = try PEFTConfiguration(path: path + "/adapter_config.json")
        adapter.layers = adapter.layers.map { layer in
            var layer = layer
            if layer.alpha == nil, let rank = layer.rank {
                let address = CanonicalName.parsed(layer.name)?.path ?? layer.name
                layer.alpha = configuration.scale(address, rank: rank) * Double(rank)
            }
            return layer
        }
        return adapter
    }
}

/// The part of PEFT's `adapter_config.json` that decides what an adapter computes.
struct PEFTConfiguration {
    private struct Stored: Codable {
        var kind = "LORA"
        var rank = 8
        var alpha: Double = 8
        var targets: Value = .list([])
        var ranks: [String: Int]? = [:]
        var alphas: [String: Double]? = [:]
        var isRankStabilised: Bool? = false
        var isDoRA: Bool? = false
        var dropout: Double? = 0
        var bias: String? = "none"
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
            case inferenceMode = "inference_mode"
        }
    }

    /// `target_modules` is a list or an expression.
    private enum Value: Codable {
        case list([String])
        case text(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            // No list: then it must be text, whose error is the one that is thrown.
            if let list = try? container.decode([String].self) {
                self = .list(list)
            } else {
                self = .text(try container.decode(String.self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .list(let list): try container.encode(list)
            case .text(let text): try container.encode(text)
            }
        }
    }

    private var stored = Stored()

    /// - Parameter ranks: by path; the scale is 1 everywhere.
    init(ranks: [String: Int], dora: Bool) {
        let counts = Dictionary(ranks.values.map { ($0, 1) }, uniquingKeysWith: +)
        let common = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 8
        stored.rank = common
        stored.alpha = Double(common)
        stored.targets = .list(ranks.keys.sorted())
        stored.ranks = ranks.filter { $0.value != common }
        stored.alphas = stored.ranks?.mapValues(Double.init)
        stored.isDoRA = dora
    }

    init(path: String) throws {
        do {
            stored = try JSONDecoder().decode(Stored.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw AdapterError(.badOption, "\(path): no PEFT configuration with r and lora_alpha: \(error)")
        }
        guard stored.kind == "LORA" else {
            throw AdapterError(.badOption, "\(path): peft_type \(stored.kind); only LORA can be read")
        }
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(stored).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// α / r, or α / √r with rs-LoRA, for a layer.
    func scale(_ path: String, rank: Int) -> Double {
        let alpha = stored.alphas?.first { path == $0.key || path.hasSuffix("." + $0.key) }?.value ?? stored.alpha
        return alpha / (stored.isRankStabilised == true ? Double(rank).squareRoot() : Double(rank))
    }
}
