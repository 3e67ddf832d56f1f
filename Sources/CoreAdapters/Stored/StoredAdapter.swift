package import CoreTensor
import RunSpec

/// An adapter file without a network: its layers in f64, in kohya's names whatever the file's own spelling
/// is.
package struct StoredAdapter: Sendable {
    package var layers: [StoredLayer]
    package var metadata: [String: String]
    /// Tensors that belong to no layer: bundled embeddings, which are carried along.
    package var others: [Other]
    /// What a reader should be told about the file.
    package var warnings: [String] = []

    package struct Other: Sendable {
        package let key: String
        let shape: [Int]
        let bytes: [UInt8]
        let type: SafetensorsType
    }

    package init(layers: [StoredLayer], metadata: [String: String] = [:], others: [Other] = []) {
        self.layers = layers
        self.metadata = metadata
        self.others = others
    }

    /// - Parameter path: a file, or a folder as PEFT and diffusers write it.
    /// - Throws: `AdapterError` naming the key that makes up no known algorithm; the reader's own error for a
    ///   broken file.
    package init(path: String) throws {
        let source = try AdapterSource(path: path)
        layers = try source.layers.flatMap { layer in
            let stored = try source.stored(layer)
            do {
                try stored.checkShapes()
                return try stored.divided()
            } catch let error as AdapterError {
                throw AdapterError(error.code, "\(path): \(error.message)")
            }
        }
        metadata = source.metadata
        others = try source.embeddings.compactMap { key, file in
            try file.info(key).map {
                Other(key: key, shape: $0.shape, bytes: try file.bytes(key), type: $0.dtype)
            }
        }
        warnings = source.warnings(layers)
        if metadata.removeValue(forKey: TimestepRank.key) != nil {
            warnings.append("\(path): its rank goes with the timestep (T-LoRA); here all ranks act at all times")
        }
    }

    /// Whether the names are those of SDXL, whose U-Net has the original blocks' names and which has two text
    /// encoders.
    package var isXL: Bool {
        layers.contains { layer in
            [
                "lora_te1_", "lora_te2_", "lora_unet_input_blocks_", "lora_unet_output_blocks_",
                "lora_unet_middle_block_",
                "lora_unet_add_embedding", "lora_unet_label_emb",
            ].contains { layer.name.hasPrefix($0) }
        }
    }

    /// Writes the adapter in kohya's keys.
    ///
    /// - Parameter type: of every tensor.
    /// - Throws: `AdapterError` for a layer kept in full, which kohya's keys cannot say; `TensorError` if
    ///   the file cannot be written.
    package func save(to path: String, type: SafetensorsType = .f16) throws {
        var writer = SafetensorsWriter(metadata: metadata)
        for layer in layers {
            guard !layer.isWhole else {
                throw AdapterError(
                    .badOption,
                    "\(layer.key(layer.tensors[StoredLayer.wholeBias] == nil ? StoredLayer.wholeWeight : StoredLayer.wholeBias)): "
                        + "kept in full, which kohya's keys cannot say; name the base model (--model) to make a difference of it"
                )
            }
            for (suffix, tensor) in layer.tensors.sorted(by: { $0.key < $1.key }) {
                writer.add("\(layer.name).\(suffix)", shape: tensor.shape, floats: tensor.floats, type: type)
            }
            if let alpha = layer.alpha {
                writer.add("\(layer.name).alpha", shape: [], floats: [Float(alpha)], type: type)
            }
        }
        for other in others { writer.add(other.key, shape: other.shape, bytes: other.bytes, type: other.type) }
        try writer.write(to: path)
    }
}
