package import Ports
import SweepFile
package import SweepLedger
package import SweepModel
package import SweepWire

extension LaunchSweep {
    /// Expands what a client posted, with the code of `plan`. Blocks: megabytes of YAML and JSON.
    ///
    /// - Returns: the verb without its jobs, which are stored slice by slice.
    /// - Throws: `WireError` with every fault of the file.
    package static func prepare(_ request: LaunchRequest, now: WallTime) throws -> (LaunchSweep, JobResolver) {
        let file: SweepFile
        do throws(SweepFileError) {
            file = try SweepFile.read(request.bundle)
        } catch {
            throw WireError(.badRequest, error.description)
        }
        let bundle = try WireJSON.encode(request.bundle)
        var verb = LaunchSweep(
            key: request.key, digest: ContentDigest.of(bundle).text, name: file.definition.name,
            fileDigest: request.bundle.digest.text, bundle: String(decoding: bundle, as: UTF8.self),
            priority: file.definition.priority, configurations: file.plan.configurations.count,
            checkpoints: file.plan.checkpointCount, jobs: [], now: now)
        verb.metrics = file.definition.metrics
        verb.budget = file.definition.budget
        verb.external = file.definition.externalEvaluation
        let jobs = try JobResolver(file.definition, file.plan)
        verb.measuring = try jobs.jobs(0..<1).first.flatMap { $0.evaluation == nil ? nil : EvaluationProtocol($0) }
        return (verb, jobs)
    }
}
