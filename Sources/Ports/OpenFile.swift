import Glibc
import RunSpec

/// An open file, closed with its last owner. Positions are always given, so threads may share it.
package final class OpenFile: StoredFile {
    package let path: String
    package let descriptor: Int32

    /// - Throws: ``PortsError``; only a regular file is taken, and no pipe is waited for.
    package init(reading path: String) throws {
        self.path = path
        descriptor = open(LocalPath.terminated(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw PortsError.system("read", path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "a pipe, socket or device"
            close(descriptor)
            throw PortsError(.malformed, "cannot read \(path): it is \(what), wanted a file")
        }
    }

    /// Opens for reading and writing, and makes the file if it is not there.
    package init(writing path: String, truncate: Bool = false, mode: UInt32 = 0o644) throws {
        self.path = path
        descriptor = open(
            LocalPath.terminated(path), O_RDWR | O_CREAT | O_CLOEXEC | (truncate ? O_TRUNC : 0), mode_t(mode))
        guard descriptor >= 0 else { throw PortsError.system("write", path) }
    }

    deinit { close(descriptor) }

    package func size() throws -> Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw PortsError.system("examine", path) }
        return Int64(status.st_size)
    }

    /// - Returns: bytes read; 0 only at the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            if errno != EINTR { throw PortsError.system("read", path) }
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        var done = 0
        while done < bytes.count {
            let rest = bytes.baseAddress?.advanced(by: done)
            let count = pwrite(descriptor, rest, bytes.count - done, off_t(offset) + off_t(done))
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                throw PortsError.system("write", path)
            }
        }
    }

    package func truncate(to size: Int64) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw PortsError.system("cut", path) }
    }

    /// Returns when content and length are on the disk. After an error nothing may be assumed about the
    /// content.
    package func synchronize() throws {
        guard fdatasync(descriptor) == 0 else { throw PortsError.system("write to disk", path) }
    }
}
