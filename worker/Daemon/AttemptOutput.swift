import Foundation
import Ports
import RunSpec
import SweepModel
import SweepWire
import WorkerCore

/// Reads what a trainer writes and puts it into the spool: metrics, checkpoints, evaluations, artifacts, log.
///
/// A value: a round that fails (a full disk) leaves it as it was, and the next round does the same again; repeated
/// points and reports are harmless.
struct AttemptOutput: Sendable {
    let token: AttemptToken
    let points: PointSpool
    let reports: ReportSpool
    private let place: AttemptPlace
    private let isCore: Bool
    private let files: any FileStore
    private var tails: [LineTail]
    private var scan: CheckpointScan
    private var evaluations: LineTail
    private var artifacts: LineTail
    private var log: LogTail
    private let samples: [String]
    /// The checkpoint whose evaluations came last: it is complete when the next one's begin.
    private var evaluating: String?
    /// Log pieces that are on their way; more wait in the file.
    private var newestStep: Int?
    private(set) var hasFinal: Bool
    private(set) var hasAdapter: Bool
    private var badLines = 0
    /// The newest value of each loss, while it is no finite number.
    private var badLosses: [String: (step: Int, value: Double)] = [:]

    init(
        _ grant: Grant, _ plan: AttemptPlan, place: AttemptPlace, points: PointSpool, reports: ReportSpool,
        files: any FileStore
    ) {
        token = grant.token
        self.points = points
        self.reports = reports
        self.place = place
        self.files = files
        isCore = plan.isCore
        tails = plan.metrics.enumerated().map { LineTail(path: $1, position: Int64(points.position(ofSource: $0))) }
        scan = CheckpointScan(plan, place: place, files: files)
        let folder = AttemptFolder(place.out)
        evaluations = LineTail(path: folder.evaluations)
        artifacts = LineTail(path: folder.artifacts)
        log = LogTail(path: place.log, mask: SecretMask(environment: plan.order.environment))
        samples = plan.samples
        hasFinal = grant.trained.contains { $0.isFinal }
        hasAdapter = !grant.trained.isEmpty
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
        // First the names, then the metrics, then the files: a checkpoint's metrics are in the stream before it is.
        let reports = reports
        let found = try scan.complete(now: now, leader: leader, isTrusted: isTrusted) {
            reports.hasSeen("checkpoint \($0)")
        }
        try readMetrics(isComplete: leader == nil, &events)
        for checkpoint in found { try report(checkpoint, &events) }
        try readEvaluations(isComplete: leader == nil, isDone: isDone, &events)
        try readArtifacts(isComplete: leader == nil, &events)
        if leader == nil { try readSamples(&events) }
        if takesLog, let piece = try log.read(files: files) {
            events.append(.reportSpooled(token, SpooledReport(number: reports.number(), body: .log(piece))))
        }
        return events
    }

    /// What is wrong with the newest loss, if it is no finite number.
    var badLoss: String? {
        guard let (key, newest) = badLosses.min(by: { $0.key < $1.key }) else { return nil }
        return "\(key) is \(newest.value.isNaN ? "NaN" : "\(newest.value)") at step \(newest.step)"
    }

    /// Names under which trainers report what they minimise.
    private static func isLoss(_ key: String) -> Bool {
        let name = key.split { $0 == "/" || $0 == "." }.last.map { $0.lowercased() } ?? ""
        return ["loss", "train_loss", "training_loss"].contains(name)
    }

    /// How far all files are read together.
    var bytesRead: Int64 { tails.reduce(evaluations.position + artifacts.position + log.position) { $0 + $1.position } }

    /// The last lines of the log, for messages.
    func logTail() throws -> [String] {
        guard let size = try files.information(place.log)?.size else { return [] }
        let bytes = try OpenFile(reading: place.log).read(4096, at: max(0, size - 4096))
        return String(decoding: bytes, as: UTF8.self).split { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }.map(
            String.init)
    }

    /// Adds evaluation rows that a command printed.
    func report(_ rows: [EvaluationRow], completed: [String]) throws -> [WorkerEvent] {
        let report = try reports.append(
            Report(token: token, .evaluations(EvaluationReport(rows: rows, completed: completed))))
        return [.reportSpooled(token, report)]
    }

    private mutating func readMetrics(isComplete: Bool, _ events: inout [WorkerEvent]) throws {
        for index in tails.indices {
            var tail = tails[index]
            while true {
                let lines = try tail.read(isComplete: isComplete, files: files)
                if lines.isEmpty { break }
                var batch: [MetricPoint] = []
                for line in lines {
                    do {
                        let parsed = try MetricLine(parsing: line)
                        newestStep = max(newestStep ?? parsed.step, parsed.step)
                        for (key, value) in parsed.values.sorted(by: { $0.key < $1.key }) {
                            batch.append(MetricPoint(key: key, step: Int64(parsed.step), value: value))
                            guard Self.isLoss(key) else { continue }
                            badLosses[key] = value.isFinite ? nil : (parsed.step, value)
                        }
                    } catch {
                        badLines += 1  // a trainer's slip costs a line, not the run
                    }
                }
                let total = try points.append(batch, source: index, position: UInt64(tail.position))
                events.append(.pointsSpooled(token, total: total))
            }
            tails[index] = tail
        }
        if let newestStep, !events.isEmpty { events.append(.progress(token, phase: "training", step: newestStep)) }
    }

    private mutating func report(_ checkpoint: FoundCheckpoint, _ events: inout [WorkerEvent]) throws {
        var manifest = checkpoint.manifest
        var sources: [SpooledBlob] = []
        for (index, path) in checkpoint.paths.enumerated() {
            let digest: ContentDigest
            let size: Int64
            do {
                (digest, size) = try ContentDigest.of(file: path)
            } catch let error as PortsError where error.code == .notFound {
                return  // the trainer keeps only its newest states and has removed this one
            }
            if let claimed = manifest.files[index].sha256, claimed != digest.text {
                throw WorkerError(.badJob, "\(path): its content is not what the checkpoint's manifest says")
            }
            manifest.files[index].sha256 = digest.text
            manifest.files[index].bytes = Int(size)
            sources.append(SpooledBlob(path: path, sha256: digest, size: size))
        }
        let body = CheckpointReport(name: checkpoint.name, manifest: manifest, streamPosition: points.total)
        events.append(
            .reportSpooled(token, try reports.append(Report(token: token, .checkpoint(body)), sources: sources)))
        try reports.markSeen("checkpoint \(checkpoint.name)")
        hasFinal = hasFinal || manifest.final
        hasAdapter = hasAdapter || manifest.isDeliverable
    }

    private mutating func readEvaluations(isComplete: Bool, isDone: Bool, _ events: inout [WorkerEvent]) throws {
        var tail = evaluations
        var current = evaluating
        while true {
            let lines = try tail.read(isComplete: isComplete, files: files)
            if lines.isEmpty { break }
            var rows: [EvaluationRow] = []
            var completed: [String] = []
            for line in lines {
                guard let row = try? JSONDecoder().decode(EvaluationRow.self, from: Data(line.utf8)) else {
                    badLines += 1
                    continue
                }
                if let current, current != row.checkpoint { completed.append(current) }
                current = row.checkpoint
                rows.append(row)
            }
            for start in stride(from: 0, to: rows.count, by: 200) {
                let isLast = start + 200 >= rows.count
                events += try report(
                    Array(rows[start..<min(start + 200, rows.count)]), completed: isLast ? completed : [])
            }
            events.append(.progress(token, phase: "evaluating", step: nil))
        }
        if isDone, let last = current {
            events += try report([], completed: [last])
            current = nil
        }
        evaluations = tail
        evaluating = current
    }

    private mutating func readArtifacts(isComplete: Bool, _ events: inout [WorkerEvent]) throws {
        var tail = artifacts
        for line in try tail.read(isComplete: isComplete, files: files) {
            guard let row = try? JSONDecoder().decode(ArtifactRow.self, from: Data(line.utf8)) else {
                badLines += 1
                continue
            }
            guard !row.path.hasPrefix("/"), !row.path.split(separator: "/").contains("..") else {
                badLines += 1
                continue
            }
            try report(row, path: "\(place.out)/\(row.path)", &events)
        }
        artifacts = tail
    }

    private func readSamples(_ events: inout [WorkerEvent]) throws {
        for path in samples.flatMap({ PathPattern.matches($0, below: place.out) }) {
            let name = path.split(separator: "/").last.map(String.init) ?? path
            try report(ArtifactRow(checkpoint: "", kind: "sample", name: name, path: ""), path: path, &events)
        }
    }

    private func report(_ row: ArtifactRow, path: String, _ events: inout [WorkerEvent]) throws {
        let key = "artifact \(row.kind) \(row.name)"
        guard !reports.hasSeen(key), try files.exists(path) else { return }
        let (digest, size) = try ContentDigest.of(file: path)
        let wire = StoredArtifact(
            checkpoint: row.checkpoint, kind: row.kind, name: row.name, sha256: digest.text, bytes: Int(size))
        let blob = SpooledBlob(path: path, sha256: digest, size: size)
        let body = Report(token: token, .artifacts(ArtifactReport(rows: [wire])))
        events.append(.reportSpooled(token, try reports.append(body, sources: [blob])))
        try reports.markSeen(key)
    }
}
