import Foundation
import Glibc
import Ports
import RunSpec
import SweepModel
import SweepWire
import WorkerCore

/// Reads what a trainer writes and puts it into the spool: metrics, checkpoints, evaluations, artifacts, log.
///
/// A value: a round that fails (a full disk) leaves it as it was, and the next round does the same again;
/// repeated points and reports are harmless.
struct AttemptOutput: Sendable {
    /// A deliverable as it lies in the folder.
    struct Deliverable: Sendable {
        let name: String
        let step: Int
        let path: BytePath
    }

    let token: AttemptToken
    let points: PointSpool
    let reports: ReportSpool
    let place: AttemptPlace
    let files: any FileStore
    var notices = NoticeBook()
    var metrics: MetricIntake
    private var scan: CheckpointScan
    var evaluations: LineTail
    var artifacts: LineTail
    private var log: LogTail
    private let mask: SecretMask
    private var progressFile: ProgressReader
    let samples: [String]
    /// The checkpoint whose evaluations came last: it is complete when the next one's begin.
    var evaluating: String?
    private(set) var hasFinal: Bool
    private(set) var hasAdapter: Bool
    /// Whether anything was evaluated.
    var hasRows: Bool { evaluations.position > 0 }
    /// The last round found nothing.
    private(set) var isQuiet = false
    /// Training states taken so far.
    private(set) var stateCount = 0
    /// What proves that the job is done, where its profile says it.
    private let done: DonePlan?
    /// The job has trained enough: whatever is there is its result.
    var isEnough = false
    /// The largest step and epoch of the checkpoints of the job.
    private(set) var reached = (step: 0, epoch: 0)
    /// Deliverables of this attempt, the newest of each name.
    private(set) var deliverables: [String: Deliverable] = [:]

    init(
        _ grant: Grant, _ plan: AttemptPlan, place: AttemptPlace, points: PointSpool, reports: ReportSpool,
        files: any FileStore
    ) {
        token = grant.token
        self.points = points
        self.reports = reports
        self.place = place
        self.files = files
        metrics = MetricIntake(plan.metrics, points, images: place.images)
        scan = CheckpointScan(
            plan, place: place, files: files, trained: Set(grant.trained.map(\.name)),
            resumedStep: grant.resume?.step ?? 0, resumedEpoch: grant.resume?.epoch ?? 0, seen: reports.seen)
        let folder = AttemptFolder(place.out)
        evaluations = LineTail(path: folder.evaluations)
        artifacts = LineTail(path: folder.artifacts)
        mask = SecretMask(environment: plan.order.environment)
        log = LogTail(path: place.log, mask: mask)
        progressFile = ProgressReader(path: folder.progress)
        samples = plan.samples
        done = plan.done
        hasFinal = grant.trained.contains { $0.isFinal == true }
        hasAdapter = !grant.trained.isEmpty
        let steps = grant.trained.map(\.step) + [grant.resume?.step ?? 0]
        let epochs = grant.trained.map(\.epoch) + [grant.resume?.epoch ?? 0]
        reached = (steps.max() ?? 0, epochs.max() ?? 0)
    }

    /// One round.
    ///
    /// - Parameters:
    ///   - leader: the trainer's process; nil after its end.
    ///   - isTrusted: it ended well (done, or stopped politely), so everything it left is whole.
    ///   - isDone: it exited 0, so the last checkpoint's evaluations are complete too.
    ///   - takesLog: whether log pieces are wanted; false while many wait to be sent.
    /// - Returns: what happened, in order. Call again while it is not empty and the trainer has ended.
    mutating func collect(now: MonotonicTime, leader: Int32?, isTrusted: Bool, isDone: Bool, takesLog: Bool) throws
        -> [WorkerEvent]
    {
        var events: [WorkerEvent] = []
        var moment = CheckpointScan.Moment(
            now: now, leader: leader, isTrusted: isTrusted, newestStep: metrics.newestStep,
            epochSteps: metrics.epochSteps)
        // While it runs first the names, then the metrics, then the files: a checkpoint's metrics are in the
        // stream before it is. After its end all metrics are there, and the largest step is known.
        if leader == nil {
            try readMetrics(now: now, isComplete: true, &events)
            moment.newestStep = metrics.newestStep
            moment.epochSteps = metrics.epochSteps
        }
        let reports = reports
        let look = try scan.look(moment) { reports.hasSeen("checkpoint \($0)") }
        if leader != nil { try readMetrics(now: now, isComplete: false, &events) }
        for trouble in Self.once(look.troubles, &toldTroubles) { notices.add(trouble.kind, trouble.detail) }
        for checkpoint in look.found where !isPremature(checkpoint, look.found) { try report(checkpoint, &events) }
        try readEvaluations(isComplete: leader == nil, isDone: isDone, &events)
        try readArtifacts(isComplete: leader == nil, &events)
        if leader == nil { try readSamples(&events) }
        try readLog(now: now, isComplete: leader == nil, takesLog: takesLog, &events)
        if leader != nil, let record = progressFile.newest(log: log.unfinished.text) {
            events.append(.progress(token, phase: record.phase, step: nil, extent: record.extent))
        }
        isQuiet = events.isEmpty
        return events
    }

    /// The last file of a program that was stopped: some write it then too, and it is no result.
    private func isPremature(_ checkpoint: FoundCheckpoint, _ all: [FoundCheckpoint]) -> Bool {
        guard let done, checkpoint.manifest.final, !isEnough else { return false }
        let step = max(reached.step, metrics.newestStep ?? 0, all.map(\.manifest.step).max() ?? 0)
        return !done.look(step: step, epoch: max(reached.epoch, all.map(\.manifest.epoch).max() ?? 0)).isThere
    }

    /// Each trouble counts once, however often it is looked at.
    private var toldTroubles: Set<String> = []

    private static func once(_ troubles: [MatchContents.Trouble], _ told: inout Set<String>) -> [MatchContents.Trouble]
    {
        var fresh: [MatchContents.Trouble] = []
        for trouble in troubles where told.insert(trouble.kind.rawValue + " " + trouble.detail).inserted {
            fresh.append(trouble)
        }
        return fresh
    }

    /// Of what the trainer has logged so far.
    var newestStep: Int? { metrics.newestStep }

    /// What was printed last, without its line end, and how much was printed so far.
    var unfinishedLine: (text: String, bytes: Int64) { log.unfinished }

    /// What is wrong with the newest loss, if it is no finite number.
    var badLoss: String? { metrics.badLoss }

    /// Grows as long as there is anything left to read or hand on.
    var progress: Int64 { metrics.position + evaluations.position + artifacts.position + log.progress }

    /// The last lines of the log, for messages, as people see them and without the worker's own.
    func logTail() throws -> [String] {
        guard let size = try files.information(place.log)?.size else { return [] }
        let bytes = try OpenFile(reading: place.log).read(64 << 10, at: max(0, size - (64 << 10)))
        var cleaner = LogCleaner()
        var lines: [UInt8] = []
        cleaner.add(bytes, to: &lines)
        cleaner.finish(&lines)
        return String(decoding: lines, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix(LogNote.mark) }
    }

    private mutating func readMetrics(now: MonotonicTime, isComplete: Bool, _ events: inout [WorkerEvent]) throws {
        let total = try metrics.read(isComplete: isComplete, now: now, points, files, &notices)
        try readImages(&events)
        guard let total else { return }
        events.append(.pointsSpooled(token, total: total))
        if let step = metrics.newestStep { events.append(.progress(token, phase: "training", step: step)) }
    }

    private mutating func readLog(now: MonotonicTime, isComplete: Bool, takesLog: Bool, _ events: inout [WorkerEvent])
        throws
    {
        for line in notices.takeLines() { try LogNote.append(line, to: place.log) }
        try log.scan(isComplete: isComplete, files: files)
        guard takesLog else { return }
        let counts = notices.takeCounts().map { notice in
            AttemptNotice(kind: notice.kind, count: notice.count, detail: mask.masked(notice.detail))
        }
        guard let piece = log.next(counts, now: now) else { return }
        events.append(.reportSpooled(token, SpooledReport(number: reports.number(), body: .log(piece))))
    }

    private mutating func report(_ checkpoint: FoundCheckpoint, _ events: inout [WorkerEvent]) throws {
        var manifest = checkpoint.manifest
        var sources: [SpooledBlob] = []
        // Held open until the spool has links to them: these very files, whatever happens to their names.
        var held: [HeldFile] = []
        var paths = checkpoint.paths
        defer { for path in paths where paths != checkpoint.paths { path.withCString { _ = unlink($0) } } }
        if let written = checkpoint.sharedAt {
            guard let copies = try copies(of: checkpoint, written) else { return }
            paths = copies
        }
        for (index, path) in paths.enumerated() {
            let digest: ContentDigest
            let size: Int64
            let file: HeldFile
            do {
                file = try path.openRegular()
                (digest, size) = try ContentDigest.of(file: file.path)
            } catch let error as PortsError where error.code == .notFound {
                return  // the trainer keeps only its newest states and has removed this one
            }
            if let claimed = manifest.files[index].sha256, claimed != digest.text {
                throw WorkerError(.badJob, "\(path): its content is not what the checkpoint's manifest says")
            }
            manifest.files[index].sha256 = digest.text
            manifest.files[index].bytes = Int(size)
            // Descriptors are few: of a folder of very many files the names must do.
            if held.count < 128 {
                held.append(file)
                sources.append(SpooledBlob(path: file.path, sha256: digest, size: size))
            } else {
                sources.append(SpooledBlob(path: path.text ?? file.path, sha256: digest, size: size))
                if path.text == nil { held.append(file) }
            }
        }
        let body = CheckpointReport(name: checkpoint.name, manifest: manifest, streamPosition: points.total)
        do {
            events.append(
                .reportSpooled(token, try reports.append(Report(token: token, .checkpoint(body)), sources: sources)))
        } catch let error as PortsError where error.code == .notFound {
            return  // as above
        }
        withExtendedLifetime(held) {}
        try reports.markSeen(checkpoint.record ?? "checkpoint \(checkpoint.name)")
        hasFinal = hasFinal || manifest.final
        hasAdapter = hasAdapter || manifest.isDeliverable
        if manifest.isResumable { stateCount += 1 }
        reached = (max(reached.step, manifest.step), max(reached.epoch, manifest.epoch))
        if manifest.isDeliverable, let match = checkpoint.match {
            deliverables[checkpoint.name] = Deliverable(name: checkpoint.name, step: manifest.step, path: match)
        }
    }

    /// Copies of files that their trainer writes again in place for its next checkpoint: a link would change
    /// with them.
    ///
    /// - Returns: nil where one changed meanwhile; it is looked at again then.
    private func copies(of checkpoint: FoundCheckpoint, _ written: [Int64]) throws -> [BytePath]? {
        try files.makeFolder(place.copies)
        var result: [BytePath] = []
        for (index, path) in checkpoint.paths.enumerated() {
            guard let text = path.text else { return checkpoint.paths }
            let copy = "\(place.copies)/\(index)"
            try files.remove(copy)
            try FileManager.default.copyItem(atPath: text, toPath: copy)
            result.append(BytePath(copy))
        }
        let isSame = zip(checkpoint.paths, written).allSatisfy { $0.status()?.modified == $1 }
        return isSame ? result : nil
    }
}
