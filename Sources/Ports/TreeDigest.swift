import RunSpec

/// One file of an input: its place below the root, and its content.
package struct TreeFile: Hashable, Codable, Sendable {
    /// Relative, `/` between segments (`InputPath`). For an input that is a single file: the file's name.
    package let path: String
    package let size: Int64
    package let sha256: ContentDigest

    package init(path: String, size: Int64, sha256: ContentDigest) {
        self.path = path
        self.size = size
        self.sha256 = sha256
    }

    /// The path as ``FileStore`` takes it, below the input's root.
    package var localPath: String { LocalPath.text(InputPath.bytes(path)) }
}

/// The content of an input (a folder, or a single file), and the digest that names it.
package struct TreeDigest: Hashable, Codable, Sendable {
    /// Of a folder: SHA-256 over the sorted lines "relative path NUL size NUL file SHA-256 LF", with the
    /// path's own bytes. Of a file: its SHA-256.
    package let digest: ContentDigest
    package let isFolder: Bool
    /// Sorted by the bytes of their paths.
    package let files: [TreeFile]

    package var size: Int64 { files.reduce(0) { $0 + $1.size } }

    /// The digest that a folder with exactly these files has.
    package init(folder files: [TreeFile]) {
        let sorted = files.map { (bytes: InputPath.bytes($0.path), file: $0) }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        var hasher = ContentHasher()
        for (bytes, file) in sorted { hasher.update(bytes + Array("\0\(file.size)\0\(file.sha256)\n".utf8)) }
        digest = hasher.finish()
        isFolder = true
        self.files = sorted.map(\.file)
    }

    package init(file: TreeFile) {
        digest = file.sha256
        isFolder = false
        files = [file]
    }

    /// Reads a folder or a file. What `InputPath.isLeftOut` names is skipped, as every reader of data skips
    /// it; a symbolic link counts as what it points to, and a folder that is its own ancestor through a link
    /// is not entered again.
    ///
    /// - Throws: ``PortsError`` if something cannot be read, or the folder holds no file at all.
    package static func compute(
        _ path: String, files: any FileStore = DiskFiles(), cache: DigestCache? = nil,
        progress: (Int64) -> Void = { _ in }
    ) throws -> TreeDigest {
        guard let root = try files.information(path) else {
            throw PortsError(.notFound, "\(path): no such file or folder")
        }
        guard root.isFolder else {
            let name = InputPath.text(LocalPath.bytes(path.split(separator: "/").last.map(String.init) ?? path))
            let sha256 = try fileDigest(path, root, cache)
            progress(root.size)
            return TreeDigest(file: TreeFile(path: name, size: root.size, sha256: sha256))
        }
        var found: [TreeFile] = []
        func walk(_ folder: String, _ relative: String, ancestors: Set<UInt64>) throws {
            for name in try files.list(folder) where !InputPath.isLeftOut(name) {
                let full = "\(folder)/\(name)"
                guard let information = try files.information(full) else { continue }  // a link to nowhere
                if information.isFolder {
                    if ancestors.contains(information.inode) { continue }
                    try walk(full, "\(relative)\(name)/", ancestors: ancestors.union([information.inode]))
                } else {
                    let sha256 = try fileDigest(full, information, cache)
                    progress(information.size)
                    let place = InputPath.text(LocalPath.bytes(relative + name))
                    found.append(TreeFile(path: place, size: information.size, sha256: sha256))
                }
            }
        }
        try walk(path, "", ancestors: [root.inode])
        guard !found.isEmpty else { throw PortsError(.malformed, "\(path): the folder holds no files") }
        return TreeDigest(folder: found)
    }

    private static func fileDigest(_ path: String, _ information: FileInformation, _ cache: DigestCache?) throws
        -> ContentDigest
    {
        if let known = cache?.lookup(path, information) { return known }
        let (digest, size) = try ContentDigest.of(file: path)
        guard size == information.size else {
            throw PortsError(.inputOutput, "\(path): changed while it was read; wait until it is complete")
        }
        cache?.remember(path, information, digest)
        return digest
    }
}
