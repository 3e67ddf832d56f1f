package import RunSpec

/// A sweep, expanded: every configuration once, every job once.
package struct SweepPlan: Codable, Equatable, Sendable {
    package var name: SweepName
    package var configurations: [PlannedConfiguration]
    /// In the order of the file; grouped by configuration.
    package var jobs: [PlannedJob]
    /// Worth saying, but no fault: parameters an algorithm ignores, inputs that are not there.
    package var warnings: [String]

    package init(
        name: SweepName, configurations: [PlannedConfiguration], jobs: [PlannedJob], warnings: [String]
    ) {
        self.name = name
        self.configurations = configurations
        self.jobs = jobs
        self.warnings = warnings
    }

    /// Whether its jobs edit pictures; then none trains.
    package func edits(by trainer: TrainerSpec) -> Bool {
        configurations.first.map { JobKind(of: $0.parameters, trainer: trainer) == .edit } ?? false
    }

    /// Checkpoints that all jobs together save.
    package var checkpointCount: Int {
        jobs.reduce(0) { $0 + configurations[$1.configuration].checkpointCount }
    }
}

/// One point of the search space.
package struct PlannedConfiguration: Codable, Equatable, Sendable {
    package var id: ConfigurationID
    /// What an earlier program named it and its jobs by, where that is something else. A ledger that has it
    /// goes on with it; it is in no JSON.
    package var former: JobIdentity?
    /// The first group it appears in.
    package var group: String
    /// Every group it appears in.
    package var groups: [String]
    /// Exactly what the sweep file set, defaults included.
    package var given: [String: ParameterValue]
    /// What is trained: for the core with everything filled in; for a command the same as `given`.
    package var parameters: [String: ParameterValue]
    /// Trimmed to the job's epochs.
    package var checkpoints: CheckpointPlan?
    package var checkpointCount: Int

    package init(
        id: ConfigurationID, group: String, groups: [String], given: [String: ParameterValue],
        parameters: [String: ParameterValue], checkpoints: CheckpointPlan?, checkpointCount: Int
    ) {
        self.id = id
        self.group = group
        self.groups = groups
        self.given = given
        self.parameters = parameters
        self.checkpoints = checkpoints
        self.checkpointCount = checkpointCount
    }
}

extension PlannedConfiguration {
    private enum CodingKeys: String, CodingKey {
        case id, group, groups, given, parameters, checkpoints, checkpointCount
    }
}

/// A configuration with a seed.
package struct PlannedJob: Codable, Equatable, Sendable {
    package var id: JobID
    /// Index into the plan's configurations.
    package var configuration: Int
    package var seed: Int
    /// The base or the data was not there: the id is of its path, not of its content.
    package var provisional: Bool

    package init(id: JobID, configuration: Int, seed: Int, provisional: Bool) {
        self.id = id
        self.configuration = configuration
        self.seed = seed
        self.provisional = provisional
    }
}
