package import CoreTensor

extension AdapterSet {
    /// How layers are named in a file.
    package enum Naming: Sendable {
        /// `lora_unet_…`, `lora_te_text_model_encoder_…`: what every reader knows.
        case canonical
        /// As in the file this adapter was read from.
        case asRead
    }

    /// The file's tensors, alphas as scalars.
    package func fileTensors(naming: Naming = .canonical) -> [(name: String, shape: [Int], floats: [Float])] {
        layers.flatMap { layer in
            func name(_ suffix: String) -> String? {
                guard naming == .asRead else { return "\(layer.target.fileName).\(suffix)" }
                // An alpha of a configuration is not in the file.
                return layer.spellings[suffix] ?? (suffix == "alpha" ? nil : "\(layer.name).\(suffix)")
            }
            let tensors = layer.fileTensors.compactMap { tensor in
                name(tensor.suffix).map { ($0, tensor.shape, tensor.floats) }
            }
            let alpha = layer.alpha.flatMap { alpha in name("alpha").map { ($0, [Int](), [alpha]) } }
            return tensors + [alpha].compactMap(\.self)
        }
    }

    /// Writes the adapter as readers of kohya and LyCORIS files expect it, in one atomic step.
    ///
    /// - Parameters:
    ///   - type: of every tensor; f16 for what is handed out.
    ///   - metadata: added to the header, over the adapter's own entries.
    /// - Throws: the writer's error if the file cannot be written.
    package func save(
        to path: String, type: SafetensorsType = .f16, metadata extra: [String: String] = [:],
        naming: Naming = .canonical
    ) throws {
        var writer = SafetensorsWriter(metadata: metadata.merging(extra) { $1 })
        for (name, shape, floats) in fileTensors(naming: naming) {
            writer.add(name, shape: shape, floats: floats, type: type)
        }
        try writer.write(to: path)
    }
}
