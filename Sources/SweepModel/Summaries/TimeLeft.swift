/// How long a sweep will still take, from how long its jobs took so far.
package struct TimeLeft: Codable, Sendable, Equatable {
    /// Seconds, with the bounds of a 90 % interval.
    package var seconds: Double
    package var low: Double
    package var high: Double

    package init(seconds: Double, low: Double, high: Double) {
        self.seconds = seconds
        self.low = low
        self.high = high
    }

    /// - Parameters:
    ///   - took: seconds of jobs that were done lately.
    ///   - running: seconds since the jobs that run now began.
    ///   - waiting: jobs that wait.
    /// - Returns: nil where nothing was done yet, or nothing runs.
    package init?(took: [Double], running: [Double], waiting: Int) {
        guard !took.isEmpty, !running.isEmpty else { return nil }
        let n = Double(took.count)
        // Nothing takes no time at all; a clock of milliseconds may say so.
        let mean = max(took.reduce(0, +) / n, 1e-3)
        // One job tells nothing about the spread: then as wide as the time itself.
        let variance =
            took.count > 1 ? took.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1) : mean * mean
        let slots = Double(running.count)
        // A job that takes longer than they do on average is taken to go on for a tenth of it.
        let left = running.map { max(mean - $0, 0.1 * mean) }
        let work = Double(waiting) * mean + left.reduce(0, +)
        // At the end slots stand idle one after the other: longer where the jobs are unequal, and by chance.
        let isQueued = waiting > 0
        let tail = isQueued ? (slots - 1) / (2 * slots) * mean * (1 + variance / (mean * mean)) : 0
        let jobs = Double(waiting) + slots
        let ofWork = (jobs * variance + jobs * jobs * variance / n) / (slots * slots)
        let ofTail = isQueued ? tail * tail / 3 + variance * (slots - 1) / slots : 0
        // Student's 95 % quantile, near enough: few jobs tell little of their own spread.
        let spread = 1.6449 * (1 + 1.2 / max(1, n - 1)) * (ofWork + ofTail).squareRoot()
        seconds = max(work / slots + tail, isQueued ? 0 : left.max() ?? 0)
        low = max(0, seconds - spread)
        high = seconds + spread
    }
}
