import Glibc
package import RunSpec

/// The files of a match: the file itself, or all files of a folder, links followed.
package struct MatchContents: Sendable {
    struct File: Sendable {
        let path: BytePath
        /// Begins with the match's own name.
        let name: String
        let size: Int64
        let modified: Int64
        let inode: UInt64
    }

    /// What is left out, and why.
    package struct Trouble: Sendable {
        package let kind: AttemptNotice.Kind
        package let detail: String
    }

    private(set) var files: [File] = []
    private(set) var troubles: [Trouble] = []
    private(set) var inode: UInt64 = 0
    /// Files beside the match that belong to it.
    private(set) var company: [File] = []
    /// One of those is not there.
    private(set) var lacks = false
    private let root: BytePath

    /// - Parameters:
    ///   - root: the attempt's folder, canonical: folders are taken from inside it only.
    ///   - with: names of files beside the match that belong to it.
    init(of match: BytePath, root: BytePath, with: [String] = []) {
        self.root = root
        guard let status = follow(match) else { return }
        inode = UInt64(status.st_ino)
        if status.isFolder {
            walk(match, FileName.text(match.name), above: [Self.identity(status)])
        } else {
            add(match, FileName.text(match.name), status)
        }
        guard !with.isEmpty, let newest = files.map(\.modified).max() else { return }
        for name in with {
            let path = match.parent.appending(Array(name.utf8))
            // Written after the match: an older one is that of the checkpoint before.
            guard let status = follow(path), status.isRegular, status.modified >= newest else {
                lacks = true
                continue
            }
            add(path, name, status)
            if let file = files.last { company.append(file) }
        }
    }

    /// Whether those beside it are written to their end, as far as their formats tell.
    var isCompanyWhole: Bool { company.allSatisfy { FileNumbers.isWhole($0.path) ?? true } }

    /// Changes whenever a file below changes, comes or goes.
    var signature: [String] { files.map { "\($0.name) \($0.inode) \($0.size) \($0.modified)" } }

    private mutating func walk(_ folder: BytePath, _ prefix: String, above: [[UInt64]]) {
        for name in folder.names() {
            let path = folder.appending(name)
            guard let status = follow(path) else { continue }
            let shown = prefix + "/" + FileName.text(name)
            guard status.isFolder else {
                add(path, shown, status)
                continue
            }
            let identity = Self.identity(status)
            if above.contains(identity) {
                troubles.append(
                    Trouble(kind: .checkpointLink, detail: "\(path) is a link to a folder above itself; it is left out")
                )
            } else if above.count < 64 {
                walk(path, shown, above: above + [identity])
            }
        }
    }

    private mutating func add(_ path: BytePath, _ name: String, _ status: stat) {
        guard status.isRegular else {
            troubles.append(
                Trouble(
                    kind: .checkpointSpecial,
                    detail: "\(path) is a pipe, socket or device; only files and folders are taken"))
            return
        }
        files.append(
            File(
                path: path, name: name, size: Int64(status.st_size), modified: status.modified,
                inode: UInt64(status.st_ino)))
    }

    /// Where the path leads in the end, if that may be taken.
    private mutating func follow(_ path: BytePath) -> stat? {
        guard let own = path.status(followsLinks: false) else { return nil }
        guard own.isLink else { return own }
        guard let status = path.status() else {
            troubles.append(
                Trouble(kind: .checkpointLink, detail: "\(path) is a link that leads nowhere; it is left out"))
            return nil
        }
        guard status.isFolder else { return status }
        guard let real = path.real, real == root || real.isBelow(root) else {
            troubles.append(
                Trouble(
                    kind: .checkpointLink,
                    detail: "\(path) is a link to a folder outside {out}; save into {out}, or link single files"))
            return nil
        }
        return status
    }

    private static func identity(_ status: stat) -> [UInt64] { [UInt64(status.st_dev), UInt64(status.st_ino)] }
}
