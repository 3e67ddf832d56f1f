import Ports
import RunSpec
import SweepModel

/// Jobs that wait, best first: one heap for each kind of needs. Removal is lazy: what stands in a heap counts
/// only while its job waits and it is the newest of its job.
///
/// There may be a million, so a job takes 32 bytes of a heap and one bit; what few have stands beside.
struct ReadyQueue: Sendable {
    struct Entry: Sendable, Equatable {
        var row: Int64
        var priority: Int
        var avoid: WorkerID?
        /// Among equal priorities the lowest goes first: the job's row, or for one that had its turns the
        /// last place there was, behind the job whose own it is.
        let place: Int64
        let isLate: Bool
        /// Since when jobs behind it were given room on a worker that has what it needs, but not now.
        fileprivate(set) var passedSince: MonotonicTime?

        /// - Parameter lastPlace: of those who wait, for a job that had its turns: it goes behind them all.
        init(row: Int64, priority: Int, avoid: WorkerID?, behind lastPlace: Int64? = nil) {
            self.row = row
            self.priority = priority
            self.avoid = avoid
            place = max(row, lastPlace ?? row)
            isLate = lastPlace != nil
        }

        fileprivate init(_ slot: Slot, avoid: WorkerID?, passedSince: MonotonicTime?) {
            (row, priority, self.avoid) = (slot.row, slot.priority, avoid)
            (place, isLate) = (slot.order >> 1, slot.order & 1 == 1)
            self.passedSince = passedSince
        }
    }

    /// An entry as it stands in a heap.
    fileprivate struct Slot: Sendable {
        let row: Int64
        let priority: Int
        /// Twice the place, and one more for a late one: the newest job's own place is the last one too, so
        /// that a job had its turns does not follow from its place.
        let order: Int64
        let stamp: UInt64

        func isBefore(_ other: Slot) -> Bool {
            if priority != other.priority { return priority > other.priority }
            return order != other.order ? order < other.order : stamp < other.stamp
        }
    }

    /// A job that may be granted, and what it needs of a worker.
    typealias Candidate = (entry: Entry, needs: RequirementSpec)

    private var heaps: [RequirementSpec: [Slot]] = [:]
    private var waiting = RowSet()
    /// The newest stamp of jobs that have older slots too; 0 for one that was removed.
    private var newest: [Int64: UInt64] = [:]
    private var avoids: [Int64: WorkerID] = [:]
    private var passedSince: [Int64: MonotonicTime] = [:]
    private var lastStamp: UInt64 = 0
    /// The last place ever given: nobody who waits stands behind it.
    private(set) var lastPlace: Int64 = 0

    var count: Int { waiting.count }
    var isEmpty: Bool { waiting.isEmpty }
    func contains(_ row: Int64) -> Bool { waiting.contains(row) }

    mutating func insert(_ entry: Entry, needs: RequirementSpec) {
        lastStamp += 1
        if !waiting.insert(entry.row) || newest[entry.row] != nil { newest[entry.row] = lastStamp }
        if entry.avoid != nil || !avoids.isEmpty { avoids[entry.row] = entry.avoid }
        if entry.passedSince != nil || !passedSince.isEmpty { passedSince[entry.row] = entry.passedSince }
        lastPlace = max(lastPlace, entry.place)
        push(
            Slot(
                row: entry.row, priority: entry.priority, order: entry.place << 1 | (entry.isLate ? 1 : 0),
                stamp: lastStamp), needs)
    }

    mutating func remove(_ row: Int64) {
        guard waiting.remove(row) else { return }
        newest[row] = 0
        avoids[row] = nil
        passedSince[row] = nil
        forgetIfEmpty()
    }

    /// Where nobody waits, no slot counts.
    private mutating func forgetIfEmpty() {
        guard isEmpty else { return }
        (heaps, newest) = ([:], [:])
    }

    /// A worker that asks for jobs.
    struct Asking {
        let worker: WorkerID
        let offer: WorkerOffer
        /// What of it is free.
        var capacity: WorkerCapacity
        /// Most jobs that it gets.
        let most: Int
        let now: MonotonicTime
        /// For how long a job may be passed over for lack of room before a worker is kept for it.
        let patience: Duration
    }

    /// Takes the best jobs that have room on a worker. A job that has none just now lets those behind it
    /// pass, for so long; then nothing that it could use is given away any more on one worker.
    ///
    /// - Parameters:
    ///   - avoids: whether an entry's wish for another worker counts: whether another fitting one is
    ///     connected.
    ///   - hasRoomier: whether another fitting worker has GPUs with the memory that such jobs use.
    ///   - keeps: whether this worker is kept for the job of this row, which was passed over for too long.
    mutating func take(
        _ asking: Asking, avoids: (RequirementSpec) -> Bool, hasRoomier: (RequirementSpec) -> Bool = { _ in false },
        keeps: (Int64, RequirementSpec) -> Bool
    ) -> [Candidate] {
        guard asking.most > 0, !isEmpty else { return [] }
        let offer = asking.offer
        var capacity = asking.capacity
        var fitting = heaps.keys.filter { needs in
            guard offer.meets(needs) else { return false }
            return needs.expectedGPUMemory == nil || offer.holdsExpected(needs) || !hasRoomier(needs)
        }
        var taken: [(Entry, RequirementSpec)] = []
        var avoided: [(Slot, RequirementSpec)] = []
        var roomless: [RequirementSpec] = []
        while taken.count < asking.most, capacity.slots > 0 {
            var best: RequirementSpec?
            for needs in fitting {
                guard let top = top(needs) else { continue }
                if let known = best.flatMap({ heaps[$0]?.first }), !top.isBefore(known) { continue }
                best = needs
            }
            guard let best, let slot = heaps[best]?.first else { break }
            let row = slot.row
            if !self.avoids.isEmpty, self.avoids[row] == asking.worker, avoids(best) {
                _ = pop(best)
                avoided.append((slot, best))
                continue
            }
            guard let left = capacity.taking(best, of: offer) else {
                fitting.removeAll { $0 == best }
                roomless.append(best)
                if let since = passedSince[row], asking.now - since >= asking.patience, keeps(row, best) {
                    capacity = capacity.keeping(best, of: offer)
                }
                continue
            }
            _ = pop(best)
            waiting.remove(row)
            taken.append(
                (
                    Entry(
                        slot, avoid: self.avoids.removeValue(forKey: row),
                        passedSince: passedSince.removeValue(forKey: row)), best
                ))
            capacity = left
            // Only the first of each kind is looked at, so only its time counts.
            for needs in roomless {
                guard let first = heaps[needs]?.first, passedSince[first.row] == nil else { continue }
                passedSince[first.row] = asking.now
            }
            roomless = []
        }
        for (slot, needs) in avoided { push(slot, needs) }
        forgetIfEmpty()
        return taken
    }

    /// The heap's first slot that still counts.
    private mutating func top(_ needs: RequirementSpec) -> Slot? {
        while let first = heaps[needs]?.first {
            if waiting.contains(first.row), newest[first.row].map({ $0 == first.stamp }) ?? true { return first }
            _ = pop(needs)
        }
        return nil
    }

    private mutating func push(_ slot: Slot, _ needs: RequirementSpec) {
        // Taken out of the dictionary while it is changed, so that it is not copied.
        var heap = heaps.removeValue(forKey: needs) ?? []
        heap.append(slot)
        var index = heap.count - 1
        while index > 0, heap[index].isBefore(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
        heaps[needs] = heap
    }

    private mutating func pop(_ needs: RequirementSpec) -> Slot? {
        guard var heap = heaps.removeValue(forKey: needs), let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var index = 0
            while true {
                var child = 2 * index + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
                guard heap[child].isBefore(heap[index]) else { break }
                heap.swapAt(child, index)
                index = child
            }
            heaps[needs] = heap
        }
        return first
    }
}

/// Rows of the ledger, a bit each: they are numbered from 1 without great gaps.
struct RowSet: Sendable {
    private var words: [UInt64] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    func contains(_ row: Int64) -> Bool {
        let (word, bit) = Self.place(row)
        return word < words.count && words[word] & bit != 0
    }

    /// - Returns: whether it was not in the set.
    @discardableResult
    mutating func insert(_ row: Int64) -> Bool {
        let (word, bit) = Self.place(row)
        if word >= words.count {
            words.append(contentsOf: repeatElement(0, count: max(word + 1, words.count * 2) - words.count))
        }
        guard words[word] & bit == 0 else { return false }
        words[word] |= bit
        count += 1
        return true
    }

    /// - Returns: whether it was in the set.
    @discardableResult
    mutating func remove(_ row: Int64) -> Bool {
        guard contains(row) else { return false }
        let (word, bit) = Self.place(row)
        words[word] &= ~bit
        count -= 1
        return true
    }

    private static func place(_ row: Int64) -> (word: Int, bit: UInt64) { (Int(row >> 6), 1 << UInt64(row & 63)) }
}
