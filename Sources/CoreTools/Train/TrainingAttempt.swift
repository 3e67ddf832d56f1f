import CoreEvaluation
import CoreTensor
import CoreTraining
import Foundation
package import RunSpec

/// One attempt of one job: trains it and evaluates every checkpoint as it appears.
package struct TrainingAttempt {
    /// How an attempt ended, when nothing else went wrong.
    package enum Ending: Equatable, Sendable {
        case done
        /// Asked to stop; everything up to this step is kept and can be gone on from.
        case stopped(step: Int)
        /// The loss was no longer a number; the message says where.
        case diverged(String)
    }

    /// What a person wants to see while a run goes on.
    package struct Progress: Equatable, Sendable {
        package let step: Int
        package let total: Int
        package let loss: Double
        package let learningRate: Double
        /// Of this step alone.
        package let seconds: Double
    }

    package var job: TrainingJob
    /// The attempt folder.
    package var out: String
    /// A checkpoint folder to go on from.
    package var resume: String?
    /// Where jobs of this machine share the base model's images.
    package var cache: String
    package var threads: Int
    /// The tokenizer's folder for a base in one file; nil looks beside the file.
    package var tokenizer: String?
    /// A safetensors file for what every step sees; nil for none.
    package var dumpBatches: String?
    /// Seconds that the process took before this.
    package var starting = 0.0
    /// Seconds since any fixed point.
    package var clock: () -> Double
    package var shouldStop: () -> Bool
    /// Whether the job has trained enough; looked at before each step.
    package var isEnough: () -> Bool = { false }
    package var progress: (Progress) -> Void
    /// Gets one line about each part of the work.
    package var report: (String) -> Void

    package init(
        job: TrainingJob, out: String, resume: String?, cache: String, threads: Int, clock: @escaping () -> Double,
        shouldStop: @escaping () -> Bool = { false }, progress: @escaping (Progress) -> Void = { _ in },
        report: @escaping (String) -> Void = { _ in }
    ) {
        self.job = job
        self.out = out
        self.resume = resume
        self.cache = cache
        self.threads = threads
        self.clock = clock
        self.shouldStop = shouldStop
        self.progress = progress
        self.report = report
    }

    /// - Throws: the error of whichever module refused; its description names the thing and the remedy.
    package func run() throws -> Ending { try MachineCache.within(cache) { try trained() } }

    private func trained() throws -> Ending {
        let times = PhaseTimes(clock: clock, starting: starting)
        Compute.configure(threads: threads)
        describeMachine()
        // Before hours of training end at the first checkpoint.
        let needs = try JobPreflight(job, tokenizer: tokenizer).check([
            (job.training, job.checkpoints.count(epochs: job.training.data.epochs))
        ])
        report(needs.description)
        let folder = NSString(string: out).deletingLastPathComponent
        for remark in JobPreflight.shortages(needs, folder: folder.isEmpty ? "." : folder) {
            report("warning: \(remark)")
        }
        let file = ProgressFile(AttemptFolder(out), clock: clock)
        let evaluator = job.evaluation.map { CheckpointEvaluator(self, spec: $0, progress: file, times: times) }
        var surroundings = TrainingRun.Surroundings(clock: clock, shouldStop: shouldStop)
        surroundings.times = times
        // Nothing is kept where the weights cannot be read, which whoever loads them says.
        let kept = try? KeptEncodings(base: job.base, folder: cache + "/latents")
        surroundings.posterior = kept?.posterior
        surroundings.caption = kept?.caption
        surroundings.isEnough = isEnough
        surroundings.progress = { step in
            file.tell("training", step.step, of: step.total, "steps")
            progress(
                Progress(
                    step: step.step, total: step.total, loss: step.loss, learningRate: step.learningRate,
                    seconds: step.seconds))
        }
        surroundings.warn = { report("warning: \($0)") }
        surroundings.dump = dumpBatches.map { BatchDump(path: $0) }
        surroundings.onCheckpoint = { checkpoint in
            report("checkpoint \(checkpoint.name) saved")
            try evaluator?.evaluate(checkpoint)
        }
        let run = try TrainingRun(
            job: job, out: out, resume: resume, tokenizer: tokenizer, surroundings: surroundings)
        evaluator?.run = run
        defer { tell(times, run) }
        do {
            // What an earlier attempt has trained but not evaluated comes first: its adapters are here again.
            try evaluator?.evaluatePending(stepsPerEpoch: run.total / job.training.data.epochs)
            return switch try run.run() {
            case .finished: .done
            case .stopped(let step): .stopped(step: step)
            }
        } catch let error as TrainingError where error.code == .diverged {
            return .diverged(error.message)
        } catch let error as EvaluationError where error.code == .stopped {
            // Training stands at a checkpoint whose state is saved already, or has not begun.
            return .stopped(step: run.step)
        }
    }

    /// However it ends, its log and its metrics say where the time went.
    private func tell(_ times: PhaseTimes, _ run: TrainingRun) {
        let metrics = times.metrics
        guard !metrics.isEmpty else { return }
        report("seconds: \(times.text)")
        do {
            try run.note(metrics)
        } catch {
            report("warning: the seconds of its phases are not noted: \(error)")
        }
    }

    private func describeMachine() {
        let machine = Compute.description
        report(
            "OpenBLAS \(machine.openBLASVersion), kernel \(machine.kernel), own kernels \(machine.isa), threads \(machine.threads)"
        )
        if let forced = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] {
            report("warning: OPENBLAS_CORETYPE=\(forced) forces a kernel and can halve the speed; unset it")
        }
    }
}
