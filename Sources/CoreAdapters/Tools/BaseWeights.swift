import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation

/// The weights of a base model as its files hold them, by the names that adapter files give its layers.
///
/// The base is a folder in diffusers' layout, one component's folder, or a single file with the original
/// names.
package struct BaseWeights {
    /// One layer with a weight.
    struct Layer {
        /// The name in the adapter files we write.
        let name: String
        let file: SafetensorsFile
        let key: String
        let biasKey: String?
        let shape: [Int]
        /// Normalisation layers have vectors, embeddings are matrices that no adapter changes.
        let isEmbedding: Bool

        var isNorm: Bool { shape.count == 1 }
    }

    /// A file of the base that holds layers.
    struct Source {
        /// Relative to the base; empty for a single file.
        let place: String
        let file: SafetensorsFile
    }

    package let path: String
    let sources: [Source]
    let layers: [Layer]
    /// Every spelling of a layer's name.
    private let index: [String: Int]
    let isXL: Bool
    /// As kohya's `ss_base_model_version` says it.
    let version: String

    /// - Throws: `DiffusionError` where no model is there, or the reader's error for a broken file.
    package init(path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw DiffusionError(code: .missingFile, message: "no model at \(path)")
        }
        self.path = path
        var sources: [Source] = []
        var collected: [(component: Component, weights: [(file: SafetensorsFile, key: String, path: String)])] = []
        if isFolder.boolValue {
            for (component, folder) in try Self.components(of: path) {
                let files = try ModelFolder(path: path + folder).weightFiles().map { name in
                    Source(
                        place: folder + "/" + URL(fileURLWithPath: name).lastPathComponent,
                        file: try SafetensorsFile(path: name))
                }
                sources += files
                let names = files.flatMap { source in source.file.names.map { (source.file, $0) } }
                collected.append((component, names.map { ($0.0, $0.1, component.path(of: $0.1)) }))
            }
        } else {
            let file = try SafetensorsFile(path: path)
            sources = [Source(place: "", file: file)]
            collected = Self.singleFile(file)
        }
        guard !collected.isEmpty else {
            throw DiffusionError(
                code: .missingFile,
                message:
                    "\(path): neither unet/, transformer/ nor text_encoder/, nor a Stable Diffusion checkpoint; what is the base?"
            )
        }
        self.sources = sources
        let transformer = collected.first { $0.component == .transformer }?.weights
        let isXL =
            transformer == nil && collected.contains { $0.component == .textEncoder2 }
            || collected.contains { $0.weights.contains { $0.path.hasPrefix("add_embedding.") } }
        self.isXL = isXL
        version =
            transformer.map { weights in
                weights.contains { $0.path.hasPrefix("single_transformer_blocks.") } ? "flux1" : "sd3"
            } ?? (isXL ? "sdxl_base_v1-0" : "sd_v1")
        let isPaired = isXL || collected.contains { $0.component == .textEncoder2 }
        let unet = collected.first { $0.component == .unet }
        // Residual blocks of a level, by which the original names count.
        let blocks = Set((unet?.weights ?? []).compactMap { Self.firstLevelBlock($0.path) }).count
        var layers: [Layer] = []
        var index: [String: Int] = [:]
        for (component, weights) in collected {
            let keys = Dictionary(weights.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
            for weight in weights.sorted(by: { $0.path < $1.path }) where weight.path.hasSuffix(".weight") {
                let layer = String(weight.path.dropLast(".weight".count))
                let names = component.names(of: layer, isPaired: isPaired, isXL: isXL, blocks: max(1, blocks))
                let shape = weight.file.info(weight.key)?.shape ?? []
                for name in names where index[name] == nil { index[name] = layers.count }
                layers.append(
                    Layer(
                        name: names[0], file: weight.file, key: weight.key, biasKey: keys[layer + ".bias"]?.key,
                        shape: shape, isEmbedding: layer.hasSuffix("_embedding") && component != .unet))
            }
        }
        self.layers = layers
        self.index = index
    }

    /// The number of a residual block of the first level on the way down; nil for other paths.
    private static func firstLevelBlock(_ path: String) -> Substring? {
        let prefix = "down_blocks.0.resnets."
        return path.hasPrefix(prefix) ? path.dropFirst(prefix.count).prefix { $0 != "." } : nil
    }

    /// - Throws: `AdapterError.unplacedKey` naming the layer and what names the base has.
    func layer(_ name: String) throws -> Layer {
        guard let place = index[name] else {
            throw AdapterError(
                .unplacedKey,
                "\(name): \(path) has no layer of that name; wanted names such as \(layers.first?.name ?? "lora_unet_…")"
            )
        }
        return layers[place]
    }

    func weight(_ layer: Layer) throws -> StoredTensor {
        StoredTensor(try layer.file.floats(layer.key).map(Double.init), shape: layer.shape)
    }

    /// The layer with what its file has in full turned into differences from this base.
    func resolved(_ layer: StoredLayer) throws -> StoredLayer {
        guard layer.isWhole else { return layer }
        let place = try self.layer(layer.name)
        return try layer.resolved(weight: weight(place), bias: bias(place))
    }

    func bias(_ layer: Layer) throws -> StoredTensor? {
        try layer.biasKey.map { key in
            let values = try layer.file.floats(key).map(Double.init)
            return StoredTensor(values, shape: [values.count])
        }
    }

    private enum Component: Equatable {
        case unet, transformer, textEncoder, textEncoder2

        /// The path in diffusers' and transformers' names; older text encoders lack the first element.
        func path(of key: String) -> String {
            guard self == .textEncoder || self == .textEncoder2 else { return key }
            return key.hasPrefix("text_model.") || key.hasPrefix("text_projection") ? key : "text_model." + key
        }

        /// The name we write first, then the other spellings.
        func names(of layer: String, isPaired: Bool, isXL: Bool, blocks: Int) -> [String] {
            let flat = LayerPath.flat(layer)
            let short = flat.hasPrefix("text_model_") ? String(flat.dropFirst("text_model_".count)) : flat
            switch self {
            case .unet:
                let original =
                    isXL ? OriginalNames.original(layer, layers: blocks).map { "lora_unet_" + LayerPath.flat($0) } : nil
                return [original, "lora_unet_" + flat, "lycoris_" + flat].compactMap { $0 }
            case .transformer: return ["lycoris_", "lora_unet_", "lora_transformer_"].map { $0 + flat }
            case .textEncoder:
                let prefixes = isPaired ? ["lora_te1_", "lora_te_"] : ["lora_te_", "lora_te1_"]
                return prefixes.map { $0 + flat } + prefixes.map { $0 + short } + [
                    "lycoris_" + flat, "lycoris_" + short,
                ]
            case .textEncoder2: return ["lora_te2_" + flat, "lora_te2_" + short]
            }
        }
    }

    /// The components of a folder, as sub-folders; or the folder itself, told by its weights' names.
    private static func components(of path: String) throws -> [(Component, String)] {
        var folders: [(Component, String)] = [
            (.unet, "/unet"), (.transformer, "/transformer"), (.textEncoder, "/text_encoder"),
            (.textEncoder2, "/text_encoder_2"),
        ]
        // Flux' second encoder is T5, which no adapter changes.
        if try isFlux(path + "/transformer") { folders.removeLast() }
        let present = folders.filter { FileManager.default.fileExists(atPath: path + $0.1) }
        if !present.isEmpty { return present }
        let names = try ModelFolder(path: path).weightFiles().flatMap { try SafetensorsFile(path: $0).names }
        if names.contains("conv_in.weight") { return [(.unet, "")] }
        if names.contains(where: { $0.hasPrefix("transformer_blocks.0.") }) { return [(.transformer, "")] }
        if names.contains("text_projection.weight") { return [(.textEncoder2, "")] }
        return names.contains { $0.hasSuffix("self_attn.q_proj.weight") } ? [(.textEncoder, "")] : []
    }

    private static func isFlux(_ transformer: String) throws -> Bool {
        guard FileManager.default.fileExists(atPath: transformer) else { return false }
        return try ModelFolder(path: transformer).weightFiles().contains { file in
            try SafetensorsFile(path: file).names.contains { $0.hasPrefix("single_transformer_blocks.") }
        }
    }

    private static func singleFile(
        _ file: SafetensorsFile
    ) -> [(component: Component, weights: [(file: SafetensorsFile, key: String, path: String)])] {
        let unetPrefix = SingleFileNames.unetPrefix
        let layers =
            (1..<64).first { file.info("\(unetPrefix)input_blocks.\($0).0.op.weight") != nil }.map { $0 - 1 } ?? 2
        var unet: [(file: SafetensorsFile, key: String, path: String)] = []
        var text = unet
        for key in file.names {
            if key.hasPrefix(unetPrefix) {
                let name = String(key.dropFirst(unetPrefix.count))
                if let path = SingleFileNames.unet(name, layers: layers) { unet.append((file, key, path)) }
            } else if key.hasPrefix(SingleFileNames.textPrefix) {
                let name = String(key.dropFirst(SingleFileNames.textPrefix.count))
                text.append((file, key, Component.textEncoder.path(of: name)))
            }
        }
        return [(Component.unet, unet), (.textEncoder, text)].filter { !$0.1.isEmpty }
    }
}
