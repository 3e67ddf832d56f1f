import Foundation

/// A folder of its own for one test, removed with its last owner.
package final class TemporaryFolder: Sendable {
    package let path: String

    /// - Throws: Foundation's error where the folder cannot be made.
    package init() throws {
        path =
            FileManager.default.temporaryDirectory.appending(path: "radiata-test-\(UUID().uuidString.prefix(12))").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            FileHandle.standardError.write(Data("could not remove \(path): \(error)\n".utf8))
        }
    }

    /// Writes a text file, whole or not at all.
    ///
    /// - Returns: its path.
    /// - Throws: Foundation's error where it cannot be written.
    @discardableResult
    package func write(_ name: String, _ text: String, executable: Bool = false) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        if executable { try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file) }
        return file
    }

    /// - Throws: Foundation's error where the file is not there or no UTF-8.
    package func read(_ name: String) throws -> String {
        try String(contentsOfFile: path + "/" + name, encoding: .utf8)
    }

    package func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }
}
