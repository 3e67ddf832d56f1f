import Ports
import RunSpec
import SweepModel

/// Jobs that wait, best first: one heap for each kind of needs. Removal is lazy: an entry counts only while
/// its job's stamp is the newest.
struct ReadyQueue: Sendable {
    struct Entry: Sendable, Equatable {
        var row: Int64
        var priority: Int
        var avoid: WorkerID?
        /// Among equal priorities the lowest goes first: the job's row, or for one that had its turns the
        /// last place there was, behind the job whose own it is.
        var place: Int64
        private let isLate: Bool
        fileprivate var stamp: UInt64
        /// Since when jobs behind it were given room on a worker that has what it needs, but not now.
        fileprivate(set) var passedSince: MonotonicTime?

        /// - Parameter lastPlace: of those who wait, for a job that had its turns: it goes behind them all.
        init(row: Int64, priority: Int, avoid: WorkerID?, behind lastPlace: Int64? = nil) {
            self.row = row
            self.priority = priority
            self.avoid = avoid
            place = max(row, lastPlace ?? row)
            isLate = lastPlace != nil
            stamp = 0
        }

        fileprivate func isBefore(_ other: Entry) -> Bool {
            if priority != other.priority { return priority > other.priority }
            if place != other.place { return place < other.place }
            // The newest job's own place is the last one too: that it had its turns must be said, it does not
            // follow.
            if isLate != other.isLate { return other.isLate }
            return stamp < other.stamp
        }
    }

    /// A job that may be granted, and what it needs of a worker.
    typealias Candidate = (entry: Entry, needs: RequirementSpec)

    private var heaps: [RequirementSpec: [Entry]] = [:]
    /// The newest stamp of each job that waits.
    private var places: [Int64: UInt64] = [:]
    private var lastStamp: UInt64 = 0
    /// The last place ever given: nobody who waits stands behind it.
    private(set) var lastPlace: Int64 = 0

    var count: Int { places.count }
    var isEmpty: Bool { places.isEmpty }
    func contains(_ row: Int64) -> Bool { places[row] != nil }

    mutating func insert(_ entry: Entry, needs: RequirementSpec) {
        lastStamp += 1
        var entry = entry
        entry.stamp = lastStamp
        places[entry.row] = lastStamp
        lastPlace = max(lastPlace, entry.place)
        push(entry, needs)
    }

    mutating func remove(_ row: Int64) { places[row] = nil }

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
        guard asking.most > 0, !places.isEmpty else { return [] }
        let offer = asking.offer
        var capacity = asking.capacity
        var fitting = heaps.keys.filter { needs in
            guard offer.meets(needs) else { return false }
            return needs.expectedGPUMemory == nil || offer.holdsExpected(needs) || !hasRoomier(needs)
        }
        var taken: [(Entry, RequirementSpec)] = []
        var avoided: [(Entry, RequirementSpec)] = []
        var roomless: [RequirementSpec] = []
        while taken.count < asking.most, capacity.slots > 0 {
            var best: RequirementSpec?
            for needs in fitting {
                guard let top = top(needs) else { continue }
                if let known = best.flatMap({ heaps[$0]?.first }), !top.isBefore(known) { continue }
                best = needs
            }
            guard let best, let entry = heaps[best]?.first else { break }
            if entry.avoid == asking.worker, avoids(best) {
                _ = pop(best)
                avoided.append((entry, best))
                continue
            }
            guard let left = capacity.taking(best, of: offer) else {
                fitting.removeAll { $0 == best }
                roomless.append(best)
                if let since = entry.passedSince, asking.now - since >= asking.patience, keeps(entry.row, best) {
                    capacity = capacity.keeping(best, of: offer)
                }
                continue
            }
            _ = pop(best)
            places[entry.row] = nil
            taken.append((entry, best))
            capacity = left
            // Only the first of each kind is looked at, so only its time counts.
            for needs in roomless where heaps[needs]?.first?.passedSince == nil {
                heaps[needs]?[0].passedSince = asking.now
            }
            roomless = []
        }
        for (entry, needs) in avoided { push(entry, needs) }
        return taken
    }

    /// The heap's first entry that still counts.
    private mutating func top(_ needs: RequirementSpec) -> Entry? {
        while let first = heaps[needs]?.first {
            if places[first.row] == first.stamp { return first }
            _ = pop(needs)
        }
        return nil
    }

    private mutating func push(_ entry: Entry, _ needs: RequirementSpec) {
        // Taken out of the dictionary while it is changed, so that it is not copied.
        var heap = heaps.removeValue(forKey: needs) ?? []
        heap.append(entry)
        var index = heap.count - 1
        while index > 0, heap[index].isBefore(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
        heaps[needs] = heap
    }

    private mutating func pop(_ needs: RequirementSpec) -> Entry? {
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
