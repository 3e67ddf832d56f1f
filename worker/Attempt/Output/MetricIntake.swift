package import Ports
import RunSpec
import SweepModel
import TrainerFiles

/// Reads the metric sources of an attempt into its numbered stream. What cannot be taken costs itself, and is
/// told.
package struct MetricIntake: Sendable {
    private var sources: [SourceTails]
    /// What becomes of each name of each source.
    private var known: [[ByteName: Fate]]
    /// Names in the stream so far.
    private var names: Set<ByteName> = []
    private var images: ImageFolder?
    private var hasToldMany: Set<Int> = []
    package private(set) var newestStep: Int?
    /// The step at which each epoch was logged.
    private(set) var epochSteps: [Int: Int] = [:]
    /// The newest value of each loss, while it is no finite number.
    private var badLosses: [String: (step: Int, value: Double)] = [:]

    /// Looks at one file in a round while its trainer runs, each of a mebibyte at most.
    private static let mostLooks = 64
    private static let largestStep = Int64(ParameterValue.largestInteger)
    private static let mostEpochs = 100_000
    /// Names whose fate is remembered, of one source.
    private static let mostKnown = 2 * MetricLimit.names

    /// Equal bytes, not equal letters.
    struct ByteName: Hashable, Sendable {
        let text: String

        static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

        func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    /// What becomes of a trainer's name.
    private enum Fate: Sendable {
        /// `epochKey` where its own axis is the epoch.
        case kept(key: String, epochKey: String?, isLoss: Bool)
        case leftOut
        case refused(AttemptNotice.Kind, String)
    }

    /// - Parameter images: the folder for pictures that are found; nil leaves them out.
    package init(_ sources: [AttemptPlan.MetricFile], _ points: PointSpool, images: String? = nil) {
        self.sources = sources.enumerated().map { SourceTails($1, index: $0, points) }
        known = sources.map { _ in [:] }
        self.images = images.map { ImageFolder(path: $0) }
    }

    /// How far all files are read together.
    var position: Int64 {
        sources.reduce(0) { sum, source in source.readers.reduce(sum) { $0 + Int64($1.tail.position) } }
    }

    /// What is wrong with the newest loss, if it is no finite number.
    var badLoss: String? {
        guard let (key, newest) = badLosses.min(by: { $0.key < $1.key }) else { return nil }
        return "\(key) is \(newest.value.isNaN ? "NaN" : "\(newest.value)") at step \(newest.step)"
    }

    /// - Parameters:
    ///   - isComplete: nobody writes any more.
    ///   - now: bounds how often folders are searched; nil to search at once.
    /// - Returns: points spooled in all; nil if there was nothing to read.
    package mutating func read(
        isComplete: Bool, now: MonotonicTime? = nil, _ points: PointSpool, _ files: any FileStore,
        _ notices: inout NoticeBook
    ) throws -> UInt64? {
        var total: UInt64?
        for index in sources.indices {
            sources[index].find(now: now, isComplete: isComplete, points)
            if sources[index].isCut, hasToldMany.insert(index).inserted {
                let path = sources[index].rule.path
                notices.add(
                    .metricFile, of: path,
                    "\(path) has more than \(FolderFiles.mostFiles) files of metrics; the others are left out")
            }
            for reader in sources[index].readers.indices {
                if let now = try read(index, reader, isComplete, points, files, &notices) { total = now }
            }
        }
        return total
    }

    private mutating func read(
        _ index: Int, _ reader: Int, _ isComplete: Bool, _ points: PointSpool, _ files: any FileStore,
        _ notices: inout NoticeBook
    ) throws -> UInt64? {
        var total: UInt64?
        var looks = 0
        while looks < Self.mostLooks {
            looks += 1
            var tail = sources[index].readers[reader].tail
            let reading: FileReading
            do {
                reading = try tail.read(isComplete: isComplete)
            } catch let error as PortsError where error.code != .notFound {
                if !sources[index].readers[reader].hasFailed { notices.add(.metricFile, of: tail.path, error.message) }
                sources[index].readers[reader].hasFailed = true
                return total
            }
            for fault in reading.faults {
                notices.add(Self.kind(fault.kind), count: fault.count, of: tail.path, fault.detail)
            }
            if let step = reading.newestStep { advance(to: step + Int64(sources[index].rule.base)) }
            var batch: [MetricPoint] = []
            batch.reserveCapacity(reading.points.count)
            for point in reading.points { try take(point, index, reader, &batch, &notices) }
            for image in reading.images {
                try images?.keep(image, base: sources[index].rule.base, files, &notices)
            }
            // After the pictures: a worker that is killed in between reads this part again.
            if reading.isProgress {
                total = try points.append(batch, source: sources[index].readers[reader].number, position: tail.position)
            }
            sources[index].readers[reader].tail = tail
            guard reading.isProgress else { break }
        }
        return total
    }

    private static func kind(_ kind: FileFault.Kind) -> AttemptNotice.Kind {
        switch kind {
        case .file: .metricFile
        case .record: .metricRecord
        case .line: .metricLine
        case .step: .metricStep
        case .value: .metricValue
        }
    }

    /// Names of pictures that are new in the folder for them.
    package mutating func takeImages(_ files: any FileStore) throws -> [String] { try images?.takeFresh(files) ?? [] }

    // MARK: Points

    private mutating func take(
        _ point: RawPoint, _ index: Int, _ reader: Int, _ batch: inout [MetricPoint], _ notices: inout NoticeBook
    ) throws {
        guard (0...Self.largestStep).contains(point.step) else {
            notices.add(
                .metricStep,
                "'\(point.name.prefix(80))' has the step \(point.step); steps are whole numbers from 0 to 2^53")
            return
        }
        switch fate(of: point.name, index) {
        case .leftOut: return
        case .refused(let kind, let detail): notices.add(kind, detail)
        case .kept(let key, nil, let isLoss):
            let step = point.step + Int64(sources[index].rule.base)
            sources[index].readers[reader].step = point.step
            advance(to: step)
            batch.append(MetricPoint(key: key, step: step, value: point.value))
            if isLoss { badLosses[key] = point.value.isFinite ? nil : (Int(step), point.value) }
        case .kept(let key, let epochKey?, _):
            try sources[index].recall(reader)
            let step = sources[index].readers[reader].step.map { $0 + Int64(sources[index].rule.base) }
            if let step = step ?? newestStep.map(Int64.init) {
                if epochSteps.count < Self.mostEpochs { epochSteps[Int(point.step)] = Int(step) }
                batch.append(MetricPoint(key: key, step: step, value: point.value))
            }
            batch.append(MetricPoint(key: epochKey, step: point.step, value: point.value))
        }
    }

    private mutating func advance(to step: Int64) { newestStep = max(newestStep ?? 0, Int(step)) }

    private mutating func fate(of name: String, _ index: Int) -> Fate {
        let own = ByteName(text: name)
        if let fate = known[index][own] { return fate }
        let fate = newFate(of: name, sources[index])
        if known[index].count < Self.mostKnown { known[index][own] = fate }
        return fate
    }

    private mutating func newFate(of name: String, _ source: SourceTails) -> Fate {
        let key = source.rule.map.first { $0.key.utf8.elementsEqual(name.utf8) }?.value ?? name
        if key.isEmpty, !name.isEmpty { return .leftOut }
        let epochKey = source.isEpoch(name) ? key + CommandTrainer.EpochTag.suffix : nil
        for name in [key, epochKey].compactMap({ $0 }) {
            guard MetricLimit.accepts(name) else {
                let what =
                    name.isEmpty
                    ? "a metric has an empty name"
                    : "the metric '\(name.prefix(40))…' has a name of \(name.utf8.count) bytes"
                return .refused(
                    .metricName, "\(what); names have 1 to \(MetricLimit.nameBytes) bytes: such points are left out")
            }
            guard names.contains(ByteName(text: name)) || names.count < MetricLimit.names else {
                return .refused(
                    .metricNames,
                    "'\(name.prefix(80))' is one metric name too many: at most \(MetricLimit.names) are kept of an "
                        + "attempt; put what counts up into the step, not into the name")
            }
            names.insert(ByteName(text: name))
        }
        return .kept(key: key, epochKey: epochKey, isLoss: Self.isLoss(key))
    }

    /// Names under which trainers report what they minimise.
    private static func isLoss(_ key: String) -> Bool {
        let name = key.split { $0 == "/" || $0 == "." }.last.map { $0.lowercased() } ?? ""
        return ["loss", "train_loss", "training_loss"].contains(name)
    }
}
