import Synchronization

/// Digests of files already read, by path, inode, size and modification time, kept in a text file.
package final class DigestCache: Sendable {
    private struct Entry {
        let inode: UInt64
        let size: Int64
        let modifiedNanoseconds: Int64
        let digest: ContentDigest
    }

    private let path: String
    private let files: any FileStore
    private let time: any TimeSource
    private let known: Mutex<[String: Entry]>

    /// Reads what was saved; a damaged or missing cache is an empty one.
    package init(path: String, files: any FileStore = DiskFiles(), time: any TimeSource = SystemTime()) {
        self.path = path
        self.files = files
        self.time = time
        var entries: [String: Entry] = [:]
        let text = (try? files.readText(path)) ?? ""  // only a cache: what cannot be read is computed again
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "\t", maxSplits: 4)
            guard fields.count == 5, let digest = ContentDigest(fields[0]), let inode = UInt64(fields[1]),
                let size = Int64(fields[2]), let modified = Int64(fields[3])
            else { continue }
            entries[String(fields[4])] = Entry(inode: inode, size: size, modifiedNanoseconds: modified, digest: digest)
        }
        known = Mutex(entries)
    }

    func lookup(_ path: String, _ information: FileInformation) -> ContentDigest? {
        guard let entry = known.withLock({ $0[path] }) else { return nil }
        let same =
            entry.inode == information.inode && entry.size == information.size
            && entry.modifiedNanoseconds == information.modifiedNanoseconds
        return same ? entry.digest : nil
    }

    func remember(_ path: String, _ information: FileInformation, _ digest: ContentDigest) {
        // A file changed within the clock's last ticks could change again without a new time: do not trust it
        // yet.
        let age = time.wall().milliseconds - information.modifiedNanoseconds / 1_000_000
        guard age > 2000, !path.contains("\n") else { return }
        let entry = Entry(
            inode: information.inode, size: information.size, modifiedNanoseconds: information.modifiedNanoseconds,
            digest: digest)
        known.withLock { $0[path] = entry }
    }

    package func save() throws {
        let lines = known.withLock { entries in
            entries.map { "\($1.digest)\t\($1.inode)\t\($1.size)\t\($1.modifiedNanoseconds)\t\($0)" }
        }
        try files.writeAtomically(Array((lines.sorted().joined(separator: "\n") + "\n").utf8), to: path)
    }
}
