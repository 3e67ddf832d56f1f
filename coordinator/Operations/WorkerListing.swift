package import SweepModel

/// The part of a long list of workers that an answer has room for: those that are there come first.
package enum WorkerListing {
    /// Of all the workers of an answer together, in bytes, roughly as they are written.
    package static let limit = 8 << 20

    /// - Returns: the workers to show, in their order, and how many are left out.
    package static func fitting(_ workers: [WorkerSummary], limit: Int = limit) -> (shown: [WorkerSummary], left: Int) {
        let sizes = workers.map(size)
        guard sizes.reduce(0, +) > limit else { return (workers, 0) }
        let isGone = workers.map { $0.jobs.isEmpty && ["gone", "silent", "stopped"].contains($0.state) }
        var room = limit
        var isShown = [Bool](repeating: false, count: workers.count)
        for index in workers.indices.filter({ !isGone[$0] }) + workers.indices.filter({ isGone[$0] }) {
            guard sizes[index] <= room else { continue }
            room -= sizes[index]
            isShown[index] = true
        }
        let shown = zip(workers, isShown).filter(\.1).map(\.0)
        return (shown, workers.count - shown.count)
    }

    private static func size(_ worker: WorkerSummary) -> Int {
        // Every character of a text may have to be written as an escape of six.
        let texts = worker.labels.reduce(worker.name.utf8.count) { $0 + $1.key.utf8.count + $1.value.utf8.count + 8 }
        let gpus = (worker.gpuDevices ?? []).reduce(0) { $0 + $1.name.utf8.count + $1.uuid.utf8.count + 24 }
        return 512 + 6 * (texts + gpus) + 72 * worker.jobs.count
    }

    static func notice(_ left: Int) -> String? {
        left == 0
            ? nil
            : "\(left) workers are not listed, most of them gone; `radiata workers forget WORKER` removes what does not come back"
    }
}
