package import RunSpec

/// What `radiata plan --format json` prints (a contract, docs/reference/sweep-file.md).
package struct PlanReport: Codable, Equatable, Sendable {
    package struct Job: Codable, Equatable, Sendable {
        package var id: String
        package var group: String
        /// Exactly what the sweep file set for the point, defaults included.
        package var parameters: [String: ParameterValue]
        package var seed: Int
        /// Present, and true, where base or data are missing: the id then stands for their path, not for
        /// their content.
        package var provisional: Bool?
    }

    package var sweep: String
    package var configurations: Int
    package var jobs: [Job]
    package var checkpoints: Int
}

extension SweepPlan {
    package var report: PlanReport {
        PlanReport(
            sweep: name.text, configurations: configurations.count,
            jobs: jobs.map { job in
                let configuration = configurations[job.configuration]
                return PlanReport.Job(
                    id: job.id.text, group: configuration.group, parameters: configuration.given, seed: job.seed,
                    provisional: job.provisional ? true : nil)
            }, checkpoints: checkpointCount)
    }
}
