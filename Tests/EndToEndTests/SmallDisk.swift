import Foundation
import TestSupport
import Testing

/// A real file system of a few megabytes (tmpfs) that a test can fill to the last byte.
final class SmallDisk {
    let path: String
    private let folder: TemporaryFolder

    /// Why there is none on this machine; nil if there can be one.
    static let refusal: String? = {
        guard geteuid() == 0 else { return "mounting a tmpfs needs root" }
        do {
            _ = try SmallDisk(megabytes: 1)
            return nil
        } catch {
            return "this machine does not let root mount a tmpfs: \(error)"
        }
    }()

    /// - Parameter flags: of mount, such as `MS_NOEXEC`.
    init(megabytes: Int, flags: UInt = 0) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("radiata-test", path, "tmpfs", flags, "size=\(megabytes)m,mode=755") == 0 else {
            throw Refusal(reason: String(cString: strerror(errno)))
        }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    struct Refusal: Error { let reason: String }

    /// Takes all the space there is.
    func fill() throws {
        let descriptor = open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        for size in [1 << 20, 4096, 1] {
            let block = [UInt8](repeating: 0xAA, count: size)
            while write(descriptor, block, size) > 0 {}
        }
        try #require(errno == ENOSPC)
    }

    func free() { unlink(path + "/filler") }
}
