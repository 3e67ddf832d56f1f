package import Ports
import RunSpec

/// How long finished jobs like those of a sweep took.
package struct EarlierRuns: Codable, Equatable, Sendable {
    /// How many they are.
    package var runs: Int
    /// Median over the runs, with everything: training, evaluation, resumed attempts.
    package var secondsPerJob: Double
    /// The same for each epoch, where all of them have a number of epochs.
    package var secondsPerEpoch: Double?
    /// Whether they had the same data set too.
    package var isSameData: Bool
    /// Median of what is kept of their checkpoints, in bytes; nil where none is.
    package var bytesPerJob: Double?
    /// Standard deviation over the mean, of seconds for each epoch where all runs have epochs, else for each
    /// job; nil for a single run, and from a coordinator of before.
    package var deviation: Double?

    package init(
        runs: Int, secondsPerJob: Double, secondsPerEpoch: Double?, isSameData: Bool, deviation: Double? = nil,
        bytesPerJob: Double? = nil
    ) {
        self.bytesPerJob = bytesPerJob
        self.runs = runs
        self.secondsPerJob = secondsPerJob
        self.secondsPerEpoch = secondsPerEpoch
        self.isSameData = isSameData
        self.deviation = deviation
    }

    /// One finished job.
    package struct Run: Equatable, Sendable {
        package var seconds: Double
        package var epochs: Double?
        package var isSameData: Bool
        /// Kept of its checkpoints; 0 for none.
        package var bytes: Double

        package init(seconds: Double, epochs: Double?, isSameData: Bool, bytes: Double = 0) {
            self.bytes = bytes
            self.seconds = seconds
            self.epochs = epochs
            self.isSameData = isSameData
        }
    }

    /// Of runs on the same data if there are any, else of all; nil for none.
    package init?(_ all: [Run]) {
        let same = all.filter(\.isSameData)
        let runs = same.isEmpty ? all : same
        guard let perJob = Self.median(runs.map(\.seconds)) else { return nil }
        let perEpoch = runs.compactMap { run in run.epochs.flatMap { $0 > 0 ? run.seconds / $0 : nil } }
        let hasEpochs = perEpoch.count == runs.count
        self.init(
            runs: runs.count, secondsPerJob: perJob, secondsPerEpoch: hasEpochs ? Self.median(perEpoch) : nil,
            isSameData: !same.isEmpty, deviation: Self.deviation(hasEpochs ? perEpoch : runs.map(\.seconds)),
            bytesPerJob: Self.median(runs.map(\.bytes).filter { $0 > 0 }))
    }

    private static func deviation(_ values: [Double]) -> Double? {
        guard values.count > 1 else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        guard mean > 0 else { return nil }
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(values.count - 1)).squareRoot() / mean
    }

    /// Quantiles of Student's t for 90 % of cases, for 1, 2, … degrees of freedom; 1.645 beyond.
    private static let quantiles = [6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81]

    /// How far a total over so many jobs may be off, as a share of it, in nine cases of ten: jobs differ from
    /// each other, and the runs from which it is estimated are few. nil where nothing is known of that.
    package func spread(jobs: Int) -> Double? {
        guard let deviation, runs > 1, jobs > 0 else { return nil }
        let quantile = runs - 2 < Self.quantiles.count ? Self.quantiles[runs - 2] : 1.645
        return quantile * deviation * (1 / Double(jobs) + 1 / Double(runs)).squareRoot()
    }

    private static func median(_ values: [Double]) -> Double? {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// Seconds that all jobs of a plan take one after the other, by their epochs where both sides have them.
    package func seconds(of plan: SweepPlan) -> Double {
        let epochs = plan.configurations.map { $0.parameters["epochs"]?.number }
        return plan.jobs.reduce(0) { sum, job in
            if let secondsPerEpoch, let count = epochs[job.configuration] { return sum + secondsPerEpoch * count }
            return sum + secondsPerJob
        }
    }
}

extension LaunchBundle {
    /// Of everything that decides what a launch makes: two launches of one identity make the same jobs. Not
    /// the priority.
    ///
    /// - Throws: `SweepModelError` for a number that is not finite.
    package func identity() throws(SweepModelError) -> ContentDigest {
        ContentDigest.of(
            try CanonicalJSON.text([
                "text": .text(text), "files": .map(files.mapValues { .text($0.text) }),
                "inputs": .map(inputs.mapValues { .text($0.digest.text) }),
            ]))
    }
}

extension TrainerSpec {
    /// Names the program that trains, for comparing how long runs took: other templates or rules do not
    /// change the time.
    package var commandIdentity: String {
        guard let command else { return "core" }
        // Conditions are younger than the rest: without one the text is as it was.
        let texts = command.command.map { ($0.condition ?? "") + $0.text }
        return ContentDigest.of(texts.joined(separator: "\u{0}")).text
    }
}
