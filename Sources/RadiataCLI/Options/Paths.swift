import Foundation
import Glibc
import Ports

/// Folders as people write them on the command line.
enum Paths {
    static var folders: UserFolders { UserFolders(environment: ProcessInfo.processInfo.environment) }

    /// An absolute path, `~` followed, without links, `.`, `..` and slashes too many: made so once, at the
    /// entrance.
    static func expanded(_ path: String) -> String {
        canonical(folders.absolutePath(path, in: FileManager.default.currentDirectoryPath))
    }

    /// As far as there is anything.
    private static func canonical(_ path: String) -> String {
        if let real = realpath(path, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        let parts = path.split(separator: "/").map(String.init)
        guard let last = parts.last, last != ".", last != ".." else { return path }
        let parent = canonical("/" + parts.dropLast().joined(separator: "/"))
        return parent == "/" ? "/" + last : "\(parent)/\(last)"
    }
}

/// A folder of the program's own: made, and tried before anything is opened in it, so that a folder that
/// cannot be used is one clear message and not the failure of whatever comes first.
enum UsableFolder {
    /// - Parameters:
    ///   - option: the one that names another folder.
    ///   - what: what is kept there.
    static func prepare(_ path: String, option: String, what: String) throws {
        let files = DiskFiles()
        do {
            try files.makeFolder(path, mode: 0o700)
            // An empty file: where the disk is full, what is there already can still be read.
            let probe = files.temporaryName(for: path + "/probe")
            _ = try files.open(writing: probe, truncate: true, mode: 0o600)
            try files.remove(probe)
        } catch let error as PortsError {
            let remedy =
                error.code == .diskFull
                ? "free some space, or give a folder on another disk with \(option) DIR"
                : "give a folder that you may write to with \(option) DIR"
            throw CommandFailure(
                error.code == .diskFull ? .failed : .usage,
                "\(option) \(path): \(what) cannot be kept there: \(error.message); \(remedy)")
        }
    }
}
