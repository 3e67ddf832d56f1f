import Glibc
import Ports

/// A folder of one's own that shows the files of another: folders are real, files are links. A program may
/// write new files in it; those of the other folder stay as they are.
package enum LinkTree {
    /// Files up to this size are copied, so that a program that rewrites a caption rewrites its own.
    private static let copied: Int64 = 64 << 10
    private static let deepest = 64

    /// Makes `target`, or adds to it: what is there already stays.
    ///
    /// - Throws: `PortsError`.
    package static func make(of source: BytePath, at target: BytePath, depth: Int = 0) throws {
        try makeFolder(target)
        guard depth < deepest else { return }
        for name in source.names() {
            let (from, to) = (source.appending(name), target.appending(name))
            guard let status = from.status() else { continue }
            if status.isFolder {
                try make(of: from, at: to, depth: depth + 1)
            } else if to.status(followsLinks: false) == nil {
                try status.isRegular && Int64(status.st_size) <= copied ? copy(from, to) : link(from, to)
            }
        }
    }

    /// Moves what a program added to a tree.
    ///
    /// - Parameter source: what the tree was made of.
    /// - Returns: how many files.
    /// - Throws: `PortsError`.
    package static func moveAdded(in tree: BytePath, besides source: BytePath, to target: BytePath) throws -> Int {
        var count = 0
        for name in tree.names() {
            let (own, given, moved) = (tree.appending(name), source.appending(name), target.appending(name))
            guard let status = own.status(followsLinks: false) else { continue }
            if status.isFolder {
                count += try moveAdded(in: own, besides: given, to: moved)
            } else if status.isRegular, given.status(followsLinks: false) == nil {
                try makeParents(of: moved)
                guard own.withCString({ from in moved.withCString { rename(from, $0) } }) == 0 else {
                    throw PortsError.system("move", own.description)
                }
                count += 1
            }
        }
        return count
    }

    static func makeParents(of path: BytePath) throws {
        let parent = path.parent
        if parent.status()?.isFolder == true { return }
        try makeParents(of: parent)
        try makeFolder(parent)
    }

    private static func makeFolder(_ path: BytePath) throws {
        guard path.withCString({ mkdir($0, 0o755) }) == 0 || errno == EEXIST else {
            throw PortsError.system("make the folder", path.description)
        }
    }

    private static func link(_ from: BytePath, _ to: BytePath) throws {
        // Where it leads in the end: a link of a link would lead nowhere when the first is taken away.
        let real = from.real ?? from
        guard real.withCString({ target in to.withCString { symlink(target, $0) } }) == 0 else {
            throw PortsError.system("link", to.description)
        }
    }

    private static func copy(_ from: BytePath, _ to: BytePath) throws {
        let source = from.withCString { open($0, O_RDONLY | O_CLOEXEC) }
        guard source >= 0 else { throw PortsError.system("read", from.description) }
        defer { close(source) }
        let target = to.withCString { open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644) }
        guard target >= 0 else { throw PortsError.system("write", to.description) }
        defer { close(target) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(source, &buffer, buffer.count)
            guard count >= 0 else { throw PortsError.system("read", from.description) }
            guard count > 0 else { return }
            guard write(target, buffer, count) == count else { throw PortsError.system("write", to.description) }
        }
    }
}
