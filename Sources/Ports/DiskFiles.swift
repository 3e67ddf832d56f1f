import Glibc
import RunSpec

/// The machine's file system. A path is text whatever its bytes are (`LocalPath`).
package struct DiskFiles: FileStore {
    package init() {}

    package func open(reading path: String) throws -> any StoredFile { try OpenFile(reading: path) }

    package func open(writing path: String, truncate: Bool, mode: UInt32) throws -> any StoredFile {
        try OpenFile(writing: path, truncate: truncate, mode: mode)
    }

    package func makeSingleFolder(_ path: String, mode: UInt32) throws -> Bool {
        if mkdir(LocalPath.terminated(path), mode_t(mode)) == 0 { return true }
        if errno == EEXIST { return false }
        throw PortsError.system("make the folder", path)
    }

    package func rename(_ path: String, to target: String) throws {
        guard Glibc.rename(LocalPath.terminated(path), LocalPath.terminated(target)) == 0 else {
            throw PortsError.system("rename \(path) to", target)
        }
    }

    package func link(_ path: String, as target: String) throws {
        // A link is followed: a relative one would lead elsewhere from where the new name lies.
        let (from, to) = (LocalPath.terminated(path), LocalPath.terminated(target))
        if linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0 { return }
        if errno == ENOENT { throw PortsError.system("link", path) }
        let source = try OpenFile(reading: path)
        let copy = try OpenFile(writing: target, truncate: true)
        var offset: Int64 = 0
        while true {
            let piece = try source.read(1 << 20, at: offset)
            if piece.isEmpty { return try copy.synchronize() }
            try copy.write(piece, at: offset)
            offset += Int64(piece.count)
        }
    }

    package func lock(_ path: String) throws -> (any Sendable)? { try FileLock.acquire(path) }

    package func keepPrivate(_ path: String, mode: UInt32) throws {
        guard let information = try information(path), information.mode & 0o077 != 0 else { return }
        guard chmod(path, mode_t(mode)) == 0 || errno == ENOENT else {
            throw PortsError.system("keep others from reading", path)
        }
    }

    package func makePrivateFile(_ path: String) throws {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            if errno == EEXIST { return }
            throw PortsError.system("write", path)
        }
        close(descriptor)
    }

    package func temporaryName(for path: String) -> String {
        "\(path).\(getpid()).\(SystemRandom().hexadecimal(bytes: 4)).tmp"
    }

    package func remove(_ path: String) throws {
        var status = stat()
        guard lstat(LocalPath.terminated(path), &status) == 0 else {
            if errno == ENOENT { return }
            throw PortsError.system("remove", path)
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in try list(path) { try remove("\(path)/\(name)") }
            guard rmdir(LocalPath.terminated(path)) == 0 || errno == ENOENT else {
                throw PortsError.system("remove", path)
            }
        } else {
            guard unlink(LocalPath.terminated(path)) == 0 || errno == ENOENT else {
                throw PortsError.system("remove", path)
            }
        }
    }

    package func list(_ path: String) throws -> [String] {
        guard let folder = opendir(LocalPath.terminated(path)) else { throw PortsError.system("list", path) }
        defer { closedir(folder) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { LocalPath.text($0.prefix { $0 != 0 }) }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw PortsError.system("list", path) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func information(_ path: String) throws -> FileInformation? {
        var status = stat()
        guard stat(LocalPath.terminated(path), &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw PortsError.system("examine", path)
        }
        return FileInformation(
            size: Int64(status.st_size), isFolder: status.st_mode & S_IFMT == S_IFDIR, inode: UInt64(status.st_ino),
            modifiedNanoseconds: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
            mode: UInt32(status.st_mode) & 0o7777, owner: UInt32(status.st_uid),
            isRegular: status.st_mode & S_IFMT == S_IFREG)
    }

    package func canonical(_ path: String) throws -> String {
        guard let real = realpath(LocalPath.terminated(path), nil) else { throw PortsError.system("find", path) }
        defer { free(real) }
        return String(cString: real)
    }

    package func space(at path: String) throws -> DiskSpace {
        var status = statvfs()
        guard statvfs(LocalPath.terminated(path), &status) == 0 else {
            throw PortsError.system("examine the disk of", path)
        }
        let unit = Int64(status.f_frsize)
        return DiskSpace(free: Int64(status.f_bavail) * unit, total: Int64(status.f_blocks) * unit)
    }

    package func synchronizeFolder(_ path: String) throws {
        let descriptor = Glibc.open(LocalPath.terminated(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw PortsError.system("open the folder", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw PortsError.system("write to disk the folder", path) }
    }
}
