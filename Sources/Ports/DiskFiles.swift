import Glibc

/// The machine's file system.
package struct DiskFiles: FileStore {
    package init() {}

    package func read(_ path: String, limit: Int) throws -> [UInt8] {
        let file = try OpenFile(reading: path)
        let size = try file.size()
        guard size <= limit else {
            throw PortsError(.tooLarge, "\(path): \(size) bytes, wanted at most \(limit)")
        }
        return try file.read(Int(size), at: 0)
    }

    package func writeAtomically(_ bytes: [UInt8], to path: String, mode: UInt32) throws {
        let temporary = "\(path).\(getpid()).\(SystemRandom().hexadecimal(bytes: 4)).tmp"
        do {
            let file = try OpenFile(writing: temporary, truncate: true, mode: mode)
            try file.write(bytes, at: 0)
            try file.synchronize()
            guard rename(temporary, path) == 0 else { throw PortsError.system("rename a new file to", path) }
        } catch {
            unlink(temporary)
            throw error
        }
        try synchronizeFolder(parent(of: path))
    }

    package func publish(_ temporary: String, as path: String) throws {
        try synchronizeTree(temporary)
        guard rename(temporary, path) == 0 else { throw PortsError.system("rename \(temporary) to", path) }
        try synchronizeFolder(parent(of: path))
    }

    package func makeFolder(_ path: String, mode: UInt32) throws {
        if mkdir(path, mode_t(mode)) == 0 { return try synchronizeFolder(parent(of: path)) }
        switch errno {
        case EEXIST:
            guard try information(path)?.isFolder == true else {
                throw PortsError(.malformed, "cannot make the folder \(path): a file of that name is in the way")
            }
        case ENOENT where parent(of: path) != path:
            try makeFolder(parent(of: path), mode: mode)
            try makeFolder(path, mode: mode)
        default: throw PortsError.system("make the folder", path)
        }
    }

    package func remove(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw PortsError.system("remove", path)
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in try list(path) { try remove("\(path)/\(name)") }
            guard rmdir(path) == 0 || errno == ENOENT else { throw PortsError.system("remove", path) }
        } else {
            guard unlink(path) == 0 || errno == ENOENT else { throw PortsError.system("remove", path) }
        }
    }

    package func list(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw PortsError.system("list", path) }
        defer { closedir(folder) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw PortsError.system("list", path) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func information(_ path: String) throws -> FileInformation? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw PortsError.system("examine", path)
        }
        return FileInformation(
            size: Int64(status.st_size), isFolder: status.st_mode & S_IFMT == S_IFDIR, inode: UInt64(status.st_ino),
            modifiedNanoseconds: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
            mode: UInt32(status.st_mode) & 0o7777, owner: UInt32(status.st_uid))
    }

    package func space(at path: String) throws -> DiskSpace {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw PortsError.system("examine the disk of", path) }
        let unit = Int64(status.f_frsize)
        return DiskSpace(free: Int64(status.f_bavail) * unit, total: Int64(status.f_blocks) * unit)
    }

    private func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func synchronizeTree(_ path: String) throws {
        guard try information(path)?.isFolder == true else { return try OpenFile(reading: path).synchronize() }
        for name in try list(path) { try synchronizeTree("\(path)/\(name)") }
        try synchronizeFolder(path)
    }

    private func synchronizeFolder(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw PortsError.system("open the folder", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw PortsError.system("write to disk the folder", path) }
    }
}
