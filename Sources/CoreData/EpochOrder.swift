import CoreTensor

/// Which images each step trains on: every epoch visits each image `repeats` times in an order of its own.
///
/// A pure function of (seed, step), so a resumed run continues exactly where the other stopped. The last batch of an
/// epoch may be short.
package struct EpochOrder: Sendable {
    package let batch: Int
    package let stepsPerEpoch: Int
    private let seed: UInt64
    private let visits: [Int]

    /// - Parameter repeats: visits per epoch of each image.
    package init(repeats: [Int], batch: Int, seed: UInt64) {
        precondition(batch > 0 && !repeats.isEmpty, "batches of \(batch) from \(repeats.count) images")
        self.batch = batch
        self.seed = seed
        visits = repeats.enumerated().flatMap { Array(repeating: $0.offset, count: $0.element) }
        stepsPerEpoch = (visits.count + batch - 1) / batch
    }

    package func epoch(of step: Int) -> Int { step / stepsPerEpoch }

    /// Image indices of one step, counted from 0 over all epochs.
    package func indices(step: Int) -> [Int] {
        var order = visits
        var stream = RandomStream(seed: seed, purpose: "epoch order", step: epoch(of: step))
        stream.shuffle(&order)
        let first = step % stepsPerEpoch * batch
        return Array(order[first..<min(first + batch, order.count)])
    }
}
