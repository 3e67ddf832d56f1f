package import Ports
import SweepFile
package import SweepLedger
package import SweepModel
package import SweepWire

extension LaunchSweep {
    /// Expands what a client posted, with the code of `plan`; jobs get their ids slice by slice. Blocks:
    /// megabytes of YAML and JSON.
    ///
    /// - Returns: the verb without its jobs, which are stored slice by slice.
    /// - Throws: `WireError` with every fault of the file.
    package static func prepare(_ request: LaunchRequest, now: WallTime) throws -> (LaunchSweep, JobResolver) {
        let (definition, outline): (SweepDefinition, SweepOutline)
        do throws(SweepFileError) {
            (definition, outline) = try SweepFile.outline(request.bundle)
        } catch {
            throw WireError(.badRequest, error.description)
        }
        let bundle = try WireJSON.encode(request.bundle)
        var verb = LaunchSweep(
            key: request.key, digest: ContentDigest.of(bundle).text, name: definition.name,
            fileDigest: request.bundle.digest.text, bundle: String(decoding: bundle, as: UTF8.self),
            priority: definition.priority, configurations: outline.plan.configurations.count,
            checkpoints: outline.checkpointCount, jobs: [], now: now)
        verb.metrics = definition.metrics
        verb.budget = definition.budget
        verb.external = definition.externalEvaluation
        let jobs = try JobResolver(definition, outline)
        verb.measuring = try jobs.jobs(0..<1).first.flatMap { $0.evaluation == nil ? nil : EvaluationProtocol($0) }
        return (verb, jobs)
    }
}
