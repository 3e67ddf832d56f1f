import CoreTensor
import Foundation

/// Names of weight files by their content, as A1111's user interface and the sites that follow it look them
/// up.
struct WeightHashes: Equatable {
    /// First ten digits of a base's SHA-256; nil for a folder, which those programs do not load.
    private(set) var base: String?
    /// By path: the first twelve characters of what the header calls `sshs_model_hash`, else of the SHA-256
    /// of the file behind its header.
    private(set) var adapters: [String: String] = [:]

    /// - Parameter digest: SHA-256 of a file from a byte on, in hex; nil for no hashes.
    /// - Throws: `TensorError` for an adapter that cannot be read, and what `digest` throws.
    init(base: String, adapters paths: [String], digest: ((_ path: String, _ start: Int) throws -> String)?) throws {
        guard let digest else { return }
        if !Self.isFolder(base) { self.base = String(try digest(base, 0).prefix(10)) }
        for path in Set(paths) {
            let weights = Self.isFolder(path) ? path + "/adapter_model.safetensors" : path
            guard FileManager.default.fileExists(atPath: weights) else { continue }
            let file = try SafetensorsFile(path: weights)
            let whole = try file.metadata["sshs_model_hash"] ?? digest(weights, file.dataStart)
            adapters[path] = String(whole.prefix(12))
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
