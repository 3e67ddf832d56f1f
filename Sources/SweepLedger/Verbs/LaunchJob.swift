package import RunSpec
package import SweepModel

/// A job ready to be stored: everything written as text beforehand, off the writer's thread.
package struct LaunchJob: Sendable {
    package var id: JobID
    package var seed: Int
    /// The resolved job as JSON.
    package var spec: String
    /// Jobs of a configuration have all else in common: copying one of thousands takes three values.
    private var common: Common

    private final class Common: Sendable {
        let values: Values
        init(_ values: Values) { self.values = values }
    }

    private struct Values {
        var configuration: ConfigurationID
        let parameters: String
        let given: String
        let group: String
        let priority: Int
        let needs: RequirementSpec
        let requirements: String
        let retries: String
        let statesKept: Int
        let stopRule: StopRule?
        let needsAdapter: Bool
        let edits: Bool
        var preparations: [LaunchJob]
        let memoryClass: String?
        var preparation: (name: String, scope: CommandTrainer.PrepareRule.Scope)?
        var former: JobIdentity?
    }

    /// - Throws: `LedgerError` for values that cannot be written.
    package init(_ job: ResolvedJob) throws {
        try self.init(
            job, given: LedgerJSON.text(job.given), parameters: LedgerJSON.text(job.parameters),
            spec: LedgerJSON.text(job))
    }

    /// - Parameters:
    ///   - given: as JSON, like the others.
    init(_ job: ResolvedJob, given: String, parameters: String, spec: String) throws {
        id = job.id
        seed = job.seed
        self.spec = spec
        common = Common(
            Values(
                configuration: job.configuration, parameters: parameters, given: given, group: job.group,
                priority: job.priority, needs: job.needs, requirements: try LedgerJSON.text(job.needs),
                retries: try LedgerJSON.text(job.retries),
                statesKept: job.retention.last ?? RetentionDecision.usualStates, stopRule: job.stopRule,
                needsAdapter: job.trainer.command.map { $0.checkpoints.contains { $0.kind == .adapter } } ?? false,
                edits: job.kind == .edit, preparations: try Self.preparations(of: job), memoryClass: job.memoryClass,
                preparation: nil, former: job.former))
    }

    static func preparations(of job: ResolvedJob) throws -> [LaunchJob] {
        try job.preparations().map { made in
            var other = try LaunchJob(made.job)
            other.change { $0.preparation = (made.rule.title, made.rule.scope) }
            return other
        }
    }

    private mutating func change(_ body: (inout Values) -> Void) {
        var values = common.values
        body(&values)
        common = Common(values)
    }

    package var configuration: ConfigurationID {
        get { common.values.configuration }
        set { change { $0.configuration = newValue } }
    }
    /// Resolved parameters as JSON.
    package var parameters: String { common.values.parameters }
    /// What the sweep file set, as JSON.
    package var given: String { common.values.given }
    package var group: String { common.values.group }
    package var priority: Int { common.values.priority }
    package var needs: RequirementSpec { common.values.needs }
    /// The same as JSON.
    package var requirements: String { common.values.requirements }
    package var retries: String { common.values.retries }
    /// Training states kept in the store.
    package var statesKept: Int { common.values.statesKept }
    /// When it has trained enough, and whether that needs an adapter.
    package var stopRule: StopRule? { common.values.stopRule }
    package var needsAdapter: Bool { common.values.needsAdapter }
    /// Whether it edits pictures.
    package var edits: Bool { common.values.edits }
    /// What must be done before it.
    package var preparations: [LaunchJob] {
        get { common.values.preparations }
        set { change { $0.preparations = newValue } }
    }
    /// Which jobs need about the same memory of a GPU; nil for one that uses none.
    package var memoryClass: String? { common.values.memoryClass }
    /// For one that others wait for: its name there.
    package var preparation: (name: String, scope: CommandTrainer.PrepareRule.Scope)? { common.values.preparation }
    /// What an earlier program named it by.
    var former: JobIdentity? {
        get { common.values.former }
        set { change { $0.former = newValue } }
    }
}
