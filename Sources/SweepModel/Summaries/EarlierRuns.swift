package import Ports
import RunSpec

/// How long finished jobs like those of a sweep took.
package struct EarlierRuns: Codable, Equatable, Sendable {
    /// How many they are.
    package var runs: Int
    /// Median over the runs, with everything: training, evaluation, resumed attempts.
    package var secondsPerJob: Double
    /// The same for each epoch (or step, see ``unit``), where the length of all of them is known.
    package var secondsPerEpoch: Double?
    /// What lengths are counted in; nil for epochs.
    package var unit: TrainingLength.Unit?
    /// Whether they had the same data set too.
    package var isSameData: Bool
    /// Median of what is kept of their checkpoints, in bytes; nil where none is.
    package var bytesPerJob: Double?
    /// Standard deviation over the mean, of seconds for each epoch where all runs have epochs, else for each
    /// job; nil for a single run, and from a coordinator of before.
    package var deviation: Double?

    package init(
        runs: Int, secondsPerJob: Double, secondsPerEpoch: Double?, isSameData: Bool, deviation: Double? = nil,
        bytesPerJob: Double? = nil, unit: TrainingLength.Unit? = nil
    ) {
        self.unit = unit
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
        package var length: TrainingLength?
        package var isSameData: Bool
        /// Kept of its checkpoints; 0 for none.
        package var bytes: Double

        package init(seconds: Double, length: TrainingLength?, isSameData: Bool, bytes: Double = 0) {
            self.bytes = bytes
            self.seconds = seconds
            self.length = length
            self.isSameData = isSameData
        }
    }

    /// Of runs on the same data if there are any, else of all; nil for none.
    package init?(_ all: [Run]) {
        let same = all.filter(\.isSameData)
        let runs = same.isEmpty ? all : same
        guard let perJob = Self.median(runs.map(\.seconds)) else { return nil }
        let perEpoch = runs.compactMap { run in run.length.flatMap { $0.count > 0 ? run.seconds / $0.count : nil } }
        let unit = runs.first?.length?.unit
        let hasEpochs = perEpoch.count == runs.count && runs.allSatisfy { $0.length?.unit == unit }
        self.init(
            runs: runs.count, secondsPerJob: perJob, secondsPerEpoch: hasEpochs ? Self.median(perEpoch) : nil,
            isSameData: !same.isEmpty, deviation: Self.deviation(hasEpochs ? perEpoch : runs.map(\.seconds)),
            bytesPerJob: Self.median(runs.map(\.bytes).filter { $0 > 0 }),
            unit: hasEpochs && unit == .step ? .step : nil)
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

    /// Seconds that all jobs of a plan take one after the other, by their lengths where both sides have them
    /// in the same unit.
    package func seconds(of plan: SweepPlan, by trainer: TrainerSpec) -> Double {
        let lengths = plan.configurations.map { TrainingLength(of: $0.parameters, by: trainer) }
        return plan.jobs.reduce(0) { sum, job in
            if let secondsPerEpoch, let length = lengths[job.configuration], length.unit == unit ?? .epoch {
                return sum + secondsPerEpoch * length.count
            }
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

    /// Names what decides how long a step takes: the program, where it lies, and the base model that its
    /// configuration file names.
    package var paceIdentity: String {
        guard let command else { return commandIdentity }
        let values = (command.values ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let models = (command.config?.sources ?? []).map { Set(ConfigMentions.models(in: $0.content)).sorted() }
        guard !values.isEmpty || models.contains(where: { !$0.isEmpty }) else { return commandIdentity }
        let texts = [commandIdentity] + values + models.flatMap { ["\u{1}"] + $0 }
        return ContentDigest.of(texts.joined(separator: "\u{0}")).text
    }
}
