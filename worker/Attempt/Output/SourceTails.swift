import Ports
import RunSpec
import SweepModel
import TrainerFiles

/// The files of one metric source, as they are found.
struct SourceTails: Sendable {
    struct Reader: Sendable {
        /// Of the spool's source.
        let number: Int
        var tail: any GrowingFile
        /// The training step of the newest point in it.
        var step: Int64?
        /// It was begun by an earlier run of the worker, which knew the step.
        var isResumed: Bool
        /// That it cannot be read was told.
        var hasFailed = false
    }

    let rule: AttemptPlan.MetricFile
    var readers: [Reader]
    private var found: Set<String> = []
    private var lookedAt: MonotonicTime?
    private(set) var isCut = false

    /// How often a folder is searched for new files while its trainer runs.
    private static let pace: Duration = .seconds(2)

    /// - Parameter index: the source's place in the plan.
    init(_ rule: AttemptPlan.MetricFile, index: Int, _ points: PointSpool) {
        self.rule = rule
        let position = points.position(ofSource: index)
        let step = rule.step ?? "step"
        let tail: (any GrowingFile)? =
            switch rule.kind {
            case .jsonl: JSONLinesTail(path: rule.path, stepName: step, under: rule.under, position: position)
            case .csv: CSVTail(path: rule.path, stepName: step, position: position)
            case .sqlite: SQLiteTail(path: rule.path, table: rule.table, stepName: step, position: position)
            case .stdout:
                rule.pattern.map { PatternTail(path: rule.path, pattern: $0, stepName: step, position: position) }
            case .tfevents, .wandb: nil
            }
        readers = tail.map { [Reader(number: index, tail: $0, isResumed: false)] } ?? []
    }

    /// Looks for files that are new.
    ///
    /// - Parameters:
    ///   - now: nil to look whenever it is asked.
    ///   - isComplete: nothing new comes after this.
    mutating func find(now: MonotonicTime?, isComplete: Bool, _ points: PointSpool) {
        guard rule.kind == .tfevents || rule.kind == .wandb else { return }
        if let now, !isComplete {
            if let lookedAt, now - lookedAt < Self.pace { return }
            lookedAt = now
        }
        let isEvents = rule.kind == .tfevents
        let look = FolderFiles(
            rule.path, besides: rule.besides.map { [$0] } ?? [], isName: isEvents ? EventTail.isName : WandbTail.isName)
        isCut = isCut || look.isCut
        for path in look.paths where found.insert(path).inserted {
            let number = points.number(ofSource: path)
            let position = points.position(ofSource: number)
            let tail: any GrowingFile =
                isEvents
                ? EventTail(path: path, position: position)
                : WandbTail(path: path, stepName: rule.step, position: position)
            readers.append(Reader(number: number, tail: tail, isResumed: position > 0))
        }
    }

    /// Whether the tag's own axis is the epoch.
    func isEpoch(_ tag: String) -> Bool {
        rule.kind == .tfevents && CommandTrainer.EpochTag.isOne(tag, named: rule.epochs)
    }

    /// The training step of the moment in a reader that an earlier run of the worker began: its part of the
    /// file is read again.
    mutating func recall(_ index: Int) throws {
        guard readers[index].isResumed, readers[index].step == nil else { return }
        readers[index].isResumed = false
        var tail = EventTail(path: readers[index].tail.path, end: readers[index].tail.position)
        while true {
            let reading = try tail.read(isComplete: true)
            guard reading.isProgress else { return }
            if let point = reading.points.last(where: { !isEpoch($0.name) }) { readers[index].step = point.step }
        }
    }
}
