import CoreTools
import Foundation
package import Ports
package import RunSpec

/// Where the halves meet: a worker's child process, or `radiata train`, runs one attempt of one job.
package enum TrainerEntry {
    /// Trains and judges; progress goes to standard output, faults to standard error.
    ///
    /// - Parameters:
    ///   - out: the attempt folder, whose layout is `AttemptFolder`.
    ///   - resume: a checkpoint folder with a training state.
    ///   - cache: where jobs share the base's images; nil: `RADIATA_CACHE`, else the user's cache folder.
    ///   - tokenizer: the tokenizer's folder for a base in one file; nil looks beside the file.
    ///   - dumpBatches: a file for what every step sees; nil for none.
    /// - Returns: a `TrainerExit` status; 1 for what trying again may mend.
    package static func run(
        job: TrainingJob, out: String, resume: String?, threads: Int, cache: String? = nil, tokenizer: String? = nil,
        dumpBatches: String? = nil, time: any TimeSource = SystemTime()
    ) -> Int32 {
        StopSignal.install()
        let start = time.monotonic()
        let clock = { (time.monotonic() - start).inSeconds }
        let lines = ProgressLines(
            clock: clock, isTerminal: StandardStream.output.isTerminal, readerGone: StopSignal.ask)
        var attempt = TrainJob(
            job: job, out: out, resume: resume, cache: cache ?? defaultCache, threads: threads, clock: clock,
            shouldStop: { StopSignal.wasAsked }, progress: lines.step, report: lines.line)
        attempt.tokenizer = tokenizer
        attempt.dumpBatches = dumpBatches
        do {
            switch try attempt.run() {
            case .done:
                lines.line("done")
                return TrainerExit.done
            case .stopped(let step):
                lines.line("stopped at step \(step); the state is saved")
                return TrainerExit.stopped
            case .diverged(let message):
                complain(message)
                return TrainerExit.notANumber
            }
        } catch let error as JobPreflightError {
            complain(error.message)
            return TrainerExit.badConfig
        } catch {
            complain("\(error)")
            return TrainJob.isRefusal(error) ? TrainerExit.badConfig : 1
        }
    }

    private static var defaultCache: String {
        let environment = ProcessInfo.processInfo.environment
        if let own = environment["RADIATA_CACHE"], !own.isEmpty { return own }
        return UserFolders(environment: environment).cache
    }

    private static func complain(_ message: String) {
        // Where nobody can be told, the exit status still says it.
        try? StandardStream.error.write("radiata: \(message)\n")
    }
}
