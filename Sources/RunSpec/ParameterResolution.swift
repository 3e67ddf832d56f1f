/// The walk over the table that makes resolved parameters out of given ones. Definitions stand in the table
/// in such an order that a default taken from another parameter finds it settled.
struct ParameterResolution {
    private(set) var values: [String: ParameterValue]
    private(set) var dropped: [ResolvedParameters.Dropped] = []
    let algorithm: Algorithm
    let layers: LayerSelection

    init(values: [String: ParameterValue], algorithm: Algorithm, layers: LayerSelection) {
        self.values = values
        self.algorithm = algorithm
        self.layers = layers
    }

    /// Drops the parameter, or leaves it as given, or fills in its default.
    mutating func settle(_ definition: ParameterDefinition) {
        let name = definition.name
        guard name != "seed" else { return }
        if let reason = uselessness(of: definition) {
            // What was given as its inactive default changes nothing by its absence: no warning.
            if let given = values.removeValue(forKey: name), definition.default != .value(given) {
                dropped.append(ResolvedParameters.Dropped(name: name, reason: reason))
            }
            return
        }
        if values[name] == nil { values[name] = fallback(definition) }
        if let dim = Self.dimOfAlpha[name], let alpha = values[name], let rank = values[dim] {
            values[name] = AlphaScale.alpha(alpha, rank: rank)
        }
    }

    /// What belongs to no training.
    mutating func dropOthers() {
        for name in values.keys.sorted() where ParameterTable[name]?.methods != nil {
            values[name] = nil
            dropped.append(
                ResolvedParameters.Dropped(name: name, reason: "\(algorithm.rawValue) trains and has no \(name)"))
        }
    }

    private static let dimOfAlpha = ["alpha": "dim", "conv_alpha": "conv_dim"]

    private func fallback(_ definition: ParameterDefinition) -> ParameterValue? {
        switch definition.default {
        case .absent: nil
        case .value(let value): value
        case .sameAs(let other): values[other]
        }
    }

    private var isFullMatrix: Bool { values["full_matrix"]?.flag == true }

    /// Why the parameter cannot decide anything here; nil if it can.
    private func uselessness(of definition: ParameterDefinition) -> String? {
        let name = definition.name
        if !algorithm.has(name) {
            return "\(algorithm.rawValue) has no \(name)"
        }
        switch name {
        case "dim", "alpha", "rs_lora", "block_dims", "block_alphas", "decompose_both", "scale_weight_norms",
            "conv_alpha":
            if isFullMatrix, name != "scale_weight_norms" { return "full-matrix \(algorithm.rawValue) has no \(name)" }
            if name == "conv_alpha" { return convolutionUselessness(name) }
            return nil
        case "conv_dim":
            if let reason = convolutionUselessness(name) { return reason }
            // 0 leaves the convolutions out and counts under a full matrix too; any other size does not.
            return isFullMatrix && values["conv_dim"]?.number != 0
                ? "full-matrix \(algorithm.rawValue) has no conv_dim" : nil
        case "use_tucker":
            return isFullMatrix ? "full-matrix \(algorithm.rawValue) has no use_tucker" : convolutionUselessness(name)
        case "text_encoder_lr":
            return layers.includesTextEncoder ? nil : "these layers are in the U-Net only"
        case "wd_on_output":
            return values["dora"]?.flag == true ? nil : "it belongs to dora"
        case "lr_cycles":
            return values["schedule"]?.text == Schedule.cosineRestarts.rawValue
                ? nil : "it belongs to schedule cosine-restarts"
        default:
            return nil
        }
    }

    private func convolutionUselessness(_ name: String) -> String? {
        if !layers.includesConvolutions {
            return "layers '\(layers.preset?.rawValue ?? "map")' have no k×k convolutions"
        }
        return name != "conv_dim" && values["conv_dim"]?.number == 0 ? "conv_dim is 0" : nil
    }
}
