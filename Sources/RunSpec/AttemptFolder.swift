/// Names inside the folder of one attempt: the interface between a trainer and the worker that watches it.
package struct AttemptFolder: Equatable, Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// Append-only lines (`MetricLine`).
    package var metrics: String { path + "/metrics.jsonl" }
    /// One folder per checkpoint, made by rename from a name that starts with `temporaryPrefix`.
    package var checkpoints: String { path + "/checkpoints" }
    /// Append-only lines (`EvaluationRow`).
    package var evaluations: String { path + "/evaluations.jsonl" }
    /// Append-only lines (`ArtifactRow`); the files lie under `artifactFiles`.
    package var artifacts: String { path + "/artifacts.jsonl" }
    package var artifactFiles: String { path + "/artifacts" }
    /// Written by the worker before a resumed start (`RestoredProgress`).
    package var restored: String { path + "/restored.json" }
    /// Written by a trainer of the core when its task has ended (`TrainerExitRecord`).
    package var exit: String { path + "/exit.json" }
    /// The training state a resumed attempt goes on from.
    package var resume: String { path + "/resume" }
    /// There once the job has trained enough: a trainer of the core then ends with what it has, as if it had
    /// come to its end.
    package var enough: String { path + "/enough" }
    /// What it does now, for people (`ProgressRecord`).
    package var progress: String { path + "/progress.json" }
    /// What an evaluation measures.
    package var subject: String { path + "/subject" }

    /// The folder of a checkpoint by its name.
    package func checkpoint(_ name: String) -> String { checkpoints + "/" + name }

    /// Folders under `checkpoints` whose name starts so are unfinished.
    package static let temporaryPrefix = "."

    package static let manifestName = "manifest.json"
    package static let adapterName = "adapter.safetensors"
    package static let stateTensorsName = "state.safetensors"
    package static let stateName = "state.json"

    /// `step-00000120`: names sort by step.
    package static func checkpointName(step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// The step in a checkpoint's name; nil for another name.
    package static func step(ofCheckpoint name: String) -> Int? {
        guard name.hasPrefix("step-"), name.count >= 13 else { return nil }
        return Int(name.dropFirst(5))
    }
}
