import CoreTraining
import Foundation
import RunSpec
import Testing

/// All suites that set the number of compute threads, which belongs to the whole process: one test after the
/// other.
@Suite("Training", .serialized)
enum Training {
    /// Runs a job until `stop` steps are done, or to its end.
    @discardableResult
    static func run(
        _ job: TrainingJob, in out: AttemptFolder, resume: String? = nil, stop: Int? = nil
    ) throws -> TrainingOutcome {
        var asked = 0
        var surroundings = TrainingRun.Surroundings(clock: { 0 })
        surroundings.shouldStop = {
            defer { asked += 1 }
            return asked == stop
        }
        return try TrainingRun(job: job, out: out.path, resume: resume, surroundings: surroundings).run()
    }

    static func adapterPath(_ out: AttemptFolder, step: Int) -> String {
        out.checkpoint(AttemptFolder.checkpointName(step: step)) + "/" + AttemptFolder.adapterName
    }

    static func adapter(_ out: AttemptFolder, step: Int) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: adapterPath(out, step: step)))
    }
}
