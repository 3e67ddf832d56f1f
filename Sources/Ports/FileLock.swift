import Glibc

/// An exclusive lock on a file of its own, held until the last owner lets go or the process ends, however it
/// ends.
package final class FileLock: Sendable {
    private let file: OpenFile

    private init(_ file: OpenFile) { self.file = file }

    /// - Returns: `nil` if another process (or another part of this one) holds it.
    package static func acquire(_ path: String) throws -> FileLock? {
        let file = try OpenFile(writing: path, mode: 0o600)
        if flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 { return FileLock(file) }
        if errno == EWOULDBLOCK { return nil }
        throw PortsError.system("lock", path)
    }
}
