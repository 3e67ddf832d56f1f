package import CoreTensor
import Foundation

/// Weights that come as one file, or as a folder with one.
package enum WeightFiles {
    /// - Throws: `DiffusionError` where nothing is there, `TensorError` for a broken file.
    package static func open(_ path: String) throws -> [SafetensorsFile] {
        try names(path).map { try SafetensorsFile(path: $0) }
    }

    /// - Throws: `DiffusionError` where nothing is there.
    package static func names(_ path: String) throws -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw DiffusionError(code: .missingFile, message: "nothing at \(path)")
        }
        return isFolder.boolValue ? try ModelFolder(path: path).weightFiles() : [path]
    }

    /// How many numbers there are, from headers alone.
    ///
    /// - Throws: `DiffusionError` where nothing is there, `TensorError` for a broken file.
    package static func elements(_ path: String) throws -> Int64 {
        try open(path).reduce(0) { sum, file in
            sum + file.names.reduce(0) { $0 + Int64(file.info($1)?.shape.reduce(1, *) ?? 0) }
        }
    }
}
