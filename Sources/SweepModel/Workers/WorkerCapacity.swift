package import RunSpec

/// What of a worker is free: slots, and places on its GPUs.
///
/// Coordinator and worker ask this same value: the one whether a job fits, the other which GPUs it gets.
package struct WorkerCapacity: Equatable, Sendable {
    package var slots: Int
    /// Positions in the worker's list of GPUs. One that several attempts may share stands once for each that
    /// has room on it.
    package var gpus: [Int]

    package init(slots: Int, gpus: [Int] = []) {
        self.slots = slots
        self.gpus = gpus
    }

    /// The GPUs that a job with these needs gets: those that hold what such jobs were seen to use, of them
    /// the smallest, of equal ones those that fewest share.
    ///
    /// - Returns: positions, in ascending order; nil where slots or GPUs do not suffice now.
    package func pick(_ needs: RequirementSpec, of offer: WorkerOffer) -> [Int]? {
        guard slots >= offer.slotCost(needs) else { return nil }
        let count = offer.gpuCount(needs)
        guard count > 0 else { return [] }
        let places = gpus.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        let devices = offer.devices
        let fitting = places.keys.filter { devices.indices.contains($0) && devices[$0].meets(needs) }
        guard fitting.count >= count else { return nil }
        let best = fitting.sorted { a, b in
            let (holdsA, holdsB) = (devices[a].holdsExpected(needs), devices[b].holdsExpected(needs))
            if holdsA != holdsB { return holdsA }
            if devices[a].memory != devices[b].memory { return devices[a].memory < devices[b].memory }
            if places[a] != places[b] { return places[a] ?? 0 > places[b] ?? 0 }
            return a < b
        }
        return best.prefix(count).sorted()
    }

    /// What is left when a job with these needs has what it gets; nil where it does not fit now.
    package func taking(_ needs: RequirementSpec, of offer: WorkerOffer) -> WorkerCapacity? {
        guard let picked = pick(needs, of: offer) else { return nil }
        var left = self
        left.slots -= offer.slotCost(needs)
        for position in picked {
            if let index = left.gpus.firstIndex(of: position) { left.gpus.remove(at: index) }
        }
        return left
    }

    /// What others may have while everything is kept that a job with these needs could use.
    package func keeping(_ needs: RequirementSpec, of offer: WorkerOffer) -> WorkerCapacity {
        var left = self
        left.slots -= min(left.slots, offer.slotCost(needs))
        if offer.gpuCount(needs) > 0 {
            left.gpus.removeAll { offer.devices.indices.contains($0) && offer.devices[$0].meets(needs) }
        }
        return left
    }
}
