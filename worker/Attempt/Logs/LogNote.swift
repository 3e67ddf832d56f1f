import Glibc
import Ports

/// A line of the worker's own in the log of a job.
enum LogNote {
    /// What such lines begin with.
    static let mark = "[radiata] "

    /// Appends the line; the trainer, which appends too, may be in the middle of one of its own.
    static func append(_ text: String, to path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw PortsError.system("write", path) }
        defer { close(descriptor) }
        var status = stat()
        var last = UInt8(ascii: "\n")
        if fstat(descriptor, &status) == 0, status.st_size > 0 { _ = pread(descriptor, &last, 1, status.st_size - 1) }
        let line = (last == UInt8(ascii: "\n") ? "" : "\n") + mark + text.replacing("\n", with: " ") + "\n"
        let bytes = Array(line.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw PortsError.system("write", path) }
    }
}
