import Glibc

/// Which file something was read from, and in which state: as long as it is equal, the contents are.
package struct FileIdentity: Hashable, Sendable {
    /// Path, inode, size and times of the last changes.
    package let text: String
    /// Whether its last change is old enough that another one would show in the times, which are of the
    /// kernel's ticks.
    package let isSettled: Bool

    init(path: String, _ status: stat) {
        let (changed, set) = (status.st_mtim, status.st_ctim)
        text =
            "\(path) \(status.st_ino) \(status.st_size) \(changed.tv_sec).\(changed.tv_nsec) \(set.tv_sec).\(set.tv_nsec)"
        isSettled = time(nil) - max(changed.tv_sec, set.tv_sec) > Self.settling
    }

    /// Nil for what is no file.
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.init(path: path, status)
    }

    private static let settling = 2
}
