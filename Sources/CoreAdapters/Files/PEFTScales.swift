import Foundation

/// The scales of LoRA layers whose file has no alphas: diffusers puts PEFT's configuration of each component into the header.
package struct PEFTScales: Sendable {
    private let alphas: [String: Double]
    private let patterns: [String: [String: Double]]
    private let rankStabilised: Set<String>

    /// - Parameter metadata: of a safetensors header; nil if it holds no such configuration.
    /// - Throws: `AdapterError` if it holds one that cannot be read: without its scales the adapter would be another one.
    package init?(_ metadata: [String: String]) throws {
        guard let text = metadata["lora_adapter_metadata"] else { return nil }
        let parsed = Result { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
        guard case .success(let value) = parsed, let object = value as? [String: Any] else {
            throw AdapterError(
                .badOption, "lora_adapter_metadata in the header is no JSON object; wanted PEFT's configuration")
        }
        var alphas: [String: Double] = [:]
        var patterns: [String: [String: Double]] = [:]
        var stabilised: Set<String> = []
        for (key, value) in object {
            guard let dot = key.lastIndex(of: ".") else { continue }
            let component = String(key[..<dot])
            switch key[key.index(after: dot)...] {
            case "lora_alpha": alphas[component] = (value as? NSNumber)?.doubleValue
            case "alpha_pattern": patterns[component] = (value as? [String: NSNumber])?.mapValues(\.doubleValue)
            case "use_rslora": if (value as? NSNumber)?.boolValue == true { stabilised.insert(component) }
            default: break
            }
        }
        guard !alphas.isEmpty else { return nil }
        self.alphas = alphas
        self.patterns = patterns
        rankStabilised = stabilised
    }

    /// What a plain reader's alpha / rank turns into the configuration's scale.
    ///
    /// - Parameter key: of the lower factor, as the file spells it.
    package func alpha(key: String, rank: Int) -> Double? {
        guard let component = alphas.keys.filter({ key.hasPrefix($0 + ".") }).max(by: { $0.count < $1.count }) else {
            return nil
        }
        var path = key.dropFirst(component.count + 1)
        if let end = path.range(of: ".lora_A") { path = path[..<end.lowerBound] }
        let own = patterns[component]?.first { path == $0.key || path.hasSuffix("." + $0.key) }?.value
        guard let alpha = own ?? alphas[component] else { return nil }
        return rankStabilised.contains(component) ? alpha * Double(rank).squareRoot() : alpha
    }
}
