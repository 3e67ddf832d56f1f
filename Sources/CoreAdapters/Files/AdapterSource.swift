package import CoreTensor
import Foundation
import RunSpec

/// An adapter as its files hold it: every key taken apart and put to its layer. Numbers are read layer by
/// layer.
///
/// An adapter is a file, a folder as PEFT writes it (`adapter_model.safetensors` beside
/// `adapter_config.json`), one as diffusers writes it (`pytorch_lora_weights.safetensors`), or a folder of
/// PEFT's folders, one for each component.
package struct AdapterSource {
    package struct Layer {
        /// In kohya's spelling.
        package let name: String
        /// By suffix.
        package fileprivate(set) var keys: [String: StoredKey.InFile]
        fileprivate let file: SafetensorsFile
        fileprivate let configuration: PEFTConfiguration?

        /// The first of its keys, for messages.
        package var firstKey: String { keys.values.map(\.key).min() ?? name }
    }

    package let path: String
    /// By name.
    package private(set) var layers: [Layer] = []
    package private(set) var metadata: [String: String] = [:]
    /// Keys of bundled embeddings, which belong to no layer.
    package private(set) var embeddings: [(key: String, file: SafetensorsFile)] = []

    /// - Throws: `AdapterError` naming the key that has no place; the readers' own errors for broken files.
    package init(path: String) throws {
        self.path = path
        for part in try Self.parts(of: path) {
            do {
                try add(part)
            } catch let error as AdapterError {
                throw AdapterError(error.code, "\(part.path): \(error.message)")
            }
        }
        layers.sort { $0.name < $1.name }
    }

    /// One file with what stands beside it.
    private struct Part {
        let path: String
        var component: String?
        var configuration: String?
    }

    private static let weights = "adapter_model.safetensors"
    private static let configuration = "adapter_config.json"
    private static let components = ["unet", "transformer", "text_encoder", "text_encoder_2"]

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func parts(of path: String) throws -> [Part] {
        let manager = FileManager.default
        guard isFolder(path) else {
            let beside = URL(fileURLWithPath: path).deletingLastPathComponent().path + "/" + configuration
            return [Part(path: path, configuration: manager.fileExists(atPath: beside) ? beside : nil)]
        }
        func peft(_ folder: String, _ component: String?) throws -> Part? {
            guard manager.fileExists(atPath: "\(folder)/\(weights)") else { return nil }
            guard manager.fileExists(atPath: "\(folder)/\(configuration)") else {
                throw AdapterError(
                    .badOption,
                    "\(folder): \(weights) without \(configuration), which has its alpha; name the file itself to take alpha = rank"
                )
            }
            return Part(
                path: "\(folder)/\(weights)", component: component, configuration: "\(folder)/\(configuration)")
        }
        if let part = try peft(path, nil) { return [part] }
        let diffusers = path + "/pytorch_lora_weights.safetensors"
        if manager.fileExists(atPath: diffusers) { return [Part(path: diffusers)] }
        let parts = try components.compactMap { try peft("\(path)/\($0)", $0) }
        guard parts.isEmpty else { return parts }
        let pickled = manager.fileExists(atPath: path + "/adapter_model.bin")
        throw AdapterError(
            .badOption,
            "\(path): a folder without \(weights)\(pickled ? " (adapter_model.bin is a pickle, which is not read)" : "");"
                + " wanted an adapter file or PEFT's folder")
    }

    /// The one file of an adapter that is a file or a folder.
    ///
    /// - Throws: `AdapterError` for a folder without one, or with several.
    package static func file(of path: String) throws -> String {
        let parts = try parts(of: path)
        guard parts.count == 1 else {
            throw AdapterError(
                .badOption,
                "\(path): an adapter in \(parts.count) files, wanted one: \(parts.map(\.path).joined(separator: ", "))")
        }
        return parts[0].path
    }

    private mutating func add(_ part: Part) throws {
        let file = try SafetensorsFile(path: part.path)
        let inHeader = try Self.headerConfigurations(file.metadata)
        var groups: [String: [String: StoredKey.InFile]] = [:]
        var unplaced: [(key: String, error: AdapterError)] = []
        for key in file.names {
            do {
                let split = try StoredKey.split(key, component: part.component)
                guard split.name != StoredKey.bundle else {
                    embeddings.append((key, file))
                    continue
                }
                if let other = groups[split.name, default: [:]].updateValue(
                    .init(key: key, split: split), forKey: split.suffix)
                {
                    throw AdapterError(.unplacedKey, "\(key) and \(other.key) are the same tensor")
                }
            } catch let error as AdapterError {
                unplaced.append((key, error))
            }
        }
        if let (_, error) = unplaced.first {
            let others = unplaced.dropFirst().prefix(3).map(\.key).joined(separator: ", ")
            let more = unplaced.count > 4 ? ", …" : ""
            throw AdapterError(error.code, error.message + (others.isEmpty ? "" : "; so are \(others)\(more)"))
        }
        guard !groups.isEmpty else {
            throw AdapterError(
                .nothingSelected, "no adapter: the file holds no layer; wanted keys such as lora_unet_….lora_up.weight")
        }
        // A configuration belongs to PEFT's own file, not to any other file in the folder.
        let isPEFTs = groups.values.contains { $0.values.contains { $0.split.style == .peft } }
        let isNamedSo = part.path.hasSuffix("/" + Self.weights) || part.path == Self.weights
        let beside = isPEFTs || isNamedSo ? try part.configuration.map { try PEFTConfiguration(path: $0) } : nil
        for (name, keys) in groups {
            let own =
                beside
                ?? keys.values.lazy.compactMap { key in
                    inHeader.first { key.key.hasPrefix($0.component + ".") }?.configuration
                }.first
            layers.append(Layer(name: name, keys: keys, file: file, configuration: own))
        }
        metadata.merge(file.metadata) { first, _ in first }
    }

    /// diffusers puts the configuration of each component into the header, its entries as `component.entry`.
    private static func headerConfigurations(
        _ metadata: [String: String]
    ) throws -> [(component: String, configuration: PEFTConfiguration)] {
        guard let text = metadata["lora_adapter_metadata"] else { return [] }
        let place = "lora_adapter_metadata in the header"
        let json: OrderedJSON
        do {
            json = try OrderedJSON(text, place: place)
        } catch let error as TensorError {
            throw AdapterError(.badOption, "\(error.message); wanted PEFT's configuration, a JSON object")
        }
        guard case .object(let members) = json else {
            throw AdapterError(.badOption, "\(place) is \(json.kind), wanted PEFT's configuration, a map")
        }
        var components: [(name: String, members: [OrderedJSON.Member])] = []
        for member in members {
            guard let dot = member.name.lastIndex(of: ".") else { continue }
            let component = String(member.name[..<dot])
            let entry = OrderedJSON.Member(
                name: String(member.name[member.name.index(after: dot)...]), value: member.value)
            if let index = components.firstIndex(where: { $0.name == component }) {
                components[index].members.append(entry)
            } else {
                components.append((component, [entry]))
            }
        }
        // "text_encoder_2." before "text_encoder.": the longest name that fits.
        return try components.sorted { $0.name.count > $1.name.count }.map { component, members in
            (component, try PEFTConfiguration(.object(members), source: "\(place), \(component)"))
        }
    }
}

extension AdapterSource {
    /// A layer's tensors as they stand for, in f64: scalars multiplied in, PEFT's scales turned into alphas.
    ///
    /// - Throws: `AdapterError` naming the key that is wrong, missing or has no place.
    package func stored(_ layer: Layer) throws -> StoredLayer {
        do {
            return try read(layer)
        } catch let error as AdapterError {
            throw AdapterError(error.code, "\(layer.file.path): \(error.message)")
        }
    }

    private func read(_ layer: Layer) throws -> StoredLayer {
        let form = try AdapterForm.algorithm(layer.keys)
        var tensors: [String: StoredTensor] = [:]
        for (suffix, key) in layer.keys {
            guard let shape = layer.file.info(key.key)?.shape else { continue }
            guard !shape.contains(0) else {
                throw AdapterError(.wrongShape, "\(key.key): found shape \(shape), which holds no number")
            }
            let values = try layer.file.floats(key.key).map(Double.init)
            let isNumber = ["alpha", "scalar"].contains(suffix)
            guard values.allSatisfy(\.isFinite), !isNumber || values.count == 1 else {
                let found = isNumber && values.count < 9 ? "\(values) of shape \(shape)" : "numbers that are not finite"
                throw AdapterError(
                    .wrongShape, "\(key.key): found \(found), wanted \(isNumber ? "one finite number" : "finite ones")")
            }
            tensors[suffix] = StoredTensor(values, shape: StoredKey.shape(of: key.key, shape))
        }
        let algorithm = form.map { AdapterRegistry.of($0).named(by: tensors) }
        let alpha = tensors.removeValue(forKey: "alpha")?.values[0]
        let scalar = tensors.removeValue(forKey: "scalar")?.values[0]
        var result = StoredLayer(name: layer.name, algorithm: algorithm, tensors: tensors, alpha: alpha)
        result.spellings = layer.keys.mapValues(\.key)
        result.place = layer.keys.values.map(\.split.place).min() ?? layer.name
        if let scalar { result.multiply(by: scalar) }
        if alpha == nil, let configuration = layer.configuration {
            try result.scale(by: configuration, layer: layer)
        } else if alpha == nil, result.usesScale {
            result.assumesScale = true
        }
        return result
    }

    /// What is worth telling about the layers that were read.
    package func warnings(_ layers: [StoredLayer]) -> [String] {
        var warnings: [String] = []
        let assumed = layers.filter(\.assumesScale)
        if let first = assumed.first {
            let others = assumed.count > 1 ? " and \(assumed.count - 1) more layers" : ""
            warnings.append(
                "\(path): no alpha for \(first.place)\(others), and no configuration that has it; alpha = rank is assumed (scale 1)"
            )
        }
        if let first = embeddings.first {
            warnings.append(
                "\(path): \(embeddings.count) tensors of bundled embeddings (\(first.key), …) belong to no layer and are not used"
            )
        }
        return warnings
    }
}

extension StoredLayer {
    /// Whether alpha decides what the layer's tensors stand for.
    fileprivate var usesScale: Bool { algorithm?.hasAlpha == true && rank != nil }

    /// `use_scalar`'s learnable factor of ΔW, in the tensor into which lycoris-lora multiplies it.
    fileprivate mutating func multiply(by scalar: Double) {
        for target in kind?.scalarTargets(in: self) ?? [] { tensors[target]?.scale(by: scalar) }
        isFolded = true
    }

    /// What a plain reader's alpha / rank turns into the configuration's scale.
    fileprivate mutating func scale(
        by configuration: PEFTConfiguration, layer: AdapterSource.Layer
    ) throws {
        guard let kind, let name = kind.nameInPEFT else { return }
        let key = layer.firstKey
        guard name == configuration.kind else {
            throw AdapterError(
                .badOption,
                "\(key): \(kind.algorithm.rawValue)'s, but \(configuration.source) says \(configuration.kind)")
        }
        if configuration.isDoRA, !isDoRA {
            throw AdapterError(
                .incompleteLayer, "\(key): has no lora_magnitude_vector, but \(configuration.source) says use_dora")
        }
        let path = layer.keys.values.map(\.split).min { $0.place < $1.place }?.path ?? layer.name
        let rank = rank
        let scale = try configuration.scale(path, found: rank, key: key)
        if let rank {
            alpha = scale * Double(rank)
        } else {
            kind.scale(unranked: &self, by: scale)
        }
    }
}
