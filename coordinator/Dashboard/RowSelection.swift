/// Finds a page of sorted rows without sorting all of them.
enum RowSelection {
    struct Entry: Sendable {
        var key: UInt64
        var row: Int

        static func < (a: Entry, b: Entry) -> Bool { a.key == b.key ? a.row < b.row : a.key < b.key }
    }

    /// Brings the entries of a part to where they would stand if all were sorted (Hoare 1961, "Find"). Takes
    /// time in proportion to the entries.
    ///
    /// - Parameters:
    ///   - entries: none twice.
    ///   - part: within them.
    static func sort(_ entries: inout [Entry], part: Range<Int>) {
        entries.withUnsafeMutableBufferPointer { sort($0, 0..<$0.count, part) }
    }

    private static func sort(_ entries: UnsafeMutableBufferPointer<Entry>, _ range: Range<Int>, _ part: Range<Int>) {
        var (range, part) = (range, part)
        while range.count > 64, range.count > 2 * part.count {
            let middle = split(entries, range)
            if part.upperBound <= middle {
                range = range.lowerBound..<middle
                continue
            }
            if part.lowerBound < middle {
                sort(entries, range.lowerBound..<middle, part.lowerBound..<middle)
                part = middle..<part.upperBound
            }
            range = middle..<range.upperBound
        }
        entries[range].sort { $0 < $1 }
    }

    /// - Returns: a place before which no entry is larger than any behind it, with entries on both sides.
    private static func split(_ entries: UnsafeMutableBufferPointer<Entry>, _ range: Range<Int>) -> Int {
        let last = range.upperBound - 1
        let ends = [entries[range.lowerBound], entries[(range.lowerBound + last) / 2], entries[last]].sorted { $0 < $1 }
        let pivot = ends[1]
        var (low, high) = (range.lowerBound, last)
        while low <= high {
            while entries[low] < pivot { low += 1 }
            while pivot < entries[high] { high -= 1 }
            guard low <= high else { break }
            entries.swapAt(low, high)
            low += 1
            high -= 1
        }
        return low
    }
}
