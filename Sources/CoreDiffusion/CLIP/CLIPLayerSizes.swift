/// The sizes that CLIP's text and image transformers have in common.
package struct CLIPLayerSizes: Equatable, Sendable {
    package enum HiddenActivation: String, CaseIterable, Sendable {
        case quickGelu = "quick_gelu"
        case gelu
    }

    package var width: Int
    package var intermediateWidth: Int
    package var layers: Int
    package var heads: Int
    package var activation: HiddenActivation
    package var normEpsilon: Double

    package init(
        width: Int, intermediateWidth: Int, layers: Int, heads: Int, activation: HiddenActivation = .quickGelu,
        normEpsilon: Double = 1e-5
    ) {
        self.width = width
        self.intermediateWidth = intermediateWidth
        self.layers = layers
        self.heads = heads
        self.activation = activation
        self.normEpsilon = normEpsilon
    }

    /// - Parameter defaults: what transformers takes for absent keys.
    init(_ reader: inout ConfigurationReader, defaults: CLIPLayerSizes) throws {
        width = try reader.integer("hidden_size") ?? defaults.width
        intermediateWidth = try reader.integer("intermediate_size") ?? defaults.intermediateWidth
        layers = try reader.integer("num_hidden_layers") ?? defaults.layers
        heads = try reader.integer("num_attention_heads") ?? defaults.heads
        normEpsilon = try reader.number("layer_norm_eps") ?? 1e-5
        let name = try reader.text("hidden_act") ?? HiddenActivation.quickGelu.rawValue
        guard let activation = HiddenActivation(rawValue: name) else {
            try reader.support("hidden_act", only: .text("quick_gelu"), .text("gelu"))
            throw reader.wrong("hidden_act", wanted: "quick_gelu or gelu")
        }
        self.activation = activation
        // Chance in training that this core does not have.
        try reader.support("attention_dropout", only: .number(0))
        try reader.support("dropout", only: .number(0))
        try reader.bound("hidden_size", width, 1...65536)
        try reader.bound("intermediate_size", intermediateWidth, 1...262_144)
        try reader.bound("num_hidden_layers", layers, 1...1024)
        guard heads > 0, width % heads == 0 else {
            throw reader.wrong("num_attention_heads", wanted: "a number of heads that divides \(width)")
        }
    }

    var json: [String: JSONValue] {
        [
            "hidden_size": .number(Double(width)), "intermediate_size": .number(Double(intermediateWidth)),
            "num_hidden_layers": .number(Double(layers)), "num_attention_heads": .number(Double(heads)),
            "hidden_act": .text(activation.rawValue), "layer_norm_eps": .number(normEpsilon),
        ]
    }
}
