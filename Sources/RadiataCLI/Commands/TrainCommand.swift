import ArgumentParser
import Foundation
import RunSpec
import SweepFile
import SweepModel
import WorkerTrainer

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train and evaluate one job here, without a coordinator.",
        discussion:
            "JOB is a sweep file that expands to one job. Ctrl-C saves the training state; --resume goes on from it.")

    @Argument(help: "A sweep file that expands to exactly one job.")
    var job: String

    @Option(help: "The attempt folder: metrics.jsonl, checkpoints/, evaluations.jsonl, artifacts/.")
    var out: String

    @Option(help: "A checkpoint folder with a training state to go on from.")
    var resume: String?

    @Option(help: "Folder with vocab.json and merges.txt, for a base in one file; beside the file if left out.")
    var tokenizer: String?

    @Option(
        help:
            "Write what every step saw to this safetensors file, in 'model replay's format, and the first adapter beside it."
    )
    var dumpBatches: String?

    @OptionGroup var machine: MachineOptions

    func run() throws {
        let sweep = try SweepFileReader(digest: .lookedUp).read(job)
        for warning in sweep.plan.warnings { Console.note("warning: \(warning)") }
        guard sweep.plan.jobs.count == 1 else {
            throw CommandFailure(
                .usage,
                "\(job) expands to \(sweep.plan.jobs.count) jobs, wanted exactly one; use 'radiata launch' for sweeps")
        }
        let resolved: ResolvedJob
        do {
            resolved = try sweep.definition.resolvedJobs(sweep.plan)[0]
        } catch {
            throw CommandFailure(.usage, "\(job): \(error.message)")
        }
        guard resolved.trainer.isCore else {
            throw CommandFailure(.usage, "\(job): its trainer is a command; run that command, or launch the sweep")
        }
        guard let base = resolved.base, let data = resolved.data else {
            throw CommandFailure(.usage, "\(job): 'base' and 'data' are needed to train; add them")
        }
        if resolved.kind == .edit {
            let edit = try resolved.editTask(
                base: base.path, data: data.path, encoders: resolved.encoders.mapValues(\.path))
            let status = TrainerEntry.run(TrainerTask(edit: edit, out: out), threads: machine.count)
            if status != 0 { throw ExitCode(status) }
            return
        }
        let training = try resolved.trainingJob(
            base: base.path, data: data.path, regData: resolved.regData?.path,
            encoders: resolved.encoders.mapValues(\.path))
        let status = TrainerEntry.run(
            TrainerTask(job: training, out: out, resume: resume), threads: machine.count,
            extras: .init(tokenizer: tokenizer, dumpBatches: dumpBatches))
        if status != 0 { throw ExitCode(status) }
    }
}
