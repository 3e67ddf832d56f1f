/// What `stat` says of a file, links followed.
package struct FileInformation: Hashable, Sendable {
    package let size: Int64
    package let isFolder: Bool
    package let inode: UInt64
    package let modifiedNanoseconds: Int64
    /// Permission bits, such as 0o600.
    package let mode: UInt32
    package let owner: UInt32

    package init(size: Int64, isFolder: Bool, inode: UInt64, modifiedNanoseconds: Int64, mode: UInt32, owner: UInt32) {
        self.size = size
        self.isFolder = isFolder
        self.inode = inode
        self.modifiedNanoseconds = modifiedNanoseconds
        self.mode = mode
        self.owner = owner
    }
}

package struct DiskSpace: Hashable, Sendable {
    package let free: Int64
    package let total: Int64

    package init(free: Int64, total: Int64) {
        self.free = free
        self.total = total
    }
}

/// Files, handed in. Paths are absolute or relative to the working directory; all methods throw ``PortsError``.
package protocol FileStore: Sendable {
    /// - Throws: `tooLarge` above `limit` bytes, before anything is read.
    func read(_ path: String, limit: Int) throws -> [UInt8]
    /// All or nothing, also across a power cut: temporary file beside it, `fdatasync`, `rename`, `fsync` of the folder.
    func writeAtomically(_ bytes: [UInt8], to path: String, mode: UInt32) throws
    /// Moves a finished file or folder to its final name and makes both durable (`fdatasync`, `rename`, `fsync`).
    func publish(_ temporary: String, as path: String) throws
    /// Makes the folder and its parents, durable; no error if it is there.
    func makeFolder(_ path: String, mode: UInt32) throws
    /// Removes a file, a link or a whole folder; no error if there is nothing.
    func remove(_ path: String) throws
    /// Names in a folder, sorted by their bytes; hidden ones too.
    func list(_ path: String) throws -> [String]
    /// `nil` if there is nothing.
    func information(_ path: String) throws -> FileInformation?
    func space(at path: String) throws -> DiskSpace
}

extension FileStore {
    package func writeAtomically(_ bytes: [UInt8], to path: String) throws {
        try writeAtomically(bytes, to: path, mode: 0o644)
    }

    package func makeFolder(_ path: String) throws { try makeFolder(path, mode: 0o755) }

    package func exists(_ path: String) throws -> Bool { try information(path) != nil }

    package func readText(_ path: String, limit: Int = 16 << 20) throws -> String {
        guard let text = String(validating: try read(path, limit: limit), as: UTF8.self) else {
            throw PortsError(.malformed, "\(path): not UTF-8 text")
        }
        return text
    }
}
