import CoreDiffusion
package import CoreNets
import CoreTensor

extension AdapterSet {
    /// Reads an adapter, recognising each layer's algorithm by its keys.
    ///
    /// Keys of known components that are not handed in are left alone. A U-Net whose first layer an editing
    /// adapter makes read a source reads one from then on.
    /// - Parameters:
    ///   - path: a file, or a folder as PEFT and diffusers write it.
    /// - Throws: `AdapterError` naming the key that has no place, is missing or has a wrong shape; the
    ///   reader's own error for a broken file.
    package static func load(
        _ path: String, unet: (any Module)?, textEncoder: (any Module)?, secondTextEncoder: (any Module)? = nil
    ) throws -> AdapterSet {
        let source = try AdapterSource(path: path)
        do {
            return try load(source, unet: unet, textEncoder: textEncoder, secondTextEncoder: secondTextEncoder)
        } catch let error as AdapterError {
            throw AdapterError(
                error.code, error.message.hasPrefix(path) ? error.message : "\(path): \(error.message)")
        }
    }

    private static func load(
        _ source: AdapterSource, unet: (any Module)?, textEncoder: (any Module)?, secondTextEncoder: (any Module)?
    ) throws -> AdapterSet {
        if let unet = unet as? UNet2DConditionModel, try source.readsSource(of: unet) { unet.readSource() }
        var places: [String: LayerTarget] = [:]
        var present: [String] = []
        let isPaired = textEncoder != nil && secondTextEncoder != nil
        for (root, side) in [(unet, AdapterSide.unet), (textEncoder, .textEncoder), (secondTextEncoder, .textEncoder)] {
            guard let root else { continue }
            present += LayerNames(root, side: side).prefixes
            for target in LayerTarget.all(in: root, side: side, isPaired: isPaired) {
                for spelling in target.names.spellings(target.path) where places[spelling] == nil {
                    places[spelling] = target
                }
            }
        }
        var (layers, read): ([AdapterLayer], [StoredLayer]) = ([], [])
        var taken: [ObjectIdentifier: String] = [:]
        func take(_ target: LayerTarget, _ found: StoredLayer, key: String) throws {
            var stored = found
            if let other = taken.updateValue(key, forKey: ObjectIdentifier(target.module)) {
                throw AdapterError(.unplacedKey, "\(key) and \(other) belong to the same layer")
            }
            layers.append(try readLayer(target, &stored))
            // Their numbers are in the layer now.
            stored.tensors = stored.tensors.mapValues { StoredTensor([], shape: [0] + $0.shape) }
            read.append(stored)
        }
        for group in source.layers {
            guard let target = places[group.name] else {
                // A layer that is several here, or has another name.
                let parts = try StoredLayer.isFused(group.name) ? source.stored(group).divided() : []
                let found = parts.compactMap { part in places[part.name].map { ($0, part) } }
                if !found.isEmpty, found.count == parts.count {
                    for (target, part) in found { try take(target, part, key: group.firstKey) }
                } else {
                    _ = try isPlaced(group, places: places, present: present)
                }
                continue
            }
            if target.geometry.kind == .norm, !group.keys.keys.contains(where: Self.normSuffixes.contains) {
                throw AdapterError(.unplacedKey, "\(group.firstKey): a normalisation layer; wanted w_norm and b_norm")
            }
            try take(target, try source.stored(group), key: group.firstKey)
        }
        let order = Dictionary(
            places.values.map { (ObjectIdentifier($0.module), $0.fileName) }, uniquingKeysWith: { first, _ in first })
        layers.sort {
            (order[ObjectIdentifier($0.target.module)] ?? "") < (order[ObjectIdentifier($1.target.module)] ?? "")
        }
        let set = AdapterSet(layers: layers, metadata: source.metadata)
        if let text = source.metadata[TimestepRank.key], let times = (unet as? any Denoiser)?.denoisingTimes {
            set.control.rankByTime = (rule: try TimestepRank(text: text), times: times)
        }
        set.warnings = source.warnings(read)
        return set
    }

    private static let normSuffixes = ["w_norm", StoredLayer.wholeWeight, StoredLayer.wholeBias]

    /// Whether a layer of the file belongs to a network that runs.
    ///
    /// - Parameter present: prefixes of the names of components that run.
    /// - Throws: `AdapterError.unplacedKey` for one that belongs to none at all.
    private static func isPlaced(
        _ layer: AdapterSource.Layer, places: [String: LayerTarget], present: [String]
    ) throws -> Bool {
        if places[layer.name] != nil { return true }
        guard isOfAbsentComponent(layer.name, present: present) else {
            throw AdapterError(
                .unplacedKey,
                "\(layer.firstKey): the network has no layer of that name; wanted names such as "
                    + "\(places.keys.sorted().first ?? "lora_unet_…")")
        }
        return false
    }

    /// Other components' keys are none of our business: a text encoder's where only the U-Net runs, a second
    /// text encoder's.
    private static func isOfAbsentComponent(_ name: String, present: [String]) -> Bool {
        let known = ["lora_unet_", "lora_te_", "lora_te1_", "lora_te2_", "lora_te3_"]
        // The model-agnostic prefix says nothing about the component.
        if name.hasPrefix("lycoris_transformer_blocks_") || name.hasPrefix("lycoris_single_transformer_blocks_") {
            return !present.contains("lora_unet_")
        }
        if name.hasPrefix("lycoris_") { return present.count == 1 || !present.contains("lora_unet_") }
        guard let prefix = known.first(where: name.hasPrefix) else { return false }
        return !present.contains(prefix)
    }

    private static func readLayer(_ target: LayerTarget, _ stored: inout StoredLayer) throws -> AdapterLayer {
        let site = target.site(named: stored.name)
        if stored.isWhole {
            let geometry = target.geometry
            let weight = TapOrder.file(fromMemory: site.weight.values, taps: geometry.taps, inputs: geometry.inputs)
            stored = try stored.resolved(
                weight: StoredTensor(weight.map(Double.init), shape: geometry.fileShape),
                bias: site.bias.map { StoredTensor($0.values.map(Double.init), shape: [geometry.outputs]) })
        }
        let keys = LayerKeys(stored)
        let content: AdapterLayer.Content
        if target.geometry.kind == .norm {
            content = .norm(try .read(target.geometry, keys))
        } else {
            let (algorithm, update) = try AdapterRegistry.read(at: site, stored.algorithm, keys)
            content = .weight(algorithm, update)
        }
        if let extra = keys.remaining.first {
            throw AdapterError(
                .unplacedKey,
                "\(keys.key(extra)): the layer's algorithm, told by its other keys, has no such tensor")
        }
        var layer = AdapterLayer(target: target, name: stored.name, content: content)
        layer.spellings = stored.spellings
        layer.isFolded = stored.isFolded
        return layer
    }
}
