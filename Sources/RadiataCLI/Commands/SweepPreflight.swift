import CoreTools
import RunSpec
import SweepFile
import SweepModel

/// What `plan` and `launch` say about the needs of a sweep's jobs before anything runs.
enum SweepPreflight {
    // The hungriest of so many configurations is told; a sweep has up to a million.
    private static let most = 500

    /// - Returns: what the hungriest job needs; nil for a command trainer, or where the base is not here.
    /// - Throws: `CommandFailure` with exit code 2 for what every worker would refuse as `bad-config`.
    static func check(_ sweep: SweepFile, file: String) throws -> JobNeeds? {
        let definition = sweep.definition
        guard definition.trainer.isCore, let base = definition.base?.path else { return nil }
        // A missing folder has its warning already; ids are provisional then.
        guard definition.encoders.values.allSatisfy({ $0.path != nil }) else { return nil }
        let edits = sweep.plan.edits(by: definition.trainer)
        let preflight = JobPreflight(
            base: base, evaluation: edits ? .standard : definition.evaluation,
            encoders: definition.encoders.compactMapValues(\.path))
        do {
            if edits {
                // What an edit needs of memory is little beside a training.
                try preflight.check(
                    edits: try sweep.plan.configurations.prefix(most).map { try EditSpec(resolved: $0.parameters) })
                return nil
            }
            let jobs = try sweep.plan.configurations.prefix(most).map {
                (training: try TrainingSpec(resolved: $0.parameters, seed: 0), checkpoints: $0.checkpointCount)
            }
            return try preflight.check(jobs)
        } catch let error as JobPreflightError {
            throw CommandFailure(.usage, "\(file): every job would end as bad-config: \(error.message)")
        } catch let error as RunSpecError {
            throw CommandFailure(.usage, "\(file): \(error.message)")
        }
    }
}
