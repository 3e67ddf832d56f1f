import CoreTools
import Foundation
package import Ports
package import RunSpec

/// Where the halves meet: a worker's child process, or `radiata train`, runs attempts of jobs.
package enum TrainerEntry {
    /// What only a person who trains one job by hand may add to it.
    package struct Extras {
        /// Where jobs share the base's images; nil: `RADIATA_CACHE`, else the user's cache folder.
        package var cache: String?
        /// The tokenizer's folder for a base in one file; nil looks beside the file.
        package var tokenizer: String?
        /// A file for what every step sees; nil for none.
        package var dumpBatches: String?

        package init(cache: String? = nil, tokenizer: String? = nil, dumpBatches: String? = nil) {
            self.cache = cache
            self.tokenizer = tokenizer
            self.dumpBatches = dumpBatches
        }
    }

    /// Runs the tasks that a worker wrote, one after another, each with a record of its end
    /// (`TrainerExitRecord`). Asked to stop, it begins no other.
    ///
    /// - Parameter tasks: files with a `TrainerTask` each.
    /// - Returns: the status of the last task that was begun.
    package static func run(tasks: [String], threads: Int, time: any TimeSource = SystemTime()) -> Int32 {
        var status = TrainerExit.done
        var starting = ProcessAge.seconds
        for file in tasks where status != TrainerExit.stopped {
            do throws(RunSpecError) {
                let task = try TrainerTask(file: file)
                status = run(task, threads: threads, starting: starting, time: time)
                starting = 0
                record(status, in: AttemptFolder(task.out))
            } catch {
                complain(error.message)
                status = TrainerExit.badConfig
            }
        }
        return status
    }

    /// Trains one job and evaluates its checkpoints; progress goes to standard output, faults to standard
    /// error.
    ///
    /// - Parameter starting: seconds that the process took before.
    /// - Returns: a `TrainerExit` status; 1 for what trying again may mend.
    package static func run(
        _ task: TrainerTask, threads: Int, extras: Extras = Extras(), starting: Double = 0,
        time: any TimeSource = SystemTime()
    ) -> Int32 {
        StopSignal.install()
        let start = time.monotonic()
        let clock = { (time.monotonic() - start).inSeconds }
        let (job, resume): (TrainingJob, String?)
        switch task.work {
        case .evaluate(let evaluation):
            return run(evaluation, out: task.out, threads: threads, extras: extras, clock: clock)
        case .edit(let edit): return run(edit, out: task.out, threads: threads, extras: extras, clock: clock)
        case .train(let training, let from): (job, resume) = (training, from)
        }
        let lines = ProgressLines(
            clock: clock, isTerminal: StandardStream.output.isTerminal, readerGone: StopSignal.ask)
        var attempt = TrainingAttempt(
            job: job, out: task.out, resume: resume, cache: extras.cache ?? defaultCache, threads: threads,
            clock: clock, shouldStop: { StopSignal.wasAsked }, progress: lines.step, report: lines.line)
        // The worker leaves a mark before it asks: without a signal there is nothing to look for.
        let mark = AttemptFolder(task.out).enough
        let wasMarked = FileManager.default.fileExists(atPath: mark)
        attempt.isEnough = {
            (wasMarked || StopSignal.wasAsked) && FileManager.default.fileExists(atPath: mark)
        }
        attempt.starting = starting
        attempt.tokenizer = extras.tokenizer
        attempt.dumpBatches = extras.dumpBatches
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
            return TrainingAttempt.isRefusal(error) ? TrainerExit.badConfig : 1
        }
    }

    private static func run(
        _ task: EvaluationTask, out: String, threads: Int, extras: Extras, clock: @escaping () -> Double
    ) -> Int32 {
        let lines = ProgressLines(
            clock: clock, isTerminal: StandardStream.output.isTerminal, readerGone: StopSignal.ask)
        var attempt = EvaluationAttempt(
            task: task, out: out, cache: extras.cache ?? defaultCache, threads: threads,
            program: thisProgram, clock: clock,
            shouldStop: { StopSignal.wasAsked }, report: lines.line)
        attempt.metricHost = ProcessInfo.processInfo.environment["RADIATA_METRIC_HOST"]
        return ended(lines, stopped: "stopped; it begins anew") { try attempt.run() }
    }

    private static func run(
        _ task: EditTask, out: String, threads: Int, extras: Extras, clock: @escaping () -> Double
    ) -> Int32 {
        let lines = ProgressLines(
            clock: clock, isTerminal: StandardStream.output.isTerminal, readerGone: StopSignal.ask)
        let attempt = EditAttempt(
            task: task, out: out, cache: extras.cache ?? defaultCache, threads: threads, clock: clock,
            shouldStop: { StopSignal.wasAsked }, report: lines.line)
        return ended(lines, stopped: "stopped; it goes on behind the pictures that are edited") { try attempt.run() }
    }

    /// - Parameter work: false if it was asked to stop.
    private static func ended(_ lines: ProgressLines, stopped: String, _ work: () throws -> Bool) -> Int32 {
        do {
            guard try work() else {
                lines.line(stopped)
                return TrainerExit.stopped
            }
            lines.line("done")
            return TrainerExit.done
        } catch {
            complain("\(error)")
            return TrainingAttempt.isRefusal(error) ? TrainerExit.badConfig : 1
        }
    }

    /// Keeps programs that measure images running between attempts, until it is asked to stop or nobody has
    /// asked it for `idle` seconds.
    ///
    /// - Returns: 0; 1 where the socket cannot be made.
    package static func hostMetrics(socket: String, idle: Double) -> Int32 {
        StopSignal.install()
        do {
            try MetricHost(socket: socket) { StopSignal.wasAsked }.run(idle: idle)
            return TrainerExit.done
        } catch {
            complain("\(error)")
            return 1
        }
    }

    /// The path of this program's file; its name where the system does not tell.
    private static var thisProgram: String {
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return link ?? CommandLine.arguments[0]
    }

    /// The process's status says the same of a single task, so a record that cannot be written ends nothing.
    private static func record(_ status: Int32, in folder: AttemptFolder) {
        do {
            try JSONEncoder().encode(TrainerExitRecord(status: status)).write(to: URL(fileURLWithPath: folder.exit))
        } catch {
            complain("\(folder.exit): \(error)")
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
