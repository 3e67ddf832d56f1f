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
            let name = naming == .canonical ? layer.target.fileName : layer.name
            let tensors = layer.fileTensors.map { ("\(name).\($0.suffix)", $0.shape, $0.floats) }
            return tensors + (layer.alpha.map { [("\(name).alpha", [], [$0])] } ?? [])
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
