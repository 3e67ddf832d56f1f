package import CoreNets
import CoreTensor

extension AdapterSet {
    /// Reads an adapter file, recognising each layer's algorithm by its keys.
    ///
    /// Keys of known components that are not handed in are left alone.
    /// - Throws: `AdapterError` naming the key that has no place, is missing or has a wrong shape; the reader's own error for
    ///   a broken file.
    package static func load(
        _ path: String, unet: (any Module)?, textEncoder: (any Module)?, secondTextEncoder: (any Module)? = nil
    ) throws -> AdapterSet {
        let file = try SafetensorsFile(path: path)
        do {
            return try load(file, unet: unet, textEncoder: textEncoder, secondTextEncoder: secondTextEncoder)
        } catch let error as AdapterError {
            throw AdapterError(error.code, "\(path): \(error.message)")
        }
    }

    private static func load(
        _ file: SafetensorsFile, unet: (any Module)?, textEncoder: (any Module)?, secondTextEncoder: (any Module)?
    ) throws -> AdapterSet {
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
        let groups = try grouped(file, places: places, present: present)
        let scales = try PEFTScales(file.metadata)
        var layers: [AdapterLayer] = []
        var taken: [ObjectIdentifier: String] = [:]
        for (name, keys) in groups {
            guard let target = places[name] else { continue }
            if let other = taken.updateValue(name, forKey: ObjectIdentifier(target.module)) {
                throw AdapterError(.unplacedKey, "\(name) and \(other) are the same layer")
            }
            layers.append(try readLayer(target, LayerKeys(name: name, keys: keys, file: file, scales: scales)))
        }
        let order = Dictionary(
            places.values.map { (ObjectIdentifier($0.module), $0.fileName) }, uniquingKeysWith: { first, _ in first })
        layers.sort {
            (order[ObjectIdentifier($0.target.module)] ?? "") < (order[ObjectIdentifier($1.target.module)] ?? "")
        }
        return AdapterSet(layers: layers, metadata: file.metadata)
    }

    /// The file's keys by layer name and suffix, for the layers of the components that run.
    ///
    /// - Parameter present: prefixes of the names of components that run.
    private static func grouped(
        _ file: SafetensorsFile, places: [String: LayerTarget], present: [String]
    ) throws -> [(name: String, keys: [String: String])] {
        var groups: [String: [String: String]] = [:]
        for key in file.names {
            let (name, suffix) = StoredKey.split(key)
            if places[name] == nil {
                guard isOfAbsentComponent(name, present: present) else {
                    throw AdapterError(
                        .unplacedKey,
                        "\(key): the network has no layer of that name; wanted names such as "
                            + "\(places.keys.sorted().first ?? "lora_unet_…")")
                }
                continue
            }
            if let other = groups[name, default: [:]].updateValue(key, forKey: suffix) {
                throw AdapterError(.unplacedKey, "\(key) and \(other) are the same tensor")
            }
        }
        return groups.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Other components' keys are none of our business: a text encoder's where only the U-Net runs, a second text encoder's,
    /// bundled embeddings.
    private static func isOfAbsentComponent(_ name: String, present: [String]) -> Bool {
        if name == StoredKey.bundle { return true }
        let known = ["lora_unet_", "lora_te_", "lora_te1_", "lora_te2_"]
        // The model-agnostic prefix says nothing about the component.
        if name.hasPrefix("lycoris_") { return present.count == 1 || !present.contains("lora_unet_") }
        guard let prefix = known.first(where: name.hasPrefix) else { return false }
        return !present.contains(prefix)
    }

    private static func readLayer(_ target: LayerTarget, _ keys: LayerKeys) throws -> AdapterLayer {
        let content: AdapterLayer.Content
        if target.geometry.kind == .norm {
            guard keys.has("w_norm") else {
                throw AdapterError(
                    .unplacedKey,
                    "\(keys.name).\(keys.remaining.first ?? ""): a normalisation layer; wanted w_norm and b_norm")
            }
            content = .norm(try .read(target.geometry, keys))
        } else {
            let (algorithm, update) = try AdapterRegistry.read(at: target.site(named: keys.name), keys)
            content = .weight(algorithm, update)
        }
        if let extra = keys.remaining.first {
            throw AdapterError(
                .unplacedKey, "\(keys.name).\(extra): the layer's algorithm, told by its other keys, has no such tensor"
            )
        }
        return AdapterLayer(target: target, name: keys.name, content: content)
    }
}
