import Foundation
import Ports
import RunSpec
import SweepModel
import SweepWire
import WorkerCore

/// Evaluations, artifacts and samples of an attempt.
extension AttemptOutput {
    /// Adds evaluation rows that a command printed.
    mutating func report(_ rows: [EvaluationRow], completed: [String]) throws -> [WorkerEvent] {
        let taken = rows.filter { row in
            let isTaken =
                MetricLimit.accepts(row.metric)
                && [row.checkpoint, row.class, row.prompts].allSatisfy { $0.utf8.count <= MetricLimit.nameBytes }
                && row.step >= 0 && row.n >= 0 && row.epoch >= 0
                && row.values?.count ?? 0 <= MetricLimit.imageValues
            if !isTaken {
                notices.add(
                    .outputLine,
                    "an evaluation of '\(row.metric.prefix(40))' is left out: names have 1 to \(MetricLimit.nameBytes) "
                        + "bytes, steps, epochs and counts are not below 0, and there are at most "
                        + "\(MetricLimit.imageValues) values of images")
            }
            return isTaken
        }
        let report = try reports.append(
            Report(token: token, .evaluations(EvaluationReport(rows: taken, completed: completed))))
        return [.reportSpooled(token, report)]
    }

    mutating func readEvaluations(isComplete: Bool, isDone: Bool, _ events: inout [WorkerEvent]) throws {
        var tail = evaluations
        var current = evaluating
        while true {
            let lines = try tail.read(isComplete: isComplete, files: files)
            if lines.isEmpty { break }
            var rows: [EvaluationRow] = []
            var completed: [String] = []
            for line in lines {
                guard let row = try? JSONDecoder().decode(EvaluationRow.self, from: Data(line.utf8)) else {
                    notices.add(.outputLine, "a line of evaluations.jsonl cannot be read: \(line.prefix(120))")
                    continue
                }
                if let current, current != row.checkpoint { completed.append(current) }
                current = row.checkpoint
                rows.append(row)
            }
            let pieces = EvaluationReport.pieces(of: rows)
            for (place, piece) in pieces.enumerated() {
                events += try report(piece, completed: place == pieces.count - 1 ? completed : [])
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

    mutating func readArtifacts(isComplete: Bool, _ events: inout [WorkerEvent]) throws {
        var tail = artifacts
        for line in try tail.read(isComplete: isComplete, files: files) {
            guard let row = try? JSONDecoder().decode(ArtifactRow.self, from: Data(line.utf8)),
                !row.path.hasPrefix("/"), !row.path.split(separator: "/").contains("..")
            else {
                notices.add(.outputLine, "a line of artifacts.jsonl cannot be read: \(line.prefix(120))")
                continue
            }
            try report(row, path: BytePath("\(place.out)/\(row.path)"), &events)
        }
        artifacts = tail
    }

    mutating func readSamples(_ events: inout [WorkerEvent]) throws {
        let out = BytePath(place.out)
        for pattern in samples {
            for path in PathPattern.matches(pattern) where path.isBelow(out) {
                let name = FileName.text(PathPattern.ownName(of: path, in: pattern))
                try report(ArtifactRow(checkpoint: "", kind: "sample", name: name, path: ""), path: path, &events)
            }
        }
    }

    /// Pictures that the metric files held, as soon as they are there.
    mutating func readImages(_ events: inout [WorkerEvent]) throws {
        for name in try metrics.takeImages(files) {
            let path = BytePath("\(place.images)/\(name)")
            try report(ArtifactRow(checkpoint: "", kind: "sample", name: name, path: ""), path: path, &events)
        }
    }

    private mutating func report(_ row: ArtifactRow, path: BytePath, _ events: inout [WorkerEvent]) throws {
        let key = "artifact \(row.kind) \(FileName.key(row.name.utf8))"
        guard !reports.hasSeen(key), let status = path.status() else { return }
        guard status.isRegular, FileName.isPath(row.name), SafeName.isName(row.kind) else {
            notices.add(.outputLine, "\(path) is left out: only regular files with a name of their own are samples")
            return try reports.markSeen(key)
        }
        let file = try path.openRegular()
        let (digest, size) = try ContentDigest.of(file: file.path)
        let wire = StoredArtifact(
            checkpoint: row.checkpoint, kind: row.kind, name: row.name, sha256: digest.text, bytes: Int(size))
        let blob = SpooledBlob(path: file.path, sha256: digest, size: size)
        let body = Report(token: token, .artifacts(ArtifactReport(rows: [wire])))
        events.append(.reportSpooled(token, try reports.append(body, sources: [blob])))
        withExtendedLifetime(file) {}
        try reports.markSeen(key)
    }
}
