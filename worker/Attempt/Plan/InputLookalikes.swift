import Ports

/// Places that may hold an input under another name: known by names and sizes of its files, before anything
/// is read.
struct InputLookalikes {
    /// How deep below a named folder, and how many entries, are looked at.
    private static let deepest = 3
    private static let mostEntries = 20_000

    let files: any FileStore

    func find(_ tree: TreeDigest, in places: [String]) -> [String] {
        var found: [String] = []
        var seen = 0
        var waiting = places.map { (path: $0, depth: 0) }
        while !waiting.isEmpty, seen < Self.mostEntries {
            let (path, depth) = waiting.removeFirst()
            guard let information = try? files.information(path) else { continue }  // not readable: not it
            seen += 1
            guard information.isFolder else {
                if !tree.isFolder, information.isRegular, information.size == tree.size { found.append(path) }
                continue
            }
            if tree.isFolder, holds(tree, path) { found.append(path) }
            guard depth < Self.deepest else { continue }
            let names = (try? files.list(path)) ?? []  // not readable: not it
            for name in names where !name.hasPrefix(".") { waiting.append(("\(path)/\(name)", depth + 1)) }
        }
        return found
    }

    private func holds(_ tree: TreeDigest, _ folder: String) -> Bool {
        tree.files.allSatisfy { file in
            // Not readable: not it.
            guard let there = try? files.information("\(folder)/\(file.localPath)") else { return false }
            return there.isRegular && there.size == file.size
        }
    }
}
