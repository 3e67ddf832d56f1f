import Glibc
import RunSpec

/// Files below a folder, by name. Links to folders are not followed.
package struct FolderFiles: Sendable {
    /// Most files of one source, names looked at, and depth.
    package static let mostFiles = 1024
    private static let mostNames = 100_000
    private static let deepest = 16

    /// Paths in the order in which they were begun, as far as their names tell.
    package private(set) var paths: [String] = []
    /// There are more than are looked at.
    package private(set) var isCut = false
    private var names = 0

    /// - Parameters:
    ///   - path: a folder, or one file, which counts whatever its name is.
    ///   - besides: folders that are not entered.
    package init(_ path: String, besides: [String] = [], isName: (String) -> Bool) {
        var status = stat()
        let path = path.hasSuffix("/") ? String(path.reversed().drop { $0 == "/" }.reversed()) : path
        guard stat(LocalPath.terminated(path), &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            enter(path, 0, besides, isName)
            paths.sort { Self.order($0, $1) }
        } else {
            paths = [path]
        }
    }

    private mutating func enter(_ folder: String, _ depth: Int, _ besides: [String], _ isName: (String) -> Bool) {
        guard depth <= Self.deepest, !besides.contains(folder) else { return }
        guard let stream = opendir(LocalPath.terminated(folder)) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            guard names < Self.mostNames, paths.count < Self.mostFiles else {
                isCut = true
                return
            }
            names += 1
            let name = withUnsafeBytes(of: entry.pointee.d_name) { LocalPath.text($0.prefix { $0 != 0 }) }
            guard name != ".", name != ".." else { continue }
            let path = "\(folder)/\(name)"
            switch Int(entry.pointee.d_type) {
            case Int(DT_DIR): enter(path, depth + 1, besides, isName)
            case Int(DT_REG): if isName(name) { paths.append(path) }
            // A link to a file counts; some file systems do not tell the kind.
            case Int(DT_LNK), Int(DT_UNKNOWN):
                var status = stat()
                guard lstat(LocalPath.terminated(path), &status) == 0 else { continue }
                let isLink = status.st_mode & S_IFMT == S_IFLNK
                if !isLink, status.st_mode & S_IFMT == S_IFDIR { enter(path, depth + 1, besides, isName) }
                if isLink { guard stat(LocalPath.terminated(path), &status) == 0 else { continue } }
                if status.st_mode & S_IFMT == S_IFREG, isName(name) { paths.append(path) }
            default: break
            }
        }
    }

    /// By the first long number in the name, which is the time in `events.out.tfevents.TIME.HOST` and
    /// `run-20260101_…`; then by the path.
    private static func order(_ left: String, _ right: String) -> Bool {
        let (a, b) = (time(left), time(right))
        return a == b ? left.utf8.lexicographicallyPrecedes(right.utf8) : a < b
    }

    private static func time(_ path: String) -> UInt64 {
        let name: Substring = path.split(separator: "/").last ?? ""
        let digits = name.split { !("0"..."9").contains($0) }.first { $0.count >= 8 }
        return digits.flatMap { UInt64(String($0)) } ?? 0
    }
}
