import Glibc

/// One text a row, one behind the other, to be looked through for a word at once.
struct RowTexts: Sendable {
    private var bytes: [UInt8] = []
    /// Where each row begins, and where the last one ends.
    private var starts: [Int] = [0]

    mutating func reserve(_ count: Int) {
        bytes.reserveCapacity(count * 64)
        starts.reserveCapacity(count + 1)
    }

    /// Adds a text to the row that is being made, in lower case.
    mutating func add(_ text: String) {
        if text.utf8.allSatisfy({ $0 < 128 }) {
            let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
            bytes.append(contentsOf: text.utf8.lazy.map { capitals.contains($0) ? $0 | 0x20 : $0 })
        } else {
            bytes.append(contentsOf: text.lowercased().utf8)
        }
        // Between texts stands what no word has, so that no word is found across two.
        bytes.append(0)
    }

    mutating func endRow() { starts.append(bytes.count) }

    /// Marks the rows in which a word stands.
    ///
    /// - Parameters:
    ///   - word: in lower case.
    ///   - isWhole: only where it is all of a text.
    func find(_ word: String, isWhole: Bool, _ mark: (Int) -> Void) {
        let wanted = Array(word.utf8)
        guard !wanted.isEmpty, !wanted.contains(0), starts.count > 1 else { return }
        bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return }
            var (row, place) = (0, 0)
            while place + wanted.count <= all.count {
                let room = all.count - wanted.count + 1 - place
                guard let hit = memchr(base + place, Int32(wanted[0]), room) else { return }
                let start = UnsafeRawPointer(hit) - base
                let end = start + wanted.count
                place = start + 1
                guard memcmp(hit, wanted, wanted.count) == 0 else { continue }
                let isAll = (start == 0 || all[start - 1] == 0) && (end == all.count || all[end] == 0)
                guard isAll || !isWhole else { continue }
                while starts[row + 1] <= start { row += 1 }
                mark(row)
                place = starts[row + 1]
            }
        }
    }
}
