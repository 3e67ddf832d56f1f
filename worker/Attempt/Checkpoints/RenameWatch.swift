import Glibc
import Synchronization

/// Which files and folders were renamed into place, as the kernel tells it (inotify, `IN_MOVED_TO`).
///
/// What was renamed before its folder was watched is not known to have been, and neither is anything where
/// there is no inotify: then the other rules decide.
final class RenameWatch: Sendable {
    private struct State {
        var folders: [Int32: BytePath] = [:]
        var watched: Set<BytePath> = []
        /// Paths and the inode that each had when it was moved there.
        var moved: [BytePath: UInt64] = [:]
    }

    /// Folders watched for one attempt at most.
    private static let mostFolders = 1000

    private let descriptor: Int32
    private let root: BytePath
    private let patterns: [[[UInt8]]]
    private let state = Mutex(State())

    /// - Parameters:
    ///   - root: the attempt's folder; nothing outside is watched.
    ///   - globs: patterns whose matches are asked for; the folders that may hold some are watched.
    init(root: BytePath, globs: [String]) {
        self.root = root
        let slash = UInt8(ascii: "/")
        // Below the root, which may itself hold letters that are escaped in a pattern.
        let prefix = Array((PathPattern.escaped(String(decoding: root.bytes, as: UTF8.self)) + "/").utf8)
        patterns = globs.compactMap { glob in
            let bytes = Array(glob.utf8)
            guard bytes.starts(with: prefix) else { return nil }
            return bytes[prefix.count...].split(separator: slash).map(Array.init)
        }
        descriptor = patterns.isEmpty ? -1 : inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        look()
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Reads what happened and watches folders that are new.
    func look() {
        guard descriptor >= 0 else { return }
        state.withLock { state in
            read(&state)
            for pattern in patterns { watch(root, pattern[...], &state) }
        }
    }

    func wasMoved(_ path: BytePath, inode: UInt64) -> Bool { state.withLock { $0.moved[path] == inode } }

    private func watch(_ folder: BytePath, _ pattern: ArraySlice<[UInt8]>, _ state: inout State) {
        guard let first = pattern.first, state.watched.count < Self.mostFolders else { return }
        if !state.watched.contains(folder) {
            let mask = UInt32(IN_MOVED_TO) | UInt32(IN_ONLYDIR)
            let watch = folder.withCString { inotify_add_watch(descriptor, $0, mask) }
            guard watch >= 0 else { return }
            state.watched.insert(folder)
            state.folders[watch] = folder
        }
        guard pattern.count > 1 else { return }
        for name in folder.names() {
            let inner = folder.appending(name)
            let isMatch = BytePath(first).withCString { pattern in
                BytePath(name).withCString { fnmatch(pattern, $0, FNM_PERIOD) == 0 }
            }
            if isMatch, inner.status(followsLinks: false)?.isFolder == true {
                watch(inner, pattern.dropFirst(), &state)
            }
        }
    }

    private func read(_ state: inout State) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            var place = 0
            let head = MemoryLayout<inotify_event>.size
            while place + head <= count {
                let event = buffer.withUnsafeBytes {
                    $0.loadUnaligned(fromByteOffset: place, as: inotify_event.self)
                }
                let name = buffer[(place + head)..<min(count, place + head + Int(event.len))].prefix { $0 != 0 }
                if event.mask & UInt32(IN_MOVED_TO) != 0, let folder = state.folders[event.wd] {
                    let path = folder.appending(Array(name))
                    if let status = path.status(followsLinks: false) { state.moved[path] = UInt64(status.st_ino) }
                }
                place += head + Int(event.len)
            }
        }
    }
}
