package import CoreNets
package import CoreTensor
import Foundation

/// A model's folder: `config.json` and its weights, in one file or in shards.
package struct ModelFolder {
    package let path: String

    /// - Throws: `DiffusionError.missingFile`.
    package init(path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DiffusionError(code: .missingFile, message: "no folder \(path)")
        }
        self.path = path
    }

    package var configurationPath: String { path + "/config.json" }

    /// Loads a network's weights.
    ///
    /// - Parameter rename: the module tree's name for a name in the file; nil ignores the tensor.
    package func load(into module: any Module, rename: (String) -> String? = { $0 }) throws {
        try load(try open(), into: module, rename: rename)
    }

    /// The weight files, mapped into memory. Opened before a network is built, a broken file costs no memory.
    func open() throws -> [SafetensorsFile] {
        try weightFiles().map { try SafetensorsFile(path: $0) }
    }

    /// How many numbers the weights are, from their files' headers alone.
    ///
    /// - Throws: `DiffusionError` without weights, `TensorError` for a broken file.
    package func elements() throws -> Int64 {
        try open().reduce(0) { sum, file in
            sum + file.names.reduce(0) { $0 + Int64(file.info($1)?.shape.reduce(1, *) ?? 0) }
        }
    }

    /// Bytes of most of the weights' numbers in their files.
    ///
    /// - Throws: `DiffusionError` without weights, `TensorError` for a broken file.
    package func bytesPerElement() throws -> Int64 {
        let entries = try open().flatMap { file in file.names.compactMap { file.info($0) } }
        let bytes = entries.reduce(Int64(0)) { $0 + Int64($1.bytes) }
        let count = entries.reduce(Int64(0)) { $0 + Int64($1.count) }
        return count > 0 ? Int64((Double(bytes) / Double(count)).rounded()) : 4
    }

    func load(
        _ files: [SafetensorsFile], into module: any Module, rename: (String) -> String? = { $0 }
    ) throws {
        try module.load(SafetensorsSource(files, label: path, rename: rename))
    }

    /// The safetensors files that make up the model: one under a known name, the shards an index lists, or
    /// the only one.
    ///
    /// - Throws: `DiffusionError` without weights, or for an index that names none.
    package func weightFiles() throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        for stem in ["diffusion_pytorch_model", "model", "open_clip_model"] {
            for variant in ["", ".fp16", ".bf16"] {
                let known = stem + variant + ".safetensors"
                if names.contains(known) { return [path + "/" + known] }
                let index = stem + ".safetensors.index" + variant + ".json"
                if names.contains(index) { return try shards(path + "/" + index) }
            }
        }
        let all = names.filter { $0.hasSuffix(".safetensors") }
        guard all.count == 1 else {
            throw DiffusionError(
                code: .missingFile,
                message: all.isEmpty
                    ? "\(path): no .safetensors file"
                    : "\(path): \(all.joined(separator: ", ")): which one is the model?")
        }
        return [path + "/" + all[0]]
    }

    private func shards(_ index: String) throws -> [String] {
        guard case .object(let map) = try JSONValue.object(path: index)["weight_map"] else {
            throw DiffusionError(code: .unreadable, message: "\(index): no weight_map")
        }
        let files = try map.values.map { value -> String in
            guard case .text(let name) = value, !name.contains("/") else {
                throw DiffusionError(code: .unreadable, message: "\(index): a shard without a plain file name")
            }
            return path + "/" + name
        }
        return Set(files).sorted()
    }

    /// Writes `config.json` and one weight file, as diffusers and transformers do.
    ///
    /// - Throws: `TensorError` or Foundation's error if a file cannot be written.
    package static func save(
        _ module: any Module, configuration: [String: JSONValue], to path: String, weights name: String,
        type: SafetensorsType
    ) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        // transformers refuses files without this note.
        var writer = SafetensorsWriter(metadata: ["format": "pt"])
        module.addWeights(to: &writer, type: type)
        try writer.write(to: path + "/" + name)
        try JSONValue.write(configuration, path: path + "/config.json")
    }
}
