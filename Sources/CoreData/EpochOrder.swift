import CoreTensor

/// Which images each step trains on: every epoch visits each image `repeats` times in an order of its own.
///
/// A pure function of (seed, step), so a resumed run continues exactly where the other stopped. A batch holds
/// images of one group (of one size) only; the last batch of a group may be short.
package struct EpochOrder: Sendable {
    package let batch: Int
    package let stepsPerEpoch: Int
    private let seed: UInt64
    /// Visits of each group.
    private let groups: [[Int]]

    /// - Parameter repeats: visits per epoch of each image.
    package init(repeats: [Int], batch: Int, seed: UInt64) {
        let visits = repeats.enumerated().flatMap { Array(repeating: $0.offset, count: $0.element) }
        self.init(groups: [visits], batch: batch, seed: seed)
    }

    /// - Parameter groups: for each group the images that an epoch visits, with repetitions.
    package init(groups: [[Int]], batch: Int, seed: UInt64) {
        let groups = groups.filter { !$0.isEmpty }
        precondition(batch > 0 && !groups.isEmpty, "batches of \(batch) from no images")
        self.batch = batch
        self.seed = seed
        self.groups = groups
        stepsPerEpoch = groups.reduce(0) { $0 + ($1.count + batch - 1) / batch }
    }

    /// The epoch of a step, both counted from 0.
    package func epoch(of step: Int) -> Int { step / stepsPerEpoch }

    /// Image indices of one step, counted from 0 over all epochs.
    package func indices(step: Int) -> [Int] {
        let epoch = epoch(of: step)
        if groups.count == 1 { return part(step % stepsPerEpoch, of: shuffled(0, epoch)) }
        // The batches of all groups are mixed.
        var places = groups.indices.flatMap { group in
            (0..<(groups[group].count + batch - 1) / batch).map { (group: group, part: $0) }
        }
        var stream = RandomStream(seed: seed, purpose: "batch order", step: epoch)
        stream.shuffle(&places)
        let place = places[step % stepsPerEpoch]
        return part(place.part, of: shuffled(place.group, epoch))
    }

    private func shuffled(_ group: Int, _ epoch: Int) -> [Int] {
        var order = groups[group]
        var stream = RandomStream(seed: seed, purpose: "epoch order", step: epoch, item: group)
        stream.shuffle(&order)
        return order
    }

    private func part(_ index: Int, of order: [Int]) -> [Int] {
        Array(order[index * batch..<min((index + 1) * batch, order.count)])
    }
}
