package import Foundation
import Glibc

/// Folders that appear whole or not at all, and appended lines that survive a crash.
///
/// A folder is filled under a temporary name, every file and the folder are flushed to the disk, then it is
/// renamed and the parent is flushed: after a power cut there is the whole folder or none.
package enum DurableFolder {
    /// Makes `parent/name` by filling a temporary folder beside it.
    ///
    /// An older folder of the same name is replaced (a retry of the same step writes the same content).
    ///
    /// - Throws: what `fill` throws, or `TrainingError` with `file` if the disk refuses; then there is no
    ///   folder of that name.
    package static func publish(_ name: String, in parent: String, fill: (_ folder: String) throws -> Void) throws {
        try create(parent)
        let temporary = "\(parent)/.\(name).\(getpid()).tmp"
        let final = "\(parent)/\(name)"
        try remove(temporary)
        try create(temporary)
        do {
            try fill(temporary)
            for file in try FileManager.default.contentsOfDirectory(atPath: temporary) {
                try flush("\(temporary)/\(file)")
            }
            try flush(temporary)
            try remove(final)
            guard rename(temporary, final) == 0 else { throw failure("rename to", final) }
        } catch {
            // The first error is the one to tell; what is left of the temporary folder is swept by the next
            // try.
            do { try remove(temporary) } catch _ {}
            throw error
        }
        try flush(parent)
    }

    /// - Throws: `TrainingError` with `file` if the disk refuses.
    package static func create(_ folder: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw TrainingError(
                code: .file,
                message: "\(folder): cannot be made (\(error.localizedDescription)); check the path and free space")
        }
    }

    /// Removes a file, or a folder with all that is in it.
    ///
    /// - Throws: `TrainingError` with `file` if the disk refuses.
    package static func remove(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw TrainingError(code: .file, message: "\(path): cannot be removed (\(error.localizedDescription))")
        }
    }

    /// Writes a whole file; the caller flushes it, or the folder's publication does.
    ///
    /// - Throws: `TrainingError` with `file` if the disk refuses.
    package static func write(_ bytes: Data, to path: String) throws {
        do {
            try bytes.write(to: URL(fileURLWithPath: path))
        } catch {
            throw TrainingError(
                code: .file, message: "\(path): cannot be written (\(error.localizedDescription)); check free space")
        }
    }

    /// fsync of a file or folder.
    ///
    /// - Throws: `TrainingError` with `file` if the disk refuses.
    package static func flush(_ path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("open", path) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw failure("flush", path) }
    }

    static func failure(_ verb: String, _ path: String) -> TrainingError {
        TrainingError(
            code: .file, message: "\(path): cannot \(verb) (\(String(cString: strerror(errno)))); check the disk")
    }
}
