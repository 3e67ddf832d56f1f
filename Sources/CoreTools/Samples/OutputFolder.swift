import Foundation

/// A folder for pictures that take minutes to draw.
enum OutputFolder {
    /// Makes it, and looks whether files can be written there, before anything is drawn.
    ///
    /// - Throws: `SampleError` `output`.
    static func make(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let probe = URL(fileURLWithPath: "\(path)/.radiata-\(UUID().uuidString)")
            try Data("probe".utf8).write(to: probe)
            try FileManager.default.removeItem(at: probe)
        } catch {
            throw SampleError(
                code: .output,
                message: "\(path): cannot be written to (\(error.localizedDescription)); choose another --out")
        }
    }
}
