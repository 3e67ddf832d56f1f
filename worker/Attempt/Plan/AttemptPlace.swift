/// Names inside the folder of one attempt. What the trainer sees is `out` alone.
package struct AttemptPlace: Hashable, Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// The grant, written first: what a restarted worker needs to hand in what is left.
    var grant: String { path + "/attempt.json" }
    /// The GPUs it has, as JSON; not there without any.
    var gpus: String { path + "/gpus.json" }
    /// Pid and start time of the trainer, written before it runs.
    var process: String { path + "/process" }
    /// The trainer's wait status, written by the guard, also when the worker is gone; "-" before.
    var ending: String { process + ".exit" }
    /// Standard output and error of the trainer.
    var log: String { path + "/log" }
    package var out: String { path + "/out" }
    var spool: String { path + "/spool" }
    var job: String { path + "/job.json" }
    /// Copies of files that the trainer writes again in place, while they are handed on.
    var copies: String { path + "/copies" }
    /// Pictures found in metric files, which become samples.
    var images: String { path + "/images" }
    /// The trainer's own view of the data, in which it may write.
    package var data: String { path + "/data" }
    /// What was made for the job before, likewise.
    var prepared: String { path + "/prepared" }
    /// Records and outputs of evaluation commands.
    var evaluation: String { path + "/evaluation" }
}
