import RunSpec

/// Which matches of an attempt were taken, under which names, and what they were then. Kept as lines in the
/// spool's `seen`.
struct CheckpointMemory: Sendable {
    struct Key: Hashable, Sendable {
        let isState: Bool
        let path: BytePath
    }

    struct Taken: Sendable {
        var name: String
        /// Of its contents when it was taken.
        var signature: String
        var inode: UInt64
        var step: Int
    }

    private static let mark = "match"

    private(set) var taken: [Key: Taken] = [:]
    private var lines = 0

    /// - Parameter seen: everything the spool remembers, in any order.
    init(_ seen: Set<String>) {
        var newest: [Key: Int] = [:]
        for line in seen {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == 8, fields[0] == Self.mark, let number = Int(fields[1]), let step = Int(fields[5]),
                let inode = UInt64(fields[6])
            else { continue }
            let key = Key(isState: fields[2] == "state", path: BytePath(FileName.bytes(fields[7])))
            lines = max(lines, number)
            guard newest[key] ?? 0 < number else { continue }
            newest[key] = number
            taken[key] = Taken(name: fields[3], signature: fields[4], inode: inode, step: step)
        }
    }

    /// - Returns: the line to remember.
    mutating func take(_ key: Key, _ found: Taken) -> String {
        lines += 1
        taken[key] = found
        let kind = key.isState ? "state" : "adapter"
        return "\(Self.mark) \(lines) \(kind) \(found.name) \(found.signature) \(found.step) \(found.inode) "
            + FileName.key(key.path.bytes)
    }

    /// The largest step that was saved.
    var largestStep: Int { taken.values.map(\.step).max() ?? 0 }

    /// The name that another path has already.
    func isUsed(_ name: String, besides key: Key) -> Bool { taken.contains { $0.key != key && $0.value.name == name } }
}
