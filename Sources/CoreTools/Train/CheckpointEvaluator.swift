import CoreEvaluation
import CoreTraining
import Foundation
import ImageFiles
import RunSpec

/// Evaluates the checkpoints of one attempt and records what it found in the attempt folder.
///
/// A checkpoint's rows are written in one piece after its sheet, so a checkpoint with any row is complete.
final class CheckpointEvaluator {
    private let attempt: TrainingAttempt
    private let folder: AttemptFolder
    private let spec: EvaluationSpec
    private let progress: ProgressFile
    private let times: PhaseTimes
    private var evaluator: Evaluator?
    /// Lends its U-Net: a second one of a real base would take as much memory as all of training.
    weak var run: TrainingRun?

    init(_ attempt: TrainingAttempt, spec: EvaluationSpec, progress: ProgressFile, times: PhaseTimes) {
        self.attempt = attempt
        self.progress = progress
        self.times = times
        self.spec = spec
        folder = AttemptFolder(attempt.out)
    }

    /// Checkpoints whose adapters are in the folder and that nobody has evaluated.
    func evaluatePending(stepsPerEpoch: Int) throws {
        let done = try evaluated()
        let steps = try FileManager.default.contentsOfDirectory(atPath: folder.checkpoints).compactMap(
            AttemptFolder.step(ofCheckpoint:)
        ).sorted()
        for step in steps {
            let name = AttemptFolder.checkpointName(step: step)
            guard !done.contains(name), FileManager.default.fileExists(atPath: adapter(of: name)) else { continue }
            try evaluate(name: name, epoch: step / stepsPerEpoch, step: step)
        }
    }

    func evaluate(_ checkpoint: SavedCheckpoint) throws {
        guard try !evaluated().contains(checkpoint.name) else { return }
        try evaluate(name: checkpoint.name, epoch: checkpoint.epoch, step: checkpoint.step)
    }

    private func evaluate(name: String, epoch: Int, step: Int) throws {
        try times.within(.loading) { try evaluated(name: name, epoch: epoch, step: step) }
    }

    private func evaluated(name: String, epoch: Int, step: Int) throws {
        let evaluate = { [self] in
            try loadedEvaluator().evaluate(adapter: adapter(of: name), checkpoint: name, epoch: epoch, step: step)
        }
        let evaluation = try run.map { try $0.lending(evaluate) } ?? evaluate()
        times.enter(.saving)
        try DurableFolder.create(folder.artifactFiles)
        let sheet = "\(name).png"
        try PNGFile.write(
            evaluation.sheet, to: "\(folder.artifactFiles)/\(sheet)",
            text: [("Software", "radiata"), ("Description", "job \(attempt.job.job), checkpoint \(name)")])
        let artifacts = try LineFile(path: folder.artifacts)
        try artifacts.append(
            ArtifactRow(checkpoint: name, kind: "contact-sheet", name: sheet, path: "artifacts/\(sheet)"))
        try artifacts.flush(sync: true)
        let rows = try LineFile(path: folder.evaluations)
        for row in evaluation.rows { try rows.append(row) }
        try rows.flush(sync: true)
        attempt.report(Self.summary(evaluation, name))
    }

    private func loadedEvaluator() throws -> Evaluator {
        if let evaluator { return evaluator }
        let job = attempt.job
        var setting = Evaluator.Setting(
            base: job.base, data: job.data, spec: spec, training: job.training, cache: attempt.cache)
        setting.encoders = job.encoders
        setting.tokenizer = attempt.tokenizer
        setting.loaded = run?.loadedNetworks
        let loaded = try Evaluator(
            setting, shouldStop: { [attempt] in attempt.shouldStop() && !attempt.isEnough() }, report: attempt.report,
            onDrawn: { [progress] in progress.tell("drawing", $0, of: $1, "images") },
            onPart: { [times] in times.enter(PhaseTimes.Phase($0)) })
        evaluator = loaded
        return loaded
    }

    private func adapter(of name: String) -> String { folder.checkpoint(name) + "/" + AttemptFolder.adapterName }

    /// Names of evaluated checkpoints: what the worker says of earlier attempts, and what this folder holds.
    private func evaluated() throws -> Set<String> {
        var done: Set<String> = []
        if let bytes = FileManager.default.contents(atPath: folder.restored) {
            do {
                done.formUnion(try JSONDecoder().decode(RestoredProgress.self, from: bytes).evaluated)
            } catch {
                throw TrainingError(code: .file, message: "\(folder.restored): not readable (\(error)); remove it")
            }
        }
        for line in (FileManager.default.contents(atPath: folder.evaluations) ?? Data()).split(separator: 0x0A) {
            // A line torn by a crash is no row: its checkpoint is evaluated again.
            do {
                done.insert(try JSONDecoder().decode(EvaluationRow.self, from: Data(line)).checkpoint)
            } catch is DecodingError {
                continue
            }
        }
        return done
    }

    private static func summary(_ evaluation: Evaluation, _ name: String) -> String {
        let shown: [(metric: String, prompts: PromptType, label: String)] = [
            ("paired_fidelity", .train, "paired fidelity"), ("paired_fidelity", .holdout, "held-out fidelity"),
            ("edit_psnr_inside", .holdout, "held-out edits, dB"),
            ("own_picture_retrieval", .train, "own picture"), ("text_similarity", .alter, "text"),
            ("style_distance", .style, "drift"),
        ]
        let parts = shown.compactMap { metric, prompts, label -> String? in
            guard let value = evaluation.value(metric, prompts) else { return nil }
            let base = evaluation.value("base_" + metric, prompts).map { " (base \(rounded($0)))" }
            return "\(label) \(rounded(value))" + (base ?? "")
        }
        return "\(name) evaluated: " + parts.listed(none: "none of the usual metrics")
    }

    private static func rounded(_ value: Double) -> String {
        String((value * 1000).rounded() / 1000)
    }
}

extension PhaseTimes.Phase {
    init(_ part: Evaluator.Part) {
        switch part {
        case .loading: self = .loading
        case .drawing: self = .drawing
        case .judging: self = .judging
        }
    }
}
