import CoreNets
import CoreTensor

/// OpenCLIP's names and shapes, offered under transformers' names: a text encoder, as SDXL's single files
/// hold their second one, or a pair of encoders. The three projections of attention lie in one matrix there,
/// and the projections into the common space are transposed.
struct OpenCLIPSource: WeightSource {
    let label: String
    let names: [String]
    private let file: SafetensorsFile
    private let places: [String: Place]

    /// Where a tensor comes from.
    private struct Place {
        let name: String
        /// Which third of the rows; nil takes all.
        var third: Int?
        var isTransposed = false
    }

    /// - Parameter prefix: what stands before OpenCLIP's names in the file.
    init(_ file: SafetensorsFile, prefix: String, label: String) {
        self.init(file, label: label) { name in
            name.hasPrefix(prefix) ? Self.translated(String(name.dropFirst(prefix.count)), full: name) : []
        }
    }

    /// Both encoders of a file that OpenCLIP wrote.
    init(pair file: SafetensorsFile, label: String) {
        self.init(file, label: label, Self.translatedOfPair)
    }

    private init(_ file: SafetensorsFile, label: String, _ translate: (String) -> [(String, Place)]) {
        var places: [String: Place] = [:]
        for name in file.names {
            for (translated, place) in translate(name) { places[translated] = place }
        }
        self.label = label
        self.file = file
        self.places = places
        names = places.keys.sorted()
    }

    /// A pair's text encoder lies beside the image encoder, or under `text.` where it is a class of its
    /// own.
    private static func translatedOfPair(_ name: String) -> [(String, Place)] {
        let whole = Place(name: name)
        if name == "logit_scale" { return [(name, whole)] }
        if name == "attn_mask" || name == "text.attn_mask" { return [] }
        guard name.hasPrefix("visual.") else {
            return translated(name.hasPrefix("text.") ? String(name.dropFirst("text.".count)) : name, full: name)
        }
        let rest = String(name.dropFirst("visual.".count))
        switch rest {
        case "class_embedding": return [("vision_model.embeddings.class_embedding", whole)]
        case "positional_embedding": return [("vision_model.embeddings.position_embedding.weight", whole)]
        case "conv1.weight": return [("vision_model.embeddings.patch_embedding.weight", whole)]
        case "proj": return [("visual_projection.weight", Place(name: name, isTransposed: true))]
        default: break
        }
        for (own, other) in [("ln_pre.", "pre_layrnorm."), ("ln_post.", "post_layernorm.")]
        where rest.hasPrefix(own) {
            return [("vision_model." + other + rest.dropFirst(own.count), whole)]
        }
        return layer(rest, full: name, of: "vision_model.") ?? [(name, whole)]
    }

    private static func translated(_ name: String, full: String) -> [(String, Place)] {
        let whole = Place(name: full)
        switch name {
        case "logit_scale", "transformer.text_model.embeddings.position_ids": return []
        case "positional_embedding": return [("text_model.embeddings.position_embedding.weight", whole)]
        case "token_embedding.weight": return [("text_model.embeddings.token_embedding.weight", whole)]
        case "ln_final.weight", "ln_final.bias":
            return [("text_model.final_layer_norm." + name.dropFirst("ln_final.".count), whole)]
        case "text_projection":
            return [("text_projection.weight", Place(name: full, isTransposed: true))]
        case "text_projection.weight": return [("text_projection.weight", whole)]
        default: break
        }
        // An unknown name keeps it, so that loading refuses it.
        return layer(name, full: full, of: "text_model.") ?? [(name, whole)]
    }

    /// A weight of one transformer layer; nil for another name.
    private static func layer(_ name: String, full: String, of tower: String) -> [(String, Place)]? {
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count >= 5, parts[0] == "transformer", parts[1] == "resblocks" else { return nil }
        let layer = "\(tower)encoder.layers.\(parts[2])."
        let rest = parts[3...].joined(separator: ".")
        for kind in ["weight", "bias"] where rest == "attn.in_proj_" + kind {
            return ["q_proj", "k_proj", "v_proj"].enumerated().map {
                ("\(layer)self_attn.\($1).\(kind)", Place(name: full, third: $0))
            }
        }
        let table = [
            "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
            "attn.out_proj": "self_attn.out_proj",
        ]
        let leaf = parts[parts.count - 1]
        let owner = parts[3..<parts.count - 1].joined(separator: ".")
        return table[owner].map { [(layer + $0 + "." + leaf, Place(name: full))] }
    }

    func shape(of name: String) -> [Int]? {
        guard let place = places[name], var shape = file.info(place.name)?.shape else { return nil }
        if place.third != nil, let rows = shape.first, rows % 3 == 0 { shape[0] = rows / 3 }
        return place.isTransposed ? shape.reversed() : shape
    }

    func floats(_ name: String) throws -> [Float] {
        guard let place = places[name], let shape = file.info(place.name)?.shape else {
            throw NetsError(code: .missingWeight, message: "\(label): no tensor \(name)")
        }
        let values = try file.floats(place.name)
        if let third = place.third {
            let size = values.count / 3
            return Array(values[third * size..<(third + 1) * size])
        }
        guard place.isTransposed, shape.count == 2 else { return values }
        let (rows, columns) = (shape[0], shape[1])
        return (0..<values.count).map { values[$0 % rows * columns + $0 / rows] }
    }
}
