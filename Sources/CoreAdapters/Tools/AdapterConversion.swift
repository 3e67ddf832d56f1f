import CoreTensor
import Foundation
import RunSpec

/// Rewrites an adapter for other programs (`radiata adapter convert`).
package struct AdapterConversion {
    package enum Format: String, CaseIterable, Sendable {
        /// kohya's and LyCORIS' keys, every algorithm: A1111, ComfyUI, sd-scripts.
        case kohya
        /// One file with diffusers' keys (`unet.….lora_A.weight`), LoRA only, alpha folded into the weights.
        case diffusers
        /// A folder for each component with `adapter_config.json`, LoRA only.
        case peft
        /// kohya's keys with everything but LoRA decomposed into LoRA.
        case lora
    }

    package var path: String
    package var out: String
    package var format: Format
    /// Rank of layers that are not LoRA yet; without it they are refused where the format wants LoRA.
    package var rule: RankRule?
    package var convRule: RankRule?
    /// The base model, for layers whose file does not show the weight's shape or that change it relative to
    /// itself.
    package var base: String?
    package var type = AdapterFileType.f16

    package init(path: String, out: String, format: Format) {
        self.path = path
        self.out = out
        self.format = format
    }

    package struct Report: Codable, Equatable, Sendable {
        package let layers: Int
        /// Layers that were decomposed, with ‖ΔW − LoRA‖ / ‖ΔW‖.
        package let decomposed: [String: Double]
        /// Norms, biases and bundled embeddings, which LoRA cannot hold.
        package let left: [String]
        package let out: [String]
        /// What was assumed about the file.
        package let warnings: [String]
    }

    /// - Throws: `AdapterError` naming the layer that the format cannot hold.
    package func run() throws -> Report { try naming(path) { try rewrite() } }

    private func rewrite() throws -> Report {
        var adapter = try StoredAdapter(path: path)
        let weights = try base.map { try BaseWeights(path: $0) }
        if let weights { adapter.layers = try adapter.layers.map { try weights.resolved($0) } }
        guard format != .kohya else {
            let isXL =
                adapter.isXL
                || adapter.layers.contains { CanonicalName.parsed($0.name)?.path.hasPrefix("add_embedding") ?? false }
            var renamed = adapter
            renamed.layers = try adapter.layers.map { layer in
                var layer = layer
                let (component, path) = try address(layer)
                layer.name = CanonicalName.kohya(component: component, path: path, isXL: isXL)
                return layer
            }
            renamed.layers = fused(renamed.layers)
            try renamed.save(to: out, type: type.stored)
            return Report(
                layers: renamed.layers.count, decomposed: [:], left: [], out: [out], warnings: adapter.warnings)
        }
        let results = try inParallel(adapter.layers.count) { try lora(adapter.layers[$0], weights) }
        let layers = results.compactMap(\.layer)
        guard !layers.isEmpty else {
            throw AdapterError(.nothingSelected, "\(path): no layer of it can be a LoRA")
        }
        let pairs = results.compactMap { result in
            result.error.flatMap { error in result.layer.map { ($0.name, error) } }
        }
        let files: [String]
        switch format {
        case .lora, .kohya:
            var metadata = adapter.metadata
            metadata["ss_network_module"] = LoRAAlgorithm().networkModule
            metadata["ss_network_args"] = "{}"
            try StoredAdapter(layers: layers, metadata: metadata, others: adapter.others)
                .save(to: out, type: type.stored)
            files = [out]
        case .diffusers: files = [try writeDiffusers(layers)]
        case .peft: files = try writePEFT(layers)
        }
        let carried = format == .lora ? [] : adapter.others.map(\.key)
        return Report(
            layers: layers.count, decomposed: Dictionary(pairs, uniquingKeysWith: { $1 }),
            left: results.flatMap(\.left) + carried, out: files, warnings: adapter.warnings)
    }

    /// LoRAs of a transformer under kohya's names, where queries, keys and values are one layer; what cannot
    /// be joined so keeps diffusers' paths, which other readers know.
    private func fused(_ layers: [StoredLayer]) -> [StoredLayer] {
        var paths: [String: StoredLayer] = [:]
        for layer in layers {
            guard let (component, path) = CanonicalName.parsed(layer.name), component == "transformer" else { continue }
            paths[path] = layer
        }
        guard !paths.isEmpty else { return layers }
        let isFlux = paths.keys.contains { $0.hasPrefix("single_transformer_blocks.") }
        var (result, done): ([StoredLayer], Set<String>) = ([], [])
        for (path, layer) in paths.sorted(by: { $0.key < $1.key }) where !done.contains(path) {
            let members: [String: StoredLayer]
            if let (flat, place) = OriginalTransformerNames.original(path, isFlux: isFlux),
                let joined = StoredLayer.fused("lora_unet_" + flat, place, paths)
            {
                members = paths.filter { key, _ in place.parts.contains { $0.path == key } }
                result.append(joined)
            } else {
                members = [path: layer]
                result.append(layer)
            }
            done.formUnion(members.keys)
        }
        return layers.filter { CanonicalName.parsed($0.name)?.component != "transformer" } + result
    }

    private struct Converted {
        var layer: StoredLayer?
        var error: Double?
        var left: [String] = []
    }

    /// The layer as a LoRA.
    private func lora(_ layer: StoredLayer, _ weights: BaseWeights?) throws -> Converted {
        if layer.isNorm || layer.algorithm == nil { return Converted(left: [layer.name]) }
        guard !layer.isWhole else {
            throw AdapterError(.badOption, "\(layer.place): kept in full; name the base model (--model)")
        }
        var left: [String] = []
        var layer = layer
        let isLoRA = layer.isLoRA
        // A bias of the upper factor stays with it.
        let keepsBias = isLoRA && (!layer.isDoRA || format != .lora)
        for bias in ["diff_b", "lora_up.bias"] where layer.tensors[bias] != nil && (bias == "diff_b" || !keepsBias) {
            left.append(layer.key(bias))
            layer.tensors[bias] = nil
        }
        if keepsBias {
            if layer.isDoRA, let shape = layer.tensors["dora_scale"]?.shape, shape.first == 1, shape.count > 1 {
                throw AdapterError(
                    .badOption,
                    "\(layer.name).dora_scale: magnitudes of input channels, which PEFT does not have; convert with --to lora"
                )
            }
            return Converted(layer: try layer.withoutCore(), left: left)
        }
        guard let rule else {
            let what = layer.isDoRA ? "DoRA" : layer.algorithm?.rawValue ?? ""
            let beside = layer.hasDifferenceBeside ? " with a difference beside it" : ""
            throw AdapterError(
                .badOption,
                "\(layer.name): \(what)\(beside) is no LoRA; give a rank (--dim) to decompose it, or merge it into a base"
            )
        }
        let place = try weights?.layer(layer.name)
        let base = try place.flatMap { try weights?.weight($0) }
        let delta = try layer.delta(base: base)
        let shape = try base?.shape ?? shownShape(layer, delta)
        let isWide = shape.count == 4 && shape[2] * shape[3] > 1
        let result = try StoredLayer.lora(
            layer.name, delta: delta, shape: shape, rule: isWide ? convRule ?? rule : rule)
        return Converted(
            layer: result, error: try result.delta(base: nil).relativeError(to: delta), left: left)
    }

    /// The weight's shape where the layer's own tensors tell it.
    private func shownShape(_ layer: StoredLayer, _ delta: DoubleMatrix) throws -> [Int] {
        if let whole = layer.tensors["diff"] { return whole.shape }
        if let block = layer.kind?.kernelTensor(of: layer) {
            guard block.shape.count == 4 else { return [delta.rows, delta.columns] }
            let kernel = Array(block.shape.suffix(2))
            return [delta.rows, delta.columns / kernel.reduce(1, *)] + kernel
        }
        throw AdapterError(
            .badOption,
            "\(layer.name): its file does not show whether it is a convolution; name the base model (--model)")
    }

    private func address(_ layer: StoredLayer) throws -> (component: String, path: String) {
        guard let parsed = CanonicalName.parsed(layer.name) else {
            throw AdapterError(
                .unplacedKey,
                "\(layer.name): no name of a layer of Stable Diffusion or Flux; wanted lora_unet_…, "
                    + "lycoris_… or lora_te_…")
        }
        return parsed
    }

    /// Factors with alpha / rank in the upper one, and DoRA's magnitudes.
    ///
    /// - Parameter magnitudes: how their key ends; text encoders are loaded by transformers, which wants the
    ///   module's name.
    private func peftTensors(
        _ layer: StoredLayer, magnitudes: String = "lora_magnitude_vector"
    ) throws -> [(ending: String, tensor: StoredTensor)] {
        var up = try layer.tensor("lora_up.weight")
        let scale = layer.scale
        if scale != 1 { for i in up.values.indices { up.values[i] *= scale } }
        var tensors = [("lora_A.weight", try layer.tensor("lora_down.weight")), ("lora_B.weight", up)]
        if var bias = layer.tensors["lora_up.bias"] {
            bias.scale(by: scale)
            tensors.append(("lora_B.bias", bias))
        }
        if var magnitude = layer.tensors["dora_scale"] {
            // A vector for linear layers, [1, out, 1, 1] for convolutions.
            let isConvolution = up.shape.count == 4
            magnitude.shape = isConvolution ? [1, magnitude.values.count, 1, 1] : [magnitude.values.count]
            tensors.append((magnitudes, magnitude))
        }
        return tensors
    }

    private func writeDiffusers(_ layers: [StoredLayer]) throws -> String {
        var writer = SafetensorsWriter(metadata: ["format": "pt"])
        for layer in layers {
            let (component, path) = try address(layer)
            let isText = component.hasPrefix("text_encoder")
            let magnitudes = isText ? "lora_magnitude_vector.weight" : "lora_magnitude_vector"
            for (ending, tensor) in try peftTensors(layer, magnitudes: magnitudes) {
                writer.add(
                    "\(component).\(path).\(ending)", shape: tensor.shape, floats: tensor.floats, type: type.stored)
            }
        }
        try writer.write(to: out)
        return out
    }

    private func writePEFT(_ layers: [StoredLayer]) throws -> [String] {
        var components: [String: [(path: String, layer: StoredLayer)]] = [:]
        for layer in layers {
            let (component, full) = try address(layer)
            // As transformers 5 names the text encoder's modules, which PEFT matches to the letter.
            let path = full.hasPrefix("text_model.") ? String(full.dropFirst("text_model.".count)) : full
            components[component, default: []].append((path, layer))
        }
        return try components.sorted { $0.key < $1.key }.map { component, members in
            let folder = "\(out)/\(component)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            var writer = SafetensorsWriter(metadata: ["format": "pt"])
            for (path, layer) in members {
                for (ending, tensor) in try peftTensors(layer) {
                    let key = "base_model.model.\(path).\(ending)"
                    writer.add(key, shape: tensor.shape, floats: tensor.floats, type: type.stored)
                }
            }
            try writer.write(to: folder + "/adapter_model.safetensors")
            let configuration = WrittenPEFTConfiguration(
                ranks: Dictionary(members.map { ($0.path, $0.layer.rank ?? 1) }, uniquingKeysWith: { $1 }),
                dora: members.contains { $0.layer.isDoRA },
                bias: members.contains { $0.layer.tensors["lora_up.bias"] != nil })
            try configuration.write(to: folder + "/adapter_config.json")
            return folder
        }
    }
}
