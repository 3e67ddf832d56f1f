/// What `stat` says of a file, links followed.
package struct FileInformation: Hashable, Sendable {
    package let size: Int64
    package let isFolder: Bool
    package let inode: UInt64
    package let modifiedNanoseconds: Int64
    /// Permission bits, such as 0o600.
    package let mode: UInt32
    package let owner: UInt32
    /// Neither a folder nor a pipe, socket or device.
    package let isRegular: Bool

    package init(
        size: Int64, isFolder: Bool, inode: UInt64, modifiedNanoseconds: Int64, mode: UInt32, owner: UInt32,
        isRegular: Bool? = nil
    ) {
        self.isRegular = isRegular ?? !isFolder
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

/// An open file. Positions are always given, so threads may share it. It is closed with its last owner.
package protocol StoredFile: AnyObject, Sendable {
    var path: String { get }
    func size() throws -> Int64
    /// - Returns: bytes read; 0 only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws
    func truncate(to size: Int64) throws
    /// Returns when content and length are on the disk. After an error nothing may be assumed about the
    /// content.
    func synchronize() throws
}

extension StoredFile {
    /// Up to `count` bytes from `offset`; fewer only where the file ends.
    package func read(_ count: Int, at offset: Int64) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let whole = UnsafeMutableRawBufferPointer(buffer)
                let rest = UnsafeMutableRawBufferPointer(rebasing: whole[filled..<count])
                let got = try read(into: rest, at: offset + Int64(filled))
                if got == 0 { break }
                filled += got
            }
        }
    }

    package func write(_ bytes: [UInt8], at offset: Int64) throws {
        try bytes.withUnsafeBytes { try write($0, at: offset) }
    }
}

/// Files, handed in. Paths are absolute or relative to the working directory; all methods throw
/// ``PortsError``.
///
/// What must survive a power cut is composed here from single steps, so that the simulator's disk runs the
/// same order.
package protocol FileStore: Sendable {
    /// - Throws: `notFound`; a folder is refused.
    func open(reading path: String) throws -> any StoredFile
    /// Opens for reading and writing, and makes the file if it is not there; its name is durable only after
    /// `synchronizeFolder`.
    func open(writing path: String, truncate: Bool, mode: UInt32) throws -> any StoredFile
    /// One folder, not durable yet. `false` if something of that name is there.
    func makeSingleFolder(_ path: String, mode: UInt32) throws -> Bool
    /// Takes the place of what is there. Not durable before `synchronizeFolder`.
    func rename(_ path: String, to target: String) throws
    func synchronizeFolder(_ path: String) throws
    /// A second name for a file, or a copy where the file system has no such thing.
    func link(_ path: String, as target: String) throws
    /// Removes a file, a link or a whole folder; no error if there is nothing.
    func remove(_ path: String) throws
    /// Names in a folder, sorted by their bytes; hidden ones too.
    func list(_ path: String) throws -> [String]
    /// The one absolute name of what is there, links resolved; matches of patterns are compared with it.
    func canonical(_ path: String) throws -> String
    /// `nil` if there is nothing.
    func information(_ path: String) throws -> FileInformation?
    func space(at path: String) throws -> DiskSpace
    /// A lock that lasts until its last owner lets go or the process ends; nil if another has it.
    func lock(_ path: String) throws -> (any Sendable)?
    /// A name beside `path` that nobody else uses.
    func temporaryName(for path: String) -> String
    /// Takes from others whatever right they have to a file or folder that is there; a disk without rights
    /// does nothing.
    func keepPrivate(_ path: String, mode: UInt32) throws
    /// An empty file that others cannot read, where there is none.
    func makePrivateFile(_ path: String) throws
}

extension FileStore {
    package func keepPrivate(_ path: String, mode: UInt32) throws {}
    package func makePrivateFile(_ path: String) throws {}
}

extension FileStore {
    /// - Throws: `tooLarge` above `limit` bytes, before anything is read.
    package func read(_ path: String, limit: Int) throws -> [UInt8] {
        let file = try open(reading: path)
        let size = try file.size()
        guard size <= limit else { throw PortsError(.tooLarge, "\(path): \(size) bytes, wanted at most \(limit)") }
        return try file.read(Int(size), at: 0)
    }

    /// All or nothing, also across a power cut: temporary file beside it, `fdatasync`, `rename`, `fsync` of
    /// the folder.
    package func writeAtomically(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws {
        let temporary = temporaryName(for: path)
        do {
            let file = try open(writing: temporary, truncate: true, mode: mode)
            try file.write(bytes, at: 0)
            try file.synchronize()
            try rename(temporary, to: path)
        } catch {
            try? remove(temporary)  // what failed first is what counts
            throw error
        }
        try synchronizeFolder(Self.parent(of: path))
    }

    /// Moves a finished file or folder to its final name and makes both durable (`fdatasync`, `rename`,
    /// `fsync`).
    package func publish(_ temporary: String, as path: String) throws {
        if !Mutant.isOn("rename-before-file-sync") { try synchronizeTree(temporary) }
        try rename(temporary, to: path)
        if !Mutant.isOn("row-before-folder-sync") { try synchronizeFolder(Self.parent(of: path)) }
    }

    /// Makes the folder and its parents, durable; no error if it is there.
    package func makeFolder(_ path: String, mode: UInt32 = 0o755) throws {
        let parent = Self.parent(of: path)
        do {
            if try makeSingleFolder(path, mode: mode) { return try synchronizeFolder(parent) }
        } catch let error as PortsError where error.code == .notFound && parent != path {
            try makeFolder(parent, mode: mode)
            // Not asked a second time: below /proc there is never anything, whatever is made above it.
            if try makeSingleFolder(path, mode: mode) { return try synchronizeFolder(parent) }
        }
        guard try information(path)?.isFolder == true else {
            throw PortsError(.malformed, "cannot make the folder \(path): a file of that name is in the way")
        }
    }

    package func exists(_ path: String) throws -> Bool { try information(path) != nil }

    package func readText(_ path: String, limit: Int = 16 << 20) throws -> String {
        guard let text = String(validating: try read(path, limit: limit), as: UTF8.self) else {
            throw PortsError(.malformed, "\(path): not UTF-8 text")
        }
        return text
    }

    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func synchronizeTree(_ path: String) throws {
        guard try information(path)?.isFolder == true else { return try open(reading: path).synchronize() }
        for name in try list(path) { try synchronizeTree("\(path)/\(name)") }
        try synchronizeFolder(path)
    }
}
