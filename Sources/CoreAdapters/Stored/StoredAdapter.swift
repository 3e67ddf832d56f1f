package import CoreTensor
import RunSpec

/// An adapter file without a network: its layers in f64, in kohya's names whatever the file's own spelling is.
package struct StoredAdapter: Sendable {
    package var layers: [StoredLayer]
    package var metadata: [String: String]
    /// Keys that belong to no layer: bundled embeddings.
    package var others: [String]

    package init(layers: [StoredLayer], metadata: [String: String] = [:], others: [String] = []) {
        self.layers = layers
        self.metadata = metadata
        self.others = others
    }

    /// - Throws: `AdapterError` naming the key that makes up no known algorithm; the reader's own error for a broken file.
    package init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        do {
            try self.init(file)
        } catch let error as AdapterError {
            throw AdapterError(error.code, "\(path): \(error.message)")
        }
    }

    private init(_ file: SafetensorsFile) throws {
        var groups: [String: [String: String]] = [:]
        var others: [String] = []
        for key in file.names {
            let (name, suffix) = StoredKey.split(key)
            guard name != StoredKey.bundle else {
                others.append(key)
                continue
            }
            if let other = groups[name, default: [:]].updateValue(key, forKey: suffix) {
                throw AdapterError(.unplacedKey, "\(key) and \(other) are the same tensor")
            }
        }
        guard !groups.isEmpty else {
            throw AdapterError(
                .nothingSelected, "no adapter: the file holds no layer; wanted keys such as lora_unet_….lora_up.weight")
        }
        let scales = try PEFTScales(file.metadata)
        layers = try groups.sorted { $0.key < $1.key }.map { name, keys in
            var layer = try Self.layer(name, keys, file)
            if layer.alpha == nil, let key = keys["lora_down.weight"], let rank = layer.rank {
                layer.alpha = scales?.alpha(key: key, rank: rank)
            }
            return layer
        }
        metadata = file.metadata
        self.others = others
    }

    private static func layer(
        _ name: String, _ keys: [String: String], _ file: SafetensorsFile
    ) throws -> StoredLayer {
        var tensors: [String: StoredTensor] = [:]
        var alpha: Double?
        for (suffix, key) in keys {
            let values = try file.floats(key).map(Double.init)
            let shape = StoredKey.shape(of: key, file.info(key)?.shape ?? [])
            guard suffix == "alpha" else {
                guard values.allSatisfy(\.isFinite) else {
                    throw AdapterError(.wrongShape, "\(key): holds numbers that are not finite")
                }
                tensors[suffix] = StoredTensor(values, shape: shape)
                continue
            }
            guard values.count == 1, values[0].isFinite else {
                throw AdapterError(.wrongShape, "\(key): found \(values) of shape \(shape), wanted one finite number")
            }
            alpha = values[0]
        }
        guard var algorithm = AdapterRegistry.algorithm(has: { keys[$0] != nil }) else {
            guard keys["w_norm"] != nil else { throw AdapterRegistry.unknown(name, keys.keys.sorted()) }
            return StoredLayer(name: name, algorithm: nil, tensors: tensors)
        }
        if algorithm == .diagOFT, tensors["oft_blocks"]?.shape.count == 4 { algorithm = .boft }
        return StoredLayer(name: name, algorithm: algorithm, tensors: tensors, alpha: alpha)
    }

    /// Whether the names are those of SDXL, whose U-Net has the original blocks' names and which has two text encoders.
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
    package func save(to path: String, type: SafetensorsType = .f16) throws {
        var writer = SafetensorsWriter(metadata: metadata)
        for layer in layers {
            for (suffix, tensor) in layer.tensors.sorted(by: { $0.key < $1.key }) {
                writer.add("\(layer.name).\(suffix)", shape: tensor.shape, floats: tensor.floats, type: type)
            }
            if let alpha = layer.alpha {
                writer.add("\(layer.name).alpha", shape: [], floats: [Float(alpha)], type: type)
            }
        }
        try writer.write(to: path)
    }
}
