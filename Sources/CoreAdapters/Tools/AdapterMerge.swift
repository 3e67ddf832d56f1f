import CoreTensor
import Foundation

/// Bakes adapters into a base model: W + Σ strength · ΔW in f64, every ΔW taken from the base, or what
/// another rule makes of them (`radiata adapter merge`).
package struct AdapterMerge {
    /// A folder in diffusers' layout, one component's folder, or a single file.
    package var base: String
    package var adapters: [(path: String, strength: Double)]
    /// A folder or a file, as the base is; must not exist yet.
    package var out: String
    /// Type of all weights in the files that hold layers; nil keeps every tensor's own.
    package var type: AdapterFileType?
    /// How several changes of one weight become one.
    package var rule: CombinationRule

    package init(
        base: String, adapters: [(path: String, strength: Double)], out: String, type: AdapterFileType? = nil,
        rule: CombinationRule = CombinationRule()
    ) {
        self.base = base
        self.adapters = adapters
        self.out = out
        self.type = type
        self.rule = rule
    }

    package struct Report: Codable, Equatable, Sendable {
        /// Layers whose weight, scale or bias changed.
        package let layers: Int
        package let out: String
        /// What was assumed about the files.
        package let warnings: [String]
    }

    /// - Throws: `AdapterError` for a layer the base does not have; nothing was written then.
    package func run() throws -> Report {
        guard !FileManager.default.fileExists(atPath: out) else {
            throw AdapterError(.badOption, "\(out): exists already; name a new place for the merged model")
        }
        let weights = try BaseWeights(path: base)
        let found = try AdapterChanges(adapters, in: weights)
        let changes = found.changes
        let changed = try inParallel(changes.count) { index in try merged(changes[index], weights) }
        var replaced: [ObjectIdentifier: [String: [Double]]] = [:]
        for (change, tensors) in zip(changes, changed) {
            replaced[ObjectIdentifier(change.layer.file), default: [:]].merge(tensors) { $1 }
        }
        try copyRest(weights)
        for source in weights.sources {
            try write(source, replaced[ObjectIdentifier(source.file)] ?? [:])
        }
        return Report(layers: changes.count, out: out, warnings: found.warnings)
    }

    /// New values by the base's keys.
    private func merged(_ change: AdapterChanges.Change, _ weights: BaseWeights) throws -> [String: [Double]] {
        let base = try weights.weight(change.layer)
        var result = [change.layer.key: Self.sum(base.values, try change.weightChange(base, rule))]
        if let key = change.layer.biasKey, let bias = try weights.bias(change.layer) {
            result[key] = try change.biasChange(bias).map { Self.sum(bias.values, $0) } ?? bias.values
        } else {
            _ = try change.biasChange(nil)
        }
        return result
    }

    private static func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }

    /// Everything of a folder but the files with layers.
    private func copyRest(_ weights: BaseWeights) throws {
        let manager = FileManager.default
        guard weights.sources.first?.place.isEmpty == false else { return }
        let written = Set(weights.sources.map(\.place))
        try manager.createDirectory(atPath: out, withIntermediateDirectories: true)
        for place in try manager.subpathsOfDirectory(atPath: base).sorted() where !written.contains("/" + place) {
            var isFolder: ObjCBool = false
            let (from, to) = ("\(base)/\(place)", "\(out)/\(place)")
            guard manager.fileExists(atPath: from, isDirectory: &isFolder) else { continue }
            if isFolder.boolValue {
                try manager.createDirectory(atPath: to, withIntermediateDirectories: true)
            } else {
                try manager.createDirectory(
                    atPath: URL(fileURLWithPath: to).deletingLastPathComponent().path, withIntermediateDirectories: true
                )
                try manager.copyItem(atPath: from, toPath: to)
            }
        }
    }

    private func write(_ source: BaseWeights.Source, _ replaced: [String: [Double]]) throws {
        var writer = SafetensorsWriter(metadata: source.file.metadata)
        for key in source.file.names {
            guard let entry = source.file.info(key) else { continue }
            let isFloat = [.f16, .bf16, .f32, .f64].contains(entry.dtype)
            if let values = replaced[key] {
                let own: SafetensorsType = entry.dtype == .f64 ? .f32 : entry.dtype
                writer.add(key, shape: entry.shape, floats: values.map { Float($0) }, type: type?.stored ?? own)
            } else if let type = type?.stored, isFloat, type != entry.dtype {
                writer.add(key, shape: entry.shape, floats: try source.file.floats(key), type: type)
            } else {
                writer.add(key, shape: entry.shape, bytes: try source.file.bytes(key), type: entry.dtype)
            }
        }
        try writer.write(to: out + source.place)
    }
}
